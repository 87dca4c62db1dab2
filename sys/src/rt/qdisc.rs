//! Queueing disciplines and what they dropped (`RTM_GETQDISC`, include/uapi/linux/gen_stats.h). What a filter at a clsact or
//! ingress qdisc drops, that qdisc counts.

use serde::Serialize;

use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::{Attrs, Builder, Client, Family, Socket, Transport};

const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
/// `struct tcmsg`.
const HEADER: usize = 20;
const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
/// `packets` in `struct gnet_stats_basic`, behind `bytes`.
const PACKETS: usize = 8;
/// `drops` in `struct gnet_stats_queue`, behind `qlen` and `backlog`.
const DROPS: usize = 8;

/// A queueing discipline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Qdisc {
    /// The interface.
    pub index: u32,
    /// What kind: `clsact`, `ingress`, `fq_codel`, `tbf`.
    pub kind: Text,
    /// Its handle.
    pub handle: u32,
    /// Packets that it handed on.
    pub sent: u32,
    /// Packets that it dropped.
    pub drops: u32,
}

impl Qdisc {
    /// Reads the payload of an `RTM_NEWQDISC`.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let h = payload.first_chunk::<HEADER>().ok_or(Malformed::Short { want: HEADER, have: payload.len() })?;
        let word = |at: usize| u32::from_ne_bytes([h[at], h[at + 1], h[at + 2], h[at + 3]]);
        let mut qdisc = Self { index: word(4), kind: Text::default(), handle: word(8), sent: 0, drops: 0 };
        for attr in Attrs::new(&payload[HEADER..]) {
            let attr = attr?;
            match attr.kind() {
                TCA_KIND => qdisc.kind = attr.text(),
                TCA_STATS2 => {
                    let count = |kind, at: usize| {
                        let stats = attr.nested().find(kind);
                        let count = stats.and_then(|s| s.bytes().get(at..)?.first_chunk::<4>().copied());
                        count.map_or(0, u32::from_ne_bytes)
                    };
                    qdisc.sent = count(TCA_STATS_BASIC, PACKETS);
                    qdisc.drops = count(TCA_STATS_QUEUE, DROPS);
                }
                _ => {}
            }
        }
        Ok(qdisc)
    }

    /// Does it only carry filters, and no packets?
    pub fn is_for_filters(&self) -> bool {
        self.kind == "clsact" || self.kind == "ingress"
    }

    /// May it drop what leaves? Those that the kernel gives to devices by itself do so only under a load that blocks the
    /// device.
    pub fn is_chosen(&self) -> bool {
        !self.is_for_filters() && !["noqueue", "mq", "pfifo_fast", "fq_codel", "fq"].iter().any(|k| self.kind == *k)
    }

    /// Is it there to lose packets, or has it lost one in ten or more?
    pub fn is_losing(&self) -> bool {
        let made_for_it = self.kind == "blackhole" || self.kind == "netem";
        !self.is_for_filters() && (made_for_it || (self.drops > 0 && self.drops >= self.sent / 10))
    }
}

/// The queueing disciplines of all interfaces.
///
/// # Errors
/// When rtnetlink refuses.
pub fn qdiscs() -> Result<Vec<Qdisc>> {
    list(&mut Client::<Socket>::open(Family::Route)?)
}

fn list<T: Transport>(client: &mut Client<T>) -> Result<Vec<Qdisc>> {
    client.dump_whole(
        "list queueing disciplines",
        "",
        |b: &mut Builder, flags, seq| {
            b.message(RTM_GETQDISC, flags, seq).raw(&[0u8; HEADER]);
        },
        |all: &mut Vec<Qdisc>, m| {
            if m.kind == RTM_NEWQDISC {
                all.push(Qdisc::parse(m.payload)?);
            }
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::fake::Fake;

    #[test]
    fn a_qdisc_and_its_drops_are_read() -> Result<()> {
        let mut h = [0u8; HEADER];
        h[4..8].copy_from_slice(&7u32.to_ne_bytes());
        let mut stats = vec![20, 0, 1, 0];
        stats.extend([900u32, 0, 419, 0].iter().flat_map(|n| n.to_ne_bytes()));
        stats.extend([24, 0, 3, 0]);
        stats.extend([0u32, 0, 42, 0, 0].iter().flat_map(|n| n.to_ne_bytes()));
        let mut b = Builder::new();
        b.message(RTM_NEWQDISC, libc::NLM_F_MULTI as u16, 0).raw(&h);
        b.attr(TCA_KIND, b"clsact\0").attr(TCA_STATS2, &stats);
        let all = list(&mut Client::new(Fake::new().reply(b.finish()).done()))?;
        let [q] = all.as_slice() else { return Err(Malformed::Missing("a qdisc").of("test")) };
        assert_eq!((q.index, q.sent, q.drops, q.is_for_filters()), (7, 419, 42, true));
        let chosen = |kind: &str| Qdisc { kind: kind.into(), ..q.clone() }.is_chosen();
        assert!(chosen("tbf") && !chosen("fq_codel") && !chosen("clsact"));
        let losing = |kind: &str, sent| Qdisc { kind: kind.into(), sent, ..q.clone() }.is_losing();
        assert!(!losing("clsact", 419) && losing("tbf", 419) && !losing("tbf", 430) && losing("blackhole", 430));
        Ok(())
    }
}
