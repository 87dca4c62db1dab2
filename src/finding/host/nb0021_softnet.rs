//! `NB0021`: packets were thrown away before anything looked at them: a CPU's queue of arrivals was full.

use crate::evaluate::Fact;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::host::sysctl;

pub(super) const CODE: Code = Code {
    id: "NB0021",
    title: "packets were dropped because a CPU's queue of arrivals was full",
    severity: Severity::Note,
    meaning: "no rule saw them, and no rule counts them: more came in than the CPU could take",
    page: include_str!("../../../docs/findings/NB0021.md"),
    check,
    why: None,
};

/// How long that queue may be, in packets.
const BACKLOG: &str = "net.core.netdev_max_backlog";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Fact::Is(text) = view.host.proc_net("softnet_stat") else { return };
    // One line a CPU, in hexadecimal: handled, dropped, stopped because its time was up.
    let column =
        |line: &str, n: usize| line.split_ascii_whitespace().nth(n).and_then(|w| u64::from_str_radix(w, 16).ok());
    let sum = |n: usize| text.lines().filter_map(|l| column(l, n)).sum::<u64>();
    let dropped = sum(1);
    if dropped == 0 {
        return;
    }
    let cpus = text.lines().filter(|l| column(l, 1).is_some_and(|n| n > 0)).count();
    let mut finding = CODE
        .finding(format!("{dropped} packets were dropped before any hook, on {cpus} of {} CPUs", text.lines().count()))
        .seen("/proc/net/softnet_stat, column 2", dropped.to_string())
        .seen("/proc/net/softnet_stat, column 3 (out of time)", sum(2).to_string())
        .note("counted since boot, for the whole machine: look twice whether it grows");
    if let Fact::Is(limit) = view.host.global_sysctl(BACKLOG)
        && let Ok(packets) = limit.trim().parse::<u64>()
    {
        let wanted = packets.saturating_mul(2).max(2000);
        finding = finding.seen(sysctl::file(BACKLOG), limit.trim());
        // The machine has it once; a fix for one packet would prove nothing.
        let fix = Fix::new(format!("let {wanted} packets wait for each CPU"))
            .command(format!("sysctl -w {BACKLOG}={wanted}"))
            .persistent(format!("echo '{BACKLOG} = {wanted}' >> /etc/sysctl.d/90-nfblame.conf"));
        finding = finding.fix(fix);
    }
    found.push(finding);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn drops_of_all_cpus_are_summed_up() {
        let mut host = testing::server();
        let line = |dropped: &str| format!("0154c8ff {dropped} 00000005 00000000 00000000\n");
        host.proc_net.insert("softnet_stat".into(), line("00000000").repeat(2));
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        host.proc_net.insert("softnet_stat".into(), line("0000000a") + &line("00000001") + &line("00000000"));
        host.sysctls.insert(BACKLOG.into(), "1000".into());
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!(found[0].message, "11 packets were dropped before any hook, on 2 of 3 CPUs");
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.core.netdev_max_backlog=2000"]);
    }
}
