//! `NB0702`: a manager's chains stand there, and no packet comes to them.

use crate::evaluate::{ChainRef, Place};
use crate::finding::code::Code;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::listing::chains;
use crate::manager;

pub(super) const CODE: Code = Code {
    id: "NB0702",
    title: "a manager's chain is cut off",
    severity: Severity::Warning,
    meaning: "the rules that led to a manager's chain are gone, most often after somebody's flush: what the manager was told has no effect",
    page: include_str!("../../../docs/findings/NB0702.md"),
    check,
    why: None,
};

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    for chain in chains(view.rules).filter(|c| view.bases(*c).is_empty()) {
        let listed = view.listing.chain(chain);
        let Some((manager, hook)) = entry(&listed.chain_name) else { continue };
        // What is empty by itself does nothing either way.
        if listed.len == 0 || !others_stand(view, chain, &hook) {
            continue;
        }
        let name = listed.name();
        found.push(
            CODE.finding(format!("{name} of {manager} has {} rules, and no rule of {hook} leads there", listed.len))
                .rule(view.rule(Place { chain, position: Some(1) }).label("never reached"))
                .seen("ruleset", format!("no jump from a base chain to {name}"))
                .note(format!("let {manager} write its rules again: {}", again(manager))),
        );
    }
}

/// The manager whose first chain this is, and the base chain from which it is to be reached.
fn entry(chain: &str) -> Option<(&'static str, String)> {
    let of_builtin = |name: &'static str, at: &str| Some((name, at.to_owned()));
    match chain {
        "DOCKER-USER" | "DOCKER-FORWARD" => of_builtin("docker", "FORWARD"),
        "KUBE-SERVICES" => of_builtin("kube-proxy", "PREROUTING and OUTPUT"),
        "KUBE-POSTROUTING" => of_builtin("kube-proxy", "POSTROUTING"),
        "KUBE-FORWARD" => of_builtin("kube-proxy", "FORWARD"),
        "LIBVIRT_INP" => of_builtin("libvirt", "INPUT"),
        "LIBVIRT_PRT" => of_builtin("libvirt", "POSTROUTING"),
        "ts-input" => of_builtin("tailscale", "INPUT"),
        "ts-forward" => of_builtin("tailscale", "FORWARD"),
        "ts-postrouting" => of_builtin("tailscale", "POSTROUTING"),
        "NETAVARK_FORWARD" => of_builtin("podman", "FORWARD"),
        _ => {
            let ufw = ["ufw-before-", "ufw6-before-"].iter().find_map(|p| chain.strip_prefix(p));
            match ufw {
                Some(hook @ ("input" | "output" | "forward")) => Some(("ufw", hook.to_uppercase())),
                _ => chain.starts_with("f2b-").then(|| ("fail2ban", "INPUT".into())),
            }
        }
    }
}

/// Is there a base chain in the table at all that could lead there? A table that is being written has none yet.
fn others_stand(view: &View<'_>, chain: ChainRef, hooks: &str) -> bool {
    let names: Vec<&str> = hooks.split(" and ").collect();
    chains(view.rules)
        .filter(|c| c.table == chain.table && view.bases(*c).contains(c))
        .any(|c| names.contains(&view.listing.chain(c).chain_name.as_str()))
}

/// How a manager is made to write its rules again.
fn again(name: &str) -> String {
    match name {
        "docker" => "systemctl restart docker".into(),
        // A reload leaves chains that stand as they are, and their jumps with them. The flush takes all rules of iptables' filter.
        "ufw" => "ufw disable && /lib/ufw/ufw-init flush-all && ufw enable (ufw reload does not)".into(),
        "fail2ban" => "fail2ban-client reload".into(),
        "libvirt" => "systemctl restart libvirtd".into(),
        "tailscale" => "systemctl restart tailscaled".into(),
        "podman" => "podman network reload --all".into(),
        "kube-proxy" => "it does so by itself within a minute, or when it is restarted".into(),
        other => manager::named(other).map_or_else(String::new, |m| m.change.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    #[test]
    fn a_chain_to_which_no_rule_leads_is_found() {
        let rules = |jump: bool| {
            let to: Vec<_> =
                jump.then(|| vec![testing::says(Verdict::Jump("ufw-before-input".into()))]).into_iter().collect();
            let mut table = testing::table(Family::Ip, "INPUT", Some(BaseChain::filter(Hook::Input, 0)), to);
            let mut own = table.chains[0].clone();
            own.def = crate::sys::nft::Chain::new(Family::Ip, "t", "ufw-before-input", None);
            own.rules = vec![crate::sys::nft::Rule::new(
                Family::Ip,
                "t",
                "ufw-before-input",
                vec![testing::says(Verdict::Accept)],
            )];
            table.chains.push(own);
            testing::with(table)
        };
        let host = testing::server();
        let found = testing::find(&CODE, &rules(false), &host);
        assert_eq!(found.len(), 1);
        assert!(found[0].notes[0].contains("ufw-init flush-all"), "{:?}", found[0].notes);
        assert_eq!(testing::find(&CODE, &rules(true), &host), []);
    }
}
