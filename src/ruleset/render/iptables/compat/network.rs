//! Conditions on the network header.

use std::net::{Ipv4Addr, Ipv6Addr};

use nfblame_sys::nft::expr::{Cmp, CmpOp, Payload, PayloadBase};
use nfblame_sys::uapi::x_tables::{
    ARPT_INV_ARPHLN, ARPT_INV_ARPHRD, ARPT_INV_ARPOP, ARPT_INV_ARPPRO, ARPT_INV_SRCDEVADDR, ARPT_INV_SRCIP,
    ARPT_INV_TGTDEVADDR, ARPT_INV_TGTIP, IP6T_F_PROTO, IPT_F_FRAG, IPT_INV_DSTIP, IPT_INV_FRAG, IPT_INV_SRCIP,
    XT_INV_PROTO,
};
use nfblame_sys::xt::{ArpSelector, DeviceAddress, Family, Selector};

use super::meta::inverted;
use super::register::Loaded;
use super::{Parsed, RuleMatch, padded};

/// The 13 bits of the fragment offset.
const FRAGMENT_OFFSET: &[u8] = &[0x1f, 0xff];
/// The size of `struct arphdr`: what stands before the addresses.
const ARP_HEADER: u32 = 8;

impl<'r> Parsed<'r> {
    /// Takes a comparison of a part of the packet in; `None` if it is none that iptables makes.
    pub(super) fn payload(&mut self, p: Payload, loaded: &Loaded<'r>, cmp: &'r Cmp) -> Option<()> {
        match p.base {
            PayloadBase::Network => {}
            PayloadBase::Transport => return self.transport(p, loaded, cmp),
            _ => return None,
        }
        match (self.family, p.offset, p.len) {
            (Family::Ip, 8, 1) | (Family::Ip6, 7, 1) => self.hop_limit(loaded, cmp),
            (Family::Ip, 9, 1) | (Family::Ip6, 6, 1) if loaded.mask.is_none() => {
                self.protocol(u16::from(*cmp.data.first()?), inverted(cmp.op)?)
            }
            _ => match &mut self.selector {
                Selector::Ip(s) => match (p.offset, p.len) {
                    (12, _) => ipv4(p, loaded, cmp, &mut s.src, &mut s.src_mask, flag8(&mut s.invert, IPT_INV_SRCIP)),
                    (16, _) => ipv4(p, loaded, cmp, &mut s.dst, &mut s.dst_mask, flag8(&mut s.invert, IPT_INV_DSTIP)),
                    (6, 2) if loaded.mask?.as_bytes() == FRAGMENT_OFFSET && cmp.data.iter().all(|&b| b == 0) => {
                        s.flags |= IPT_F_FRAG;
                        // A fragment's offset is not 0, so it is "equal" that inverts.
                        flag8(&mut s.invert, IPT_INV_FRAG)(!inverted(cmp.op)?);
                        Some(())
                    }
                    _ => None,
                },
                Selector::Ip6(s) => match p.offset {
                    8 => ipv6(p, loaded, cmp, &mut s.src, &mut s.src_mask, flag8(&mut s.invert, IPT_INV_SRCIP)),
                    24 => ipv6(p, loaded, cmp, &mut s.dst, &mut s.dst_mask, flag8(&mut s.invert, IPT_INV_DSTIP)),
                    _ => None,
                },
                Selector::Arp(s) => arp(s, p, loaded, cmp),
            },
        }
    }

    pub(super) fn protocol(&mut self, number: u16, inverted: bool) -> Option<()> {
        let (proto, invert) = match &mut self.selector {
            Selector::Ip(s) => (&mut s.proto, &mut s.invert),
            Selector::Ip6(s) => {
                s.flags |= IP6T_F_PROTO;
                (&mut s.proto, &mut s.invert)
            }
            Selector::Arp(_) => return None,
        };
        if *proto != 0 {
            return None;
        }
        *proto = number;
        if inverted {
            *invert |= XT_INV_PROTO;
        }
        Some(())
    }

    /// `-m ttl` and `-m hl`
    fn hop_limit(&mut self, loaded: &Loaded<'r>, cmp: &Cmp) -> Option<()> {
        const EQUAL: u8 = 0;
        const UNEQUAL: u8 = 1;
        const LESS: u8 = 2;
        const GREATER: u8 = 3;
        let &[limit] = cmp.data.as_bytes() else { return None };
        if loaded.mask.is_some() {
            return None;
        }
        let (mode, limit) = match cmp.op {
            CmpOp::Eq => (EQUAL, limit),
            CmpOp::Neq => (UNEQUAL, limit),
            CmpOp::Lt => (LESS, limit),
            CmpOp::Gt => (GREATER, limit),
            CmpOp::Lte => (LESS, limit.checked_add(1)?),
            CmpOp::Gte => (GREATER, limit.checked_sub(1)?),
            CmpOp::Unknown(_) => return None,
        };
        let name: &[u8] = if self.family == Family::Ip6 { b"hl" } else { b"ttl" };
        self.matches.push(RuleMatch::Made { name, revision: 0, data: vec![mode, limit] });
        Some(())
    }
}

fn flag8(word: &mut u8, bit: u8) -> impl FnOnce(bool) {
    move |on| *word |= if on { bit } else { 0 }
}

fn flag16(word: &mut u16, bit: u16) -> impl FnOnce(bool) {
    move |on| *word |= if on { bit } else { 0 }
}

/// Value and mask of a comparison of up to `N` bytes: bytes that were not loaded are not compared.
fn masked<const N: usize>(p: Payload, loaded: &Loaded<'_>, cmp: &Cmp) -> Option<([u8; N], [u8; N])> {
    let mask = match loaded.mask {
        Some(mask) => padded(mask)?,
        None => {
            let mut mask = [0; N];
            mask.get_mut(..usize::try_from(p.len).ok()?)?.fill(0xff);
            mask
        }
    };
    Some((padded(&cmp.data)?, mask))
}

fn ipv4(
    p: Payload,
    loaded: &Loaded<'_>,
    cmp: &Cmp,
    address: &mut Ipv4Addr,
    mask: &mut Ipv4Addr,
    invert: impl FnOnce(bool),
) -> Option<()> {
    if !mask.is_unspecified() {
        return None;
    }
    let (value, bits) = masked::<4>(p, loaded, cmp)?;
    invert(inverted(cmp.op)?);
    (*address, *mask) = (value.into(), bits.into());
    Some(())
}

fn ipv6(
    p: Payload,
    loaded: &Loaded<'_>,
    cmp: &Cmp,
    address: &mut Ipv6Addr,
    mask: &mut Ipv6Addr,
    invert: impl FnOnce(bool),
) -> Option<()> {
    if !mask.is_unspecified() {
        return None;
    }
    let (value, bits) = masked::<16>(p, loaded, cmp)?;
    invert(inverted(cmp.op)?);
    (*address, *mask) = (value.into(), bits.into());
    Some(())
}

fn arp(s: &mut ArpSelector, p: Payload, loaded: &Loaded<'_>, cmp: &Cmp) -> Option<()> {
    let hlen = u32::from(s.hlen.0);
    let number = || cmp.data.be16().filter(|_| loaded.mask.is_none()).map(|n| (n, u16::MAX));
    let byte = || cmp.data.first().copied().filter(|_| loaded.mask.is_none()).map(|n| (n, u8::MAX));
    match (p.offset, p.len) {
        (0, 2) => {
            s.htype = number()?;
            flag16(&mut s.invert, ARPT_INV_ARPHRD)(inverted(cmp.op)?);
        }
        (2, 2) => {
            s.ptype = number()?;
            flag16(&mut s.invert, ARPT_INV_ARPPRO)(inverted(cmp.op)?);
        }
        (4, 1) => {
            s.hlen = byte()?;
            flag16(&mut s.invert, ARPT_INV_ARPHLN)(inverted(cmp.op)?);
        }
        // Every rule of arptables-nft is about IPv4 addresses; it does not say so.
        (5, 1) => return (byte()?.0 == 4 && !inverted(cmp.op)?).then_some(()),
        (6, 2) => {
            s.op = number()?;
            flag16(&mut s.invert, ARPT_INV_ARPOP)(inverted(cmp.op)?);
        }
        (ARP_HEADER, _) if hlen != 0 => {
            device(p, loaded, cmp, &mut s.src_mac, flag16(&mut s.invert, ARPT_INV_SRCDEVADDR))?
        }
        (offset, _) => match offset.checked_sub(ARP_HEADER)? {
            at if at == hlen => {
                let invert = flag16(&mut s.invert, ARPT_INV_SRCIP);
                ipv4(p, loaded, cmp, &mut s.src, &mut s.src_mask, invert)?;
            }
            at if at == hlen + 4 => {
                device(p, loaded, cmp, &mut s.dst_mac, flag16(&mut s.invert, ARPT_INV_TGTDEVADDR))?;
            }
            at if at == 2 * hlen + 4 => {
                let invert = flag16(&mut s.invert, ARPT_INV_TGTIP);
                ipv4(p, loaded, cmp, &mut s.dst, &mut s.dst_mask, invert)?;
            }
            _ => return None,
        },
    }
    Some(())
}

fn device(
    p: Payload,
    loaded: &Loaded<'_>,
    cmp: &Cmp,
    device: &mut DeviceAddress,
    invert: impl FnOnce(bool),
) -> Option<()> {
    let (address, mask) = masked::<16>(p, loaded, cmp)?;
    invert(inverted(cmp.op)?);
    *device = DeviceAddress { address, mask };
    Some(())
}
