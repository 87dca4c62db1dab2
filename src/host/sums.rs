//! How often the kernel has thrown packets away for their checksum: what it checks behind all rules, no record of a packet
//! tells.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::counter::{grouped, listed};
use super::facts::Host;
use crate::evaluate::Fact;

/// How long after a wrong checksum was counted it may have been that of a packet which is judged now.
const LATELY: Duration = Duration::from_secs(1);

/// The counters as they were when they were last read, by family and protocol, and when they were last seen to move.
#[derive(Debug, Default)]
pub(super) struct Sums(RefCell<FxHashMap<(bool, u8), Seen>>);

#[derive(Debug)]
struct Seen {
    count: u64,
    moved: Option<Instant>,
}

impl Sums {
    /// Reads the counters for the first time: what they count from now on was seen.
    pub fn begin(&self, host: &dyn Host) {
        for v6 in [false, true] {
            for protocol in [1, 6, 17, 58, 136] {
                self.lately(host, v6, protocol);
            }
        }
    }

    /// Was a packet of that protocol thrown away for its checksum in the last moment?
    pub fn lately(&self, host: &dyn Host, v6: bool, protocol: u8) -> Fact<bool> {
        let count = match counted(host, v6, protocol) {
            Fact::Is(count) => count,
            Fact::Absent => return Fact::Is(false),
            Fact::Unknown(why) => return Fact::Unknown(why),
        };
        let mut all = self.0.borrow_mut();
        let seen = all.entry((v6, protocol)).or_insert(Seen { count, moved: None });
        if seen.count != count {
            *seen = Seen { count, moved: Some(Instant::now()) };
        }
        Fact::Is(seen.moved.is_some_and(|at| at.elapsed() < LATELY))
    }
}

/// `UDP_MIB_CSUMERRORS`, `TCP_MIB_CSUMERRORS`, `ICMP_MIB_CSUMERRORS`; absent: it is not counted.
fn counted(host: &dyn Host, v6: bool, protocol: u8) -> Fact<u64> {
    let count = |file: &str, find: &dyn Fn(&str) -> Option<u64>| match host.proc_net(file) {
        Fact::Is(text) => find(&text).into(),
        // Without IPv6 there is no file of its counters.
        Fact::Absent => Fact::Absent,
        Fact::Unknown(why) => Fact::Unknown(why),
    };
    match (protocol, v6) {
        (6, _) => count("snmp", &|text| grouped(text, "Tcp", "InCsumErrors")),
        (17, false) => count("snmp", &|text| grouped(text, "Udp", "InCsumErrors")),
        (136, false) => count("snmp", &|text| grouped(text, "UdpLite", "InCsumErrors")),
        (1, false) => count("snmp", &|text| grouped(text, "Icmp", "InCsumErrors")),
        (17, true) => count("snmp6", &|text| listed(text, "Udp6InCsumErrors")),
        (136, true) => count("snmp6", &|text| listed(text, "UdpLite6InCsumErrors")),
        (58, true) => count("snmp6", &|text| listed(text, "Icmp6InCsumErrors")),
        _ => Fact::Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::FakeHost;

    #[test]
    fn a_counter_that_moves_is_remembered_for_a_moment() {
        let mut host = FakeHost::new();
        let set = |host: &mut FakeHost, n: u32| {
            host.proc_net.insert("snmp".into(), format!("Udp: InDatagrams InCsumErrors\nUdp: 7 {n}\n"));
        };
        set(&mut host, 3);
        let sums = Sums::default();
        sums.begin(&host);
        assert_eq!(sums.lately(&host, false, 17), Fact::Is(false));
        set(&mut host, 4);
        assert_eq!(sums.lately(&host, false, 17), Fact::Is(true));
        assert_eq!(sums.lately(&host, false, 17), Fact::Is(true), "for a moment");
        assert_eq!(sums.lately(&host, false, 6), Fact::Is(false), "TCP has counters of its own");
    }
}
