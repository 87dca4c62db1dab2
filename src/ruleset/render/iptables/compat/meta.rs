//! Conditions on what the kernel knows about the packet.

use nfblame_sys::nft::Data;
use nfblame_sys::nft::expr::{Cmp, CmpOp, Limit, LimitFlags, LimitKind, MetaKey};
use nfblame_sys::uapi::x_tables::{ARPT_INV_VIA_IN, ARPT_INV_VIA_OUT, IPT_INV_VIA_IN, IPT_INV_VIA_OUT};
use nfblame_sys::xt::{Interface, Selector};

use super::register::{Loaded, Source};
use super::{Parsed, RuleMatch};

/// `XT_LIMIT_SCALE`: `-m limit` counts in ten-thousandths of a second.
const LIMIT_SCALE: u64 = 10_000;
/// What iptables-nft compares with to say `! -i +`, which matches nothing.
const NO_INTERFACE: &[u8] = b"INVAL/D\0";

impl<'r> Parsed<'r> {
    /// Takes a comparison in; `None` if it is none that iptables makes.
    pub(super) fn compare(&mut self, cmp: &'r Cmp) -> Option<()> {
        let loaded = self.registers.get(cmp.sreg)?;
        match loaded.source {
            Source::Meta(key) => self.meta(key, &loaded, cmp),
            Source::Payload(payload) => self.payload(payload, &loaded, cmp),
            Source::Immediate(_) => None,
        }
    }

    fn meta(&mut self, key: MetaKey, loaded: &Loaded<'r>, cmp: &'r Cmp) -> Option<()> {
        let inverted = inverted(cmp.op)?;
        match (key, loaded.mask) {
            (MetaKey::L4proto, None) => self.protocol(u16::from(*cmp.data.first()?), inverted),
            (MetaKey::Iifname, None) => self.interface(&cmp.data, inverted, true),
            (MetaKey::Oifname, None) => self.interface(&cmp.data, inverted, false),
            (MetaKey::Mark, mask) => {
                let mask = mask.map_or(Some(u32::MAX), Data::host32)?;
                let mut data: Vec<u8> = [cmp.data.host32()?, mask].into_iter().flat_map(u32::to_ne_bytes).collect();
                data.extend([u8::from(inverted), 0, 0, 0]);
                self.matches.push(RuleMatch::Made { name: b"mark", revision: 1, data });
                Some(())
            }
            (MetaKey::Pkttype, None) => {
                let numbers = [u32::from(*cmp.data.first()?), u32::from(inverted)];
                let data = numbers.into_iter().flat_map(u32::to_ne_bytes).collect();
                self.matches.push(RuleMatch::Made { name: b"pkttype", revision: 0, data });
                Some(())
            }
            _ => None,
        }
    }

    fn interface(&mut self, data: &Data, inverted: bool, incoming: bool) -> Option<()> {
        let (slot, flag) = match &mut self.selector {
            Selector::Ip(s) if incoming => (&mut s.iif, Flag::Ip(&mut s.invert, IPT_INV_VIA_IN)),
            Selector::Ip(s) => (&mut s.oif, Flag::Ip(&mut s.invert, IPT_INV_VIA_OUT)),
            Selector::Ip6(s) if incoming => (&mut s.iif, Flag::Ip(&mut s.invert, IPT_INV_VIA_IN)),
            Selector::Ip6(s) => (&mut s.oif, Flag::Ip(&mut s.invert, IPT_INV_VIA_OUT)),
            Selector::Arp(s) if incoming => (&mut s.iif, Flag::Arp(&mut s.invert, ARPT_INV_VIA_IN)),
            Selector::Arp(s) => (&mut s.oif, Flag::Arp(&mut s.invert, ARPT_INV_VIA_OUT)),
        };
        if !slot.is_any() {
            return None;
        }
        if data.as_bytes() == NO_INTERFACE && !inverted {
            slot.name[0] = b'+';
            slot.mask[..2].fill(0xff);
            flag.set();
            return Some(());
        }
        *slot = interface(data)?;
        if inverted {
            flag.set();
        }
        Some(())
    }

    /// `-m limit`
    pub(super) fn limit(&mut self, limit: &Limit) -> Option<()> {
        if limit.kind != LimitKind::Packets || limit.flags != LimitFlags::empty() {
            return None;
        }
        let average = u32::try_from(limit.unit.checked_mul(LIMIT_SCALE)?.checked_div(limit.rate)?).ok()?;
        // struct xt_rateinfo: two numbers, then what only the kernel uses.
        let mut data: Vec<u8> = [average, limit.burst].into_iter().flat_map(u32::to_ne_bytes).collect();
        data.resize(40, 0);
        self.matches.push(RuleMatch::Made { name: b"limit", revision: 0, data });
        Some(())
    }
}

enum Flag<'a> {
    Ip(&'a mut u8, u8),
    Arp(&'a mut u16, u16),
}

impl Flag<'_> {
    fn set(self) {
        match self {
            Self::Ip(word, bit) => *word |= bit,
            Self::Arp(word, bit) => *word |= bit,
        }
    }
}

/// Is it `!=`? `None` if it is neither that nor `==`.
pub(super) fn inverted(op: CmpOp) -> Option<bool> {
    match op {
        CmpOp::Eq => Some(false),
        CmpOp::Neq => Some(true),
        _ => None,
    }
}

/// A name with its NUL, or the beginning of names.
fn interface(data: &Data) -> Option<Interface> {
    let name = data.as_bytes();
    let mut interface = Interface::default();
    interface.name.get_mut(..name.len())?.copy_from_slice(name);
    let compared = match name.iter().position(|&b| b == 0) {
        Some(end) => end + 1,
        None => {
            // The tools show the plus; no interface has a name long enough to leave it no room.
            if let Some(end) = interface.name.get_mut(name.len()) {
                *end = b'+';
            }
            name.len()
        }
    };
    interface.mask.iter_mut().take(compared).for_each(|m| *m = 0xff);
    Some(interface)
}
