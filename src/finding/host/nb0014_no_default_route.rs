//! `NB0014`: rules translate for the way out, and there is none.

use super::needs;
use crate::finding::act::Act;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::sys::rt::RouteKind;

pub(super) const CODE: Code = Code {
    id: "NB0014",
    title: "there is no default route, and rules translate sources for the way out",
    severity: Severity::Note,
    meaning: "what is not in a network at hand gets \"network unreachable\"",
    page: include_str!("../../../docs/findings/NB0014.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for v6 in [false, true] {
        let Some((at, Act::Masquerade | Act::Snat(_))) = needs::translation(view, v6) else { continue };
        let Some(routes) = view.host.all_routes(v6).known() else { continue };
        // Halves of the address space stand for a default route with VPNs.
        let wide = |len: u8| len <= 1;
        if routes.iter().any(|r| r.kind == RouteKind::Unicast && wide(r.dst.len)) {
            continue;
        }
        let name = if v6 { "IPv6" } else { "IPv4" };
        found.push(
            CODE.finding(format!("no routing table has a default route for {name}"))
                .rule(view.rule(at).label("it is for packets on their way out"))
                .seen("rtnetlink: routes", format!("{} of {name}, none of them wide", routes.len())),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::nft::expr::{Masq, NatFlags};
    use crate::sys::nft::{BaseChain, ChainKind, Family, Hook};

    #[test]
    fn only_where_something_is_for_the_way_out() {
        let base = BaseChain { kind: ChainKind::Nat, ..BaseChain::filter(Hook::Postrouting, 100) };
        let masq = Masq { proto_min: None, proto_max: None, flags: NatFlags::empty() };
        let rules = testing::with(testing::table(Family::Ip, "post", Some(base), vec![vec![masq.into()]]));
        assert_eq!(testing::find(&CODE, &rules, &testing::server()).len(), 1);
        assert_eq!(testing::find(&CODE, &rules, &testing::behind_router()), []);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &testing::server()), []);
    }
}
