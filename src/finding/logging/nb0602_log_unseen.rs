//! `NB0602`: rules log to the kernel's log, and no line ever appears there.

use std::collections::BTreeSet;

use super::readers;
use crate::evaluate::{Fact, Place};
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0602",
    title: "a rule logs, and nobody can see it",
    severity: Severity::Warning,
    meaning: "the kernel's log takes no lines from this network namespace, or no logger is there for the protocol",
    page: include_str!("../../../docs/findings/NB0602.md"),
    check,
    why: None,
};

const ALL: &str = "net.netfilter.nf_log_all_netns";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let logs = readers::rules(view, |acts| acts.contains(&Act::Log(None)).then_some(()));
    let Some((first, ())) = logs.first() else { return };
    let more = match logs.len() {
        1 => String::new(),
        n => format!("; so are {} more rules", n - 1),
    };
    if let (Fact::Is(false), Fact::Is(all)) = (view.host.is_first_namespace(), view.host.global_sysctl(ALL))
        && all.trim() == "0"
    {
        let fix = Fix::new(
            "let the kernel's log take lines of all network namespaces (this is set in the first one, and concerns all); \
             or log to a group (NFLOG, `log group`), which has a reader of its own here",
        )
        .command(format!("nsenter --net=/proc/1/ns/net sysctl -w {ALL}=1"))
        .persistent(format!("echo '{ALL} = 1' >> /etc/sysctl.d/90-nfblame.conf"));
        found.push(
            CODE.finding(format!(
                "the lines of this rule are thrown away: this is not the first network namespace{more}"
            ))
            .rule(view.rule(*first).label("counts, and logs nothing").deciding(&["LOG", "log"]))
            .seen(format!("/proc/sys/net/netfilter/{} of the first namespace", "nf_log_all_netns"), "0")
            .fix(fix),
        );
        return;
    }
    let Fact::Is(text) = view.host.proc_net("netfilter/nf_log") else { return };
    let mut told = BTreeSet::new();
    for (at, ()) in &logs {
        for number in families(view, *at) {
            let Some(line) = text.lines().find(|l| l.split_ascii_whitespace().next() == Some(&number.to_string()))
            else {
                continue;
            };
            // `2 NONE (nfnetlink_log)`: LOG is for those of syslog, whichever is bound for the kernel's own messages.
            let there =
                line.rsplit_once('(').is_some_and(|(_, all)| all.split([',', ')']).any(|l| l.starts_with("nf_log_")));
            if !there && told.insert(number) {
                found.push(
                    CODE.finding("no logger for the kernel's log is loaded for this protocol")
                        .rule(view.rule(*at).label("counts, and logs nothing").deciding(&["LOG", "log"]))
                        .seen("/proc/net/netfilter/nf_log", line.trim())
                        .fix(
                            Fix::new("load the logger")
                                .command("modprobe nf_log_syslog")
                                .persistent("echo nf_log_syslog > /etc/modules-load.d/nf_log_syslog.conf"),
                        ),
                );
            }
        }
    }
}

/// The protocol families for which a rule may log (`NFPROTO_*`).
fn families(view: &View<'_>, at: Place) -> Vec<u8> {
    match view.rule(at).entry.family {
        Some("ip") => vec![2],
        Some("ip6") => vec![10],
        Some("inet") => vec![2, 10],
        Some("arp") => vec![3],
        Some("netdev") => vec![5],
        Some("bridge") => vec![7],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook};

    #[test]
    fn another_namespace_and_a_missing_logger_are_told() {
        let base = Some(BaseChain::filter(Hook::Input, 0));
        let rules = testing::with(testing::table(Family::Ip, "input", base, vec![vec![testing::log(None)]]));
        let mut host = testing::server();
        host.proc_net.insert("netfilter/nf_log".into(), " 2 NONE (nf_log_ipv4,nfnetlink_log)\n".into());
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        host.proc_net.insert("netfilter/nf_log".into(), " 2 NONE (nfnetlink_log)\n".into());
        assert_eq!(testing::find(&CODE, &rules, &host).len(), 1);
        host.proc_net.clear();
        let set = |v: &str| Some(HashMap::from([(ALL.to_owned(), v.to_owned())]));
        host.first_namespace = set("0");
        assert_eq!(testing::find(&CODE, &rules, &host).len(), 1);
        host.first_namespace = set("1");
        assert_eq!(testing::find(&CODE, &rules, &host), []);
    }
}
