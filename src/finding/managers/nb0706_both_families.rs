//! `NB0706`: one file holds what `iptables-save` and `ip6tables-save` wrote.

use super::nb0704_not_saved::SAVED;
use crate::evaluate::Fact;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;

pub(super) const CODE: Code = Code {
    id: "NB0706",
    title: "a saved file holds the rules of both families",
    severity: Severity::Warning,
    meaning: "iptables-restore takes whatever is in it for IPv4: of two sections for one table the last one wins, and that is IPv6's",
    page: include_str!("../../../docs/findings/NB0706.md"),
    check,
    why: None,
};

/// Words that only rules of one family have.
const ONLY_V6: [&str; 4] = ["ipv6-icmp", "--icmpv6-type", "icmp6-", "-p icmpv6"];
const ONLY_V4: [&str; 3] = ["-p icmp ", "--icmp-type", "--reject-with icmp-"];

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if view.host.is_first_namespace() != Fact::Is(true) {
        return;
    }
    for (family, path, _) in SAVED {
        let Fact::Is(text) = view.host.saved(path) else { continue };
        let (tool, others) = match family {
            "ip" => ("iptables", ("IPv6", ONLY_V6.as_slice())),
            _ => ("ip6tables", ("IPv4", ONLY_V4.as_slice())),
        };
        let twice = twice(&text);
        let foreign = text.lines().find(|l| l.trim_start().starts_with("-A ") && is_of(l, others.1));
        let finding = match (twice, foreign) {
            (Some(table), _) => CODE
                .finding(format!(
                    "{path} has more than one section for the table {table}: {tool}-restore keeps the last one only"
                ))
                .seen(path, format!("*{table}, more than once")),
            (None, Some(_)) => CODE
                .finding(format!("{path} has rules of {}: {tool}-restore would refuse it, or load nonsense", others.0)),
            (None, None) => continue,
        };
        let finding = foreign.into_iter().fold(finding, |f, line| f.seen(path, line.trim()));
        found.push(finding.note("one file for each family: iptables-save > rules.v4, ip6tables-save > rules.v6; `>>` put the one behind the other"));
    }
}

/// A table that has more than one section.
fn twice(text: &str) -> Option<&str> {
    let mut seen = Vec::new();
    text.lines().filter_map(|l| l.trim().strip_prefix('*')).find(|table| {
        let again = seen.contains(table);
        seen.push(*table);
        again
    })
}

fn is_of(line: &str, words: &[&str]) -> bool {
    // What stands in quotes is a comment or a prefix.
    let bare: String = line.split('"').step_by(2).collect();
    words.iter().any(|w| bare.contains(w))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;

    #[test]
    fn a_second_section_and_words_of_the_other_family_are_told() {
        let mut host = testing::server();
        let mut told = |text: &str| {
            host.saved.insert("/etc/iptables/rules.v4".into(), text.into());
            testing::find(&CODE, &Ruleset::default(), &host).len()
        };
        let v4 =
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p icmp -m comment --comment \"not ipv6-icmp\" -j ACCEPT\nCOMMIT\n";
        let v6 = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p ipv6-icmp -j ACCEPT\nCOMMIT\n";
        assert_eq!(
            (told(v4), told(&format!("{v4}*nat\nCOMMIT\n")), told(&format!("{v4}{v6}")), told(v6)),
            (0, 0, 1, 1)
        );
    }
}
