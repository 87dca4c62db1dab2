//! `NB0801`: XDP programs.

use crate::blame::CulpritKind;
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;

pub(super) const CODE: Code = Code {
    id: "NB0801",
    title: "an XDP program sees packets before everything else",
    severity: Severity::Note,
    meaning: "what it drops is counted as received by the interface, and not even tcpdump sees it",
    page: include_str!("../../../docs/findings/NB0801.md"),
    check,
    why: Some(why),
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    for link in links.iter() {
        let Some(xdp) = link.xdp else { continue };
        let mode = match xdp.attached {
            1 => "in the driver",
            2 => "generic",
            3 => "in the hardware",
            _ => "in several modes",
        };
        let program = xdp.program.map_or_else(|| "several".into(), |id| id.to_string());
        found.push(
            CODE.finding(format!("an XDP program at {} may drop or redirect what comes in", link.name))
                .seen("rtnetlink: IFLA_XDP", format!("{}: {mode}, program {program}", link.name))
                .note(format!(
                    "to see whether it is that: `ip link set dev {} xdp off` takes it away until it is loaded again",
                    link.name
                )),
        );
    }
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    (case.culprit().kind == CulpritKind::Xdp)
        .then(|| "a program at the device decides about packets before netfilter sees them; what it does cannot be told from outside".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::Xdp;

    #[test]
    fn a_program_is_told() {
        let mut host = testing::server();
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
        if let Some(l) = host.links.last_mut() {
            l.xdp = Some(Xdp { attached: 2, program: Some(7) });
        }
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host).len(), 1);
    }
}
