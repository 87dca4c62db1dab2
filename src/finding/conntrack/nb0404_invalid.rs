//! `NB0404`: packets that belong to no connection as conntrack sees it, and rules that drop them.

use crate::blame::CulpritKind;
use crate::evaluate::Place;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::{INVALID, selects};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0404",
    title: "packets were invalid for connection tracking, and rules drop such",
    severity: Severity::Note,
    meaning: "answers that take another way, packets out of the window, or of connections that were forgotten are `invalid`",
    page: include_str!("../../../docs/findings/NB0404.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some((at, dropped)) = dropping(view) else { return };
    let cpus = view.host.conntrack_stats().known();
    let invalid: u64 = cpus.iter().flat_map(|c| c.iter()).filter_map(|s| s.invalid).map(u64::from).sum();
    if dropped == 0 && invalid == 0 {
        return;
    }
    let mut finding = CODE.finding("packets that connection tracking calls invalid came, and a rule drops them").rule(
        view.rule(at).label(format!("{dropped} packets so far")).condition(&["ct state", "--ctstate", "--state"]),
    );
    if invalid > 0 {
        finding = finding.seen("ctnetlink: invalid (since the namespace was made)", invalid.to_string());
    }
    for (key, normal, meaning) in SETTINGS {
        let Ok(s) = sysctl::number(view.host, key.into()) else { continue };
        finding = finding.seen(sysctl::file(key), s.value.to_string());
        if s.value != normal {
            finding = finding.note(format!("{key} is {}: {meaning}", s.value));
        }
    }
    found.push(finding.note(
        "port scans and late packets are dropped so, too; `sysctl -w net.netfilter.nf_conntrack_log_invalid=255` has the kernel log the reason of each",
    ));
}

/// What decides about it, the default, and what another value means.
const SETTINGS: [(&str, i64, &str); 2] = [
    (
        "net.netfilter.nf_conntrack_tcp_loose",
        1,
        "connections that began before this host saw them are invalid, for instance after a restart",
    ),
    ("net.netfilter.nf_conntrack_tcp_be_liberal", 0, "packets out of the window are not invalid"),
];

/// The rule that drops invalid packets by that name, of which the most were dropped.
fn dropping(view: &View<'_>) -> Option<(Place, u64)> {
    let mut found: Option<(Place, u64)> = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            if !acts.iter().any(Act::is_loss) || selects(view.rules, at).and_then(|s| s.states) != Some(INVALID) {
                return;
            }
            let packets = view.rule(at).entry.counters.map_or(0, |c| c.packets);
            if found.is_none_or(|(_, most)| packets > most) {
                found = Some((at, packets));
            }
        });
    }
    found
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    let by_rule = matches!(blame.culprit.kind, CulpritKind::Rule | CulpritKind::Policy);
    (by_rule && blame.packet.ct_state == Some("invalid")).then(|| {
        let loose = sysctl::number(case.view.host, "net.netfilter.nf_conntrack_tcp_loose".into());
        let strict = if loose.is_ok_and(|s| !s.is_on()) {
            "; nf_conntrack_tcp_loose is 0, so that connections it did not see begin are invalid, too"
        } else {
            ""
        };
        format!(
            "conntrack calls it invalid: it belongs to no connection that it knows, is out of the window, or broken; \
             often the other direction takes another way{strict}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::ct::CpuStats;
    use crate::sys::nft::expr::{Bitwise, BitwiseOp, Cmp, CmpOp, Ct, CtKey};
    use crate::sys::nft::{BaseChain, Data, Expr, Family, Hook, Reg, Verdict};

    #[test]
    fn the_rule_and_packets_are_both_needed() {
        let bits = |n: u32| Data::new(n.to_ne_bytes());
        let op = BitwiseOp::MaskXor { mask: bits(INVALID), xor: bits(0) };
        let rule: Vec<Expr> = vec![
            Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }.into(),
            Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op }.into(),
            Cmp { op: CmpOp::Neq, sreg: Reg::R1, data: bits(0) }.into(),
            testing::says(Verdict::Drop),
        ];
        let base = Some(BaseChain::filter(Hook::Input, 0));
        let rules = testing::with(testing::table(Family::Inet, "input", base, vec![rule]));
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        host.conntrack_stats = vec![CpuStats { invalid: Some(4), ..CpuStats::default() }];
        assert_eq!(testing::find(&CODE, &rules, &host).len(), 1);
        assert_eq!(testing::find(&CODE, &testing::input("drop", ""), &host), []);
    }
}
