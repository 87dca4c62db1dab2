//! `NB0701`: legacy iptables and nf_tables both filter.

use crate::evaluate::{ChainRef, Place, TableRef};
use crate::finding::act;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::{Hooks, Met};

pub(super) const CODE: Code = Code {
    id: "NB0701",
    title: "legacy iptables and nf_tables both filter at one hook",
    severity: Severity::Warning,
    meaning: "a packet has to get through the tables of both, and each tool shows only its own: what one accepts the other may still drop",
    page: include_str!("../../../docs/findings/NB0701.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for hooks in view.hooks().iter().filter(|h| matches!(h.family, "ip" | "ip6")) {
        let filters: Vec<(ChainRef, bool)> = filters(view, hooks);
        let is_legacy = |c: &(ChainRef, bool)| matches!(c.0.table, TableRef::Xt(_));
        let legacy = filters.iter().find(|c| is_legacy(c));
        let nft = filters.iter().find(|c| !is_legacy(c));
        let (Some(legacy), Some(nft)) = (legacy, nft) else { continue };
        if !filters.iter().any(|(_, loses)| *loses) {
            continue;
        }
        let name = |chain: ChainRef| view.listing.chain(chain).name();
        let mut finding = CODE
            .finding(format!(
                "{} packets at the {} hook meet {} of iptables-legacy and {} of nf_tables",
                if hooks.family == "ip" { "IPv4" } else { "IPv6" },
                hooks.hook.name(),
                name(legacy.0),
                name(nft.0)
            ))
            .seen("iptables-legacy -S, nft list ruleset", "rules in both");
        for (chain, label) in [(legacy.0, "iptables-legacy shows this one"), (nft.0, "nft shows this one")] {
            let first = (view.listing.chain(chain).len > 0).then_some(1);
            finding = finding.rule(view.rule(Place { chain, position: first }).label(label));
        }
        found.push(
            finding.note("keep the rules in one of them: iptables-legacy-save | iptables-nft-restore moves them"),
        );
    }
}

/// The chains at a hook that have rules or drop by policy; and whether packets may be lost in them.
fn filters(view: &View<'_>, hooks: &Hooks) -> Vec<(ChainRef, bool)> {
    let chains = hooks.stands.iter().filter_map(|s| match s.met {
        Met::Chain(chain) => Some(chain),
        _ => None,
    });
    chains
        .filter_map(|chain| {
            let c = view.listing.chain(chain);
            let drops = c.policy.as_deref() == Some("drop");
            (c.len > 0 || drops).then(|| (chain, drops || loses(view, chain)))
        })
        .collect()
}

/// Is there a rule in the chain, or in one that it leads to, that ends packets?
fn loses(view: &View<'_>, chain: ChainRef) -> bool {
    std::iter::once(chain).chain(view.jumps().reached_from(chain)).any(|c| {
        let mut any = false;
        act::each(view.rules, c, |_, acts| any |= acts.iter().any(act::Act::is_loss));
        any
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::host::FakeHost;
    use crate::ruleset::Ruleset;

    #[test]
    fn both_at_one_hook_is_found_and_one_alone_is_not() {
        let host = FakeHost::new();
        let (nft, legacy) = (testing::input("drop", ""), testing::legacy_drop(23));
        let both = Ruleset { nft: nft.nft.clone(), ..legacy.clone() };
        let found = testing::find(&CODE, &both, &host);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].rules.len(), 2);
        for one in [nft, legacy] {
            assert_eq!(testing::find(&CODE, &one, &host), []);
        }
    }
}
