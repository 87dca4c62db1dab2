//! Which headers the packet is known to have, from what was compared so far.

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::{CtKey, MetaKey};
use smallvec::SmallVec;

use crate::ruleset::render::nft::header::{
    ANY_TRANSPORT, ARP, ECHO, ECHO_REPLY6, ECHO6, ETHER, Header, ICMP, ICMP6, INET, IP, IP6, Layer, NETDEV, UNKNOWN,
};
use crate::ruleset::render::nft::key;
use crate::ruleset::render::nft::tree::Payload;

/// What is known of the packet.
pub(super) struct Context {
    pub family: Family,
    headers: [Option<&'static Header>; 5],
    /// Headers below the one that counts as the link-layer header: a VLAN tag follows the Ethernet header.
    stacked: SmallVec<[&'static Header; 4]>,
    /// The type of the ICMP message; 0 if it is not known.
    pub icmp_type: u8,
}

impl Context {
    pub fn new(family: Family) -> Self {
        let mut context = Self { family, headers: [None; 5], stacked: SmallVec::new(), icmp_type: 0 };
        if let Some(base) = context.base() {
            context.set(base.layer, base);
        }
        context
    }

    /// What every packet that the family's hooks see begins with.
    pub fn base(&self) -> Option<&'static Header> {
        Some(match self.family {
            Family::Bridge => &ETHER,
            Family::Netdev => &NETDEV,
            Family::Inet => &INET,
            Family::Ip => &IP,
            Family::Ip6 => &IP6,
            Family::Arp => &ARP,
            Family::Unspec | Family::Unknown(_) => return None,
        })
    }

    pub fn header(&self, layer: Layer) -> Option<&'static Header> {
        self.headers.get(layer as usize).copied().flatten()
    }

    fn set(&mut self, layer: Layer, header: &'static Header) {
        if let Some(place) = self.headers.get_mut(layer as usize) {
            *place = Some(header);
        }
    }

    /// Learns from a comparison of a `meta` key with a number.
    pub fn learn_meta(&mut self, key: MetaKey, value: u128) {
        let Some(base) = self.base() else { return };
        let number = value as u32;
        let known = |header: Option<&'static Header>| header.unwrap_or(&UNKNOWN);
        match key {
            MetaKey::Iiftype => {
                /// `ARPHRD_ETHER`
                const ETHERNET: u32 = 1;
                if base.layer < Layer::Network && !matches!(self.family, Family::Inet | Family::Netdev) {
                    return;
                }
                self.set(Layer::Link, if number & 0xffff == ETHERNET { &ETHER } else { &UNKNOWN });
            }
            MetaKey::Nfproto => {
                let number = number & 0xff;
                let own = number == u32::from(self.family.code()) && base.layer == Layer::Network;
                self.set(Layer::Network, if own { base } else { known(base.next(number)) });
            }
            MetaKey::L4proto => self.set(Layer::Transport, known(ANY_TRANSPORT.next(number & 0xff))),
            MetaKey::Protocol if matches!(self.family, Family::Netdev | Family::Bridge) => {
                self.set(Layer::Network, known(base.next(number & 0xffff)));
            }
            _ => {}
        }
    }

    /// Learns from a comparison of a `ct` key with a number.
    pub fn learn_ct(&mut self, key: CtKey, value: u128) {
        let (layer, _) = key::ct_layer(key);
        if let Some(next) = self.header(layer).and_then(|h| h.next(value as u32)) {
            self.set(layer.above(), next);
        }
    }

    /// Learns from a comparison of a field that names the next header.
    pub fn learn_payload(&mut self, payload: &Payload, value: u128) {
        let Some(base) = self.header(payload.layer) else { return };
        let number = value as u32;
        if let Some(next) = base.next(number) {
            if next.layer == base.layer && next.layer == Layer::Link {
                self.stacked.push(base);
            }
            self.set(next.layer, next);
        } else if base.is(&ICMP) {
            // An echo reply is 0, which stands for "not known": it has the fields of a request.
            self.icmp_type = if number == 0 { ECHO } else { number as u8 };
        } else if base.is(&ICMP6) {
            self.icmp_type = if number as u8 == ECHO_REPLY6 { ECHO6 } else { number as u8 };
        }
    }

    /// The header that an offset falls into, and where that header begins.
    pub fn stacked(&self, top: &'static Header, payload: &Payload) -> (&'static Header, u32) {
        if payload.layer != Layer::Link || payload.offset < top.bits {
            return (top, 0);
        }
        let (mut offset, mut begin) = (payload.offset, 0);
        for header in &self.stacked {
            if offset < header.bits {
                return (header, begin);
            }
            offset -= header.bits;
            begin += header.bits;
        }
        (top, begin)
    }
}
