//! Which condition of a rule makes the difference, in the words of its text.

use crate::analysis::{Analysed, What};
use crate::sys::nft::expr::MetaKey;

/// The property by which rules before take the packets of a rule: one that all of them ask for, and it too. None: the
/// rule asks for none of what they ask.
pub(super) fn taken_by(analysed: &Analysed, position: usize, by: impl Iterator<Item = usize>) -> Option<&What> {
    let own = analysed.shape(position)?.regions.first()?;
    let mut asked: Vec<u32> = own.iter().map(|(axis, _)| axis).collect();
    for n in by {
        let covers = &analysed.shape(n)?.covers;
        let meets = covers.iter().map(|(r, _)| r).find(|r| r.meets(own))?;
        asked.retain(|axis| meets.get(*axis).is_some());
    }
    asked.iter().filter_map(|axis| analysed.axes.what(*axis)).max_by_key(|what| telling(what))
}

/// How much a property says about the packets that were meant: a port more than the protocol that it is of.
fn telling(what: &What) -> u8 {
    match what {
        What::Family => 0,
        What::Protocol => 1,
        What::State => 2,
        _ => 3,
    }
}

/// The words for a property, in both tools' language.
pub(super) fn words(what: &What) -> &'static [&'static str] {
    match what {
        What::Family => {
            &["meta nfproto", "ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr", "ip protocol", "ip6 nexthdr"]
        }
        What::Source4 | What::Source6 => &["-s", "--src-range", "ip saddr", "ip6 saddr"],
        What::Destination4 | What::Destination6 => &["-d", "--dst-range", "ip daddr", "ip6 daddr"],
        What::Protocol => &[
            "-p",
            "meta l4proto",
            "ip protocol",
            "ip6 nexthdr",
            "tcp dport",
            "tcp sport",
            "tcp flags",
            "udp dport",
            "udp sport",
            "icmp type",
            "icmpv6 type",
        ],
        What::SourcePort => &["--sport", "--sports", "tcp sport", "udp sport", "th sport"],
        What::DestinationPort => &["--dport", "--dports", "tcp dport", "udp dport", "th dport"],
        What::IcmpType | What::IcmpCode => {
            &["--icmp-type", "--icmpv6-type", "icmp type", "icmpv6 type", "icmp code", "icmpv6 code"]
        }
        What::TcpFlags => &["--tcp-flags", "--syn", "tcp flags"],
        What::Input => &["-i", "iifname"],
        What::Output => &["-o", "oifname"],
        What::State => &["--ctstate", "--state", "ct state"],
        What::Mark => &["--mark", "meta mark"],
        What::CtMark => &["ct mark"],
        What::Meta(MetaKey::Iif, _) => &["iif"],
        What::Meta(MetaKey::Oif, _) => &["oif"],
        What::Masked(of, _) => words(of),
        _ => &[],
    }
}
