//! UDP packets that found no socket. A socket may be closed by the time its packet is judged; the kernel's own counter tells
//! whether packets found none.

use std::fs;

use crate::blame::{Blame, Confidence, Culprit, CulpritKind, Verdict, Why};
use crate::host::counter::{grouped, listed};
use crate::sys::ns::proc_net;

/// What the kernel has counted.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    /// Packets that found no socket: `Udp: NoPorts`, `Udp6NoPorts`.
    no_ports: [u64; 2],
    /// ICMP errors that their rate limit held back: `Icmp: OutRateLimitHost`.
    held_back: u64,
}

impl Counted {
    /// Now, in the network namespace of this thread. What cannot be read stays 0, and tells nothing.
    fn read() -> Self {
        let text = |name| fs::read_to_string(proc_net(name)).unwrap_or_default();
        let (snmp, snmp6) = (text("snmp"), text("snmp6"));
        let no_ports = [grouped(&snmp, "Udp", "NoPorts"), listed(&snmp6, "Udp6NoPorts")].map(Option::unwrap_or_default);
        Self { no_ports, held_back: grouped(&snmp, "Icmp", "OutRateLimitHost").unwrap_or(0) }
    }
}

/// The counters when watching began, and how many of such packets were told of since.
#[derive(Debug)]
pub(super) struct Unheard {
    began: Counted,
    told: [u64; 2],
}

impl Unheard {
    /// Counting begins now.
    pub fn begin() -> Self {
        Self { began: Counted::read(), told: [0; 2] }
    }

    /// A packet was judged. One of which it is open whether its socket was there found none, if the kernel has counted
    /// more such packets than were told of.
    pub fn weigh(&mut self, blame: &mut Blame) {
        if blame.packet.transport.as_deref() != Some("udp") {
            return;
        }
        let v6 = blame.packet.destination.is_some_and(|a| a.is_ipv6());
        let [told4, told6] = &mut self.told;
        let (told, [began4, began6]) = (if v6 { told6 } else { told4 }, self.began.no_ports);
        if blame.verdict.is_loss() && is_no_listener(&blame.culprit) {
            *told += 1;
            return;
        }
        let doubt = blame.alternatives.iter().position(is_no_listener);
        let Some(at) = doubt.filter(|_| blame.verdict == Verdict::Accept) else { return };
        let now = Counted::read();
        let [now4, now6] = now.no_ports;
        let counted = if v6 { now6.saturating_sub(began6) } else { now4.saturating_sub(began4) };
        if counted <= *told {
            return;
        }
        *told += 1;
        let name = if v6 { "snmp6: Udp6NoPorts" } else { "snmp: Udp NoPorts" };
        blame.verdict = Verdict::Reject;
        blame.reject_with = Some(if v6 { "icmp6-port-unreachable" } else { "icmp-port-unreachable" }.into());
        blame.culprit = blame.alternatives.remove(at);
        blame.confidence = Confidence::Likely;
        blame.unknowns = vec!["which packets the kernel has counted".to_owned()];
        blame.why = vec![Why::plain(format!(
            "no socket takes it now, and {counted} packets have found none since watching began (/proc/net/{name})"
        ))];
        let held_back = now.held_back.saturating_sub(self.began.held_back);
        if !v6 && held_back > 0 {
            let message = format!(
                "the rate limit of ICMP errors (net.ipv4.icmp_ratelimit) has held back {held_back} since then: not every sender was told"
            );
            blame.why.push(Why { code: Some("NB0018"), message });
        }
    }
}

fn is_no_listener(c: &Culprit) -> bool {
    c.kind == CulpritKind::Socket && c.detail.as_deref() == Some("no listener")
}
