//! Packets that found no socket, a full one, or one that wants a signature. By the time its packet is judged a socket may be
//! closed, or have been read, or have filled up, and no trace holds a signature; the kernel's own counters tell whether packets
//! were lost so.

use std::fs;

use crate::blame::{Blame, Confidence, Culprit, CulpritKind, Verdict, Why};
use crate::evaluate::walk::{BUFFER_FULL, UNSIGNED};
use crate::host::counter::{grouped, listed};
use crate::sys::ns::proc_net;

const NO_LISTENER: &str = "no listener";

/// A way to be lost at a socket: of UDP in one family, of TCP in either.
#[derive(Debug)]
struct Way {
    v6: bool,
    /// As the culprit has it.
    detail: &'static str,
    /// How many the kernel had counted when watching began.
    began: u64,
    /// How many were told of since.
    told: u64,
}

impl Way {
    fn begin(v6: bool, detail: &'static str) -> Self {
        let began = Self { v6, detail, began: 0, told: 0 }.counted();
        Self { v6, detail, began, told: 0 }
    }

    /// File, group and name.
    fn counter(&self) -> (&'static str, &'static str, &'static str) {
        match (self.detail, self.v6) {
            (UNSIGNED, _) => ("netstat", "TcpExt", "TCPMD5NotFound"),
            (NO_LISTENER, false) => ("snmp", "Udp", "NoPorts"),
            (NO_LISTENER, true) => ("snmp6", "Udp6", "NoPorts"),
            (_, false) => ("snmp", "Udp", "RcvbufErrors"),
            (_, true) => ("snmp6", "Udp6", "RcvbufErrors"),
        }
    }

    fn is_of(&self, blame: &Blame) -> bool {
        match blame.packet.transport.as_deref() {
            Some("tcp") => self.detail == UNSIGNED,
            Some("udp") => self.detail != UNSIGNED && self.v6 == blame.packet.destination.is_some_and(|a| a.is_ipv6()),
            _ => false,
        }
    }

    /// What the kernel has counted, in the network namespace of this thread. What cannot be read stays 0, and tells nothing.
    fn counted(&self) -> u64 {
        let (file, group, name) = self.counter();
        let text = fs::read_to_string(proc_net(file)).unwrap_or_default();
        let count =
            if file == "snmp6" { listed(&text, &format!("{group}{name}")) } else { grouped(&text, group, name) };
        count.unwrap_or(0)
    }

    fn is(&self, c: &Culprit) -> bool {
        c.kind == CulpritKind::Socket && c.detail.as_deref() == Some(self.detail)
    }

    /// How many have been lost so since watching began, if there are more than were told of.
    fn untold(&self) -> Option<u64> {
        Some(self.counted().saturating_sub(self.began)).filter(|n| *n > self.told)
    }

    fn says(&self, lost: u64) -> String {
        let what = match self.detail {
            NO_LISTENER => format!("no socket takes it now, and {lost} packets have found none since watching began"),
            UNSIGNED => format!(
                "its socket wants a signature of this peer, and {lost} packets have come without one since watching began"
            ),
            _ => {
                format!("its socket's buffer is full now, and {lost} packets have found one full since watching began")
            }
        };
        let (file, group, name) = self.counter();
        format!("{what} (/proc/net/{file}: {group} {name})")
    }
}

/// The counters when watching began, and how many of such packets were told of since.
#[derive(Debug)]
pub(super) struct Unheard {
    ways: [Way; 5],
    /// ICMP errors that their rate limit had held back.
    held_back: u64,
}

/// `Icmp: OutRateLimitHost`, now.
fn held_back() -> u64 {
    let snmp = fs::read_to_string(proc_net("snmp")).unwrap_or_default();
    grouped(&snmp, "Icmp", "OutRateLimitHost").unwrap_or(0)
}

impl Unheard {
    /// Counting begins now.
    pub fn begin() -> Self {
        let all =
            [(false, NO_LISTENER), (true, NO_LISTENER), (false, BUFFER_FULL), (true, BUFFER_FULL), (false, UNSIGNED)];
        Self { ways: all.map(|(v6, detail)| Way::begin(v6, detail)), held_back: held_back() }
    }

    /// A packet was judged. One of which it is open whether its socket took it was lost, if the kernel has counted more such
    /// packets than were told of.
    pub fn weigh(&mut self, blame: &mut Blame) {
        for way in self.ways.iter_mut().filter(|w| w.is_of(blame)) {
            if blame.verdict.is_loss() && way.is(&blame.culprit) {
                way.told += 1;
                return;
            }
            let doubt = blame.alternatives.iter().position(|c| way.is(c));
            let Some(at) = doubt.filter(|_| blame.verdict == Verdict::Accept) else { continue };
            let Some(lost) = way.untold() else { continue };
            way.told += 1;
            blame.verdict = Verdict::Drop;
            blame.culprit = blame.alternatives.remove(at);
            blame.confidence = Confidence::Likely;
            blame.unknowns = vec!["which packets the kernel has counted".to_owned()];
            blame.why = vec![Why::plain(way.says(lost))];
            if way.detail == NO_LISTENER {
                blame.verdict = Verdict::Reject;
                blame.reject_with =
                    Some(if way.v6 { "icmp6-port-unreachable" } else { "icmp-port-unreachable" }.into());
                let held_back = held_back().saturating_sub(self.held_back);
                if !way.v6 && held_back > 0 {
                    let message = format!(
                        "the rate limit of ICMP errors (net.ipv4.icmp_ratelimit) has held back {held_back} since then: not every sender was told"
                    );
                    blame.why.push(Why { code: Some("NB0018"), message });
                }
            }
            return;
        }
    }
}
