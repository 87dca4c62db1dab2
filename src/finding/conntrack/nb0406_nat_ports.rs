//! `NB0406`: translation has no ports left.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::evaluate::nat::NO_PORT;
use crate::evaluate::{Fact, Hook, Place};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::selects;
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::sys::ct::Status;
use rustc_hash::{FxHashMap, FxHashSet};

pub(super) const CODE: Code = Code {
    id: "NB0406",
    title: "source translation is running out of ports",
    severity: Severity::Warning,
    meaning: "each connection to one server needs a port of its own; when none is left, new ones are dropped after all rules accepted them",
    page: include_str!("../../../docs/findings/NB0406.md"),
    check,
    why: Some(why),
};

/// From so many percent on it is told.
const WARN: usize = 80;
/// Ports of clients are mapped to these (`nf_nat_l4proto_unique_tuple`).
const USUAL: (u16, u16) = (1024, u16::MAX);
/// So many pairs of addresses are kept apart.
const MOST: usize = 200_000;

/// Protocol, the address that stands for the clients, and the server and port that they talk to.
type Pair = (u8, IpAddr, IpAddr, u16);

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let ranges = ranges(view);
    if ranges.is_empty() {
        return;
    }
    let mut used: FxHashMap<Pair, FxHashSet<u16>> = FxHashMap::default();
    let read = view.host.flows(&mut |f| {
        let translated = f.status.unwrap_or_default().contains(Status::SRC_NAT);
        let (Some(server_port), Some(port)) = (f.reply.src_port(), f.reply.dst_port()) else { return };
        let pair = (f.reply.protocol, f.reply.dst, f.reply.src, server_port);
        if translated && (used.len() < MOST || used.contains_key(&pair)) {
            used.entry(pair).or_default().insert(port);
        }
    });
    if read != Fact::Is(()) {
        return;
    }
    let mut worst: BTreeMap<Pair, (usize, usize, Place, (u16, u16))> = BTreeMap::new();
    for (pair, ports) in &used {
        // The narrowest range of a rule that may be about it.
        let Some((at, range)) = ranges.iter().min_by_key(|(_, (low, high))| high.saturating_sub(*low)) else {
            continue;
        };
        let fits = |(low, high): (u16, u16)| ports.iter().all(|p| (low..=high).contains(p));
        let (at, range) = if fits(*range) { (*at, *range) } else { (*at, USUAL) };
        let room = usize::from(range.1 - range.0) + 1;
        if ports.len() * 100 >= room * WARN {
            worst.insert(*pair, (ports.len(), room, at, range));
        }
    }
    for ((protocol, stands_for, server, port), (count, room, at, range)) in worst {
        let full = count >= room;
        let name = if protocol == 6 { "tcp" } else { "udp" };
        let to = std::net::SocketAddr::new(server, port);
        let message = format!("{count} of {room} ports of {stands_for} are used for {name} to {to}");
        let mut finding = CODE
            .finding(if full { format!("{message}: no further connection can be translated") } else { message })
            // With several rules it may be another one's turn.
            .severity(if full && ranges.len() == 1 { Severity::Error } else { Severity::Warning })
            .rule(view.rule(at).label("it translates the sources").translation())
            .seen("ctnetlink", format!("{count} connections from {stands_for}, ports {} to {}", range.0, range.1));
        let cpus = view.host.conntrack_stats().known();
        let failed: u64 = cpus.iter().flat_map(|c| c.iter()).filter_map(|s| s.drop).map(u64::from).sum();
        if failed > 0 {
            finding = finding.seen("ctnetlink: drop (since the namespace was made)", failed.to_string());
        }
        found.push(finding.note(
            "give the rule more ports or more addresses (`--to-source A-B`, nft: `snat to A-B`), and shorten the timeouts of \
             connections that ended; clients that keep connections open need fewer",
        ));
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    (c.kind == CulpritKind::Nat && c.detail.as_deref() == Some(NO_PORT)).then(|| {
        "its source is to be translated, and every port that the rule gives for that is another connection's to the same server"
            .to_owned()
    })
}

/// Rules that translate sources, and the ports that they have.
fn ranges(view: &View<'_>) -> Vec<(Place, (u16, u16))> {
    let mut all = Vec::new();
    for (family, hook) in [("ip", Hook::Postrouting), ("ip6", Hook::Postrouting), ("ip", Hook::Input)] {
        for chain in view.chains_at(family, hook) {
            act::each(view.rules, chain, |at, acts| {
                if acts.iter().any(|a| matches!(a, Act::Snat(_) | Act::Masquerade)) {
                    all.push((at, selects(view.rules, at).and_then(|s| s.snat_ports).unwrap_or(USUAL)));
                }
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::FakeHost;
    use crate::sys::ct::{Flow, Tuple};
    use crate::sys::nft::expr::{Immediate, Masq, NatFlags};
    use crate::sys::nft::{BaseChain, ChainKind, Data, Expr, Family, Hook as NftHook, Reg, Value};

    fn masquerade(low: u16, high: u16) -> crate::ruleset::Ruleset {
        let load = |dreg, n: u16| -> Expr { Immediate { dreg, value: Value::Data(Data::new(n.to_be_bytes())) }.into() };
        let base = BaseChain { kind: ChainKind::Nat, ..BaseChain::filter(NftHook::Postrouting, 100) };
        let masq = Masq { proto_min: Some(Reg::R1), proto_max: Some(Reg(9)), flags: NatFlags::PROTO_SPECIFIED };
        let rule = vec![load(Reg::R1, low), load(Reg(9), high), masq.into()];
        testing::with(testing::table(Family::Ip, "post", Some(base), vec![rule]))
    }

    fn with_flows(count: u16) -> FakeHost {
        let mut host = testing::server();
        for port in 0..count {
            let (client, own, server) = ([10, 0, 0, 9].into(), [192, 0, 2, 1].into(), [192, 0, 2, 7].into());
            let orig = Tuple::ports(6, (client, 2000 + port), (server, 80));
            let reply = Tuple::ports(6, (server, 80), (own, 1024 + port));
            host.flows.push(Flow { status: Some(Status::SRC_NAT | Status::CONFIRMED), ..Flow::of(orig, reply) });
        }
        host
    }

    #[test]
    fn it_is_told_from_four_fifths_on_and_an_error_when_all_are_used() {
        let rules = masquerade(1024, 1033);
        let severity = |n| testing::find(&CODE, &rules, &with_flows(n)).first().map(|f| f.severity);
        assert_eq!((severity(7), severity(8), severity(10)), (None, Some(Severity::Warning), Some(Severity::Error)));
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &with_flows(10)), []);
    }
}
