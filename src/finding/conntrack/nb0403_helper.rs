//! `NB0403`: a protocol announces further connections, and nobody listens to the announcement.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Place};
use crate::explain::Question;
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, TCP, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::{NEW, selects};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::fix::xtables_tool;
use crate::host::sysctl;
use crate::listing::chains;
use crate::sys::nft::ObjectKind;

pub(super) const CODE: Code = Code {
    id: "NB0403",
    title: "a conntrack helper is missing",
    severity: Severity::Warning,
    meaning: "FTP, SIP, TFTP and the like open further connections; without a helper these are new, and the rules drop them",
    page: include_str!("../../../docs/findings/NB0403.md"),
    check,
    why: Some(why),
};

/// A protocol that announces connections: its name and helper, transport and port, and whether the announced one goes to
/// the server (or comes from it).
struct Announcing {
    helper: &'static str,
    protocol: u8,
    port: u16,
    to_server: bool,
}

const ALL: [Announcing; 5] = [
    Announcing { helper: "ftp", protocol: TCP, port: 21, to_server: true },
    Announcing { helper: "tftp", protocol: UDP, port: 69, to_server: false },
    Announcing { helper: "sip", protocol: UDP, port: 5060, to_server: true },
    Announcing { helper: "sip", protocol: TCP, port: 5060, to_server: true },
    Announcing { helper: "Q.931", protocol: TCP, port: 1720, to_server: true },
];

/// A port that such a protocol might choose.
const CHOSEN: u16 = 50021;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if has_helpers(view) {
        return;
    }
    let mut flows: BTreeMap<usize, (IpAddr, IpAddr, u16)> = BTreeMap::new();
    let read = view.host.flows(&mut |f| {
        let of = |a: &Announcing| a.protocol == f.orig.protocol && f.orig.dst_port() == Some(a.port);
        if let Some(n) = ALL.iter().position(of).filter(|_| f.helper.is_none()) {
            // Where the server really is, behind translation.
            flows.entry(n).or_insert((f.orig.src, f.reply.src, f.orig.src_port().unwrap_or(0)));
        }
    });
    if read != Fact::Is(()) {
        return;
    }
    for (n, (client, server, client_port)) in flows {
        let Some(a) = ALL.get(n) else { continue };
        let q = match a.to_server {
            true => probe::packet(a.protocol, (client, 40000), (server, CHOSEN), CtState::New),
            false => probe::packet(a.protocol, (server, CHOSEN), (client, client_port), CtState::New),
        };
        let q: Option<Question> = q;
        let Some(at) = q.and_then(|q| view.ask(&q)).and_then(|e| probe::stopped_at(&e)) else { continue };
        let shown = format!("{client} > {server} port {}, without a helper", a.port);
        let mut finding = CODE
            .finding(format!(
                "{} is used through this firewall, and no rule gives it a helper",
                a.helper.to_uppercase()
            ))
            .rule(view.rule(at).label("the connections that it announces end here").verdict())
            .seen("ctnetlink", shown)
            .possible(
                "the transfers may use ports that are open, or be encrypted, when no helper can read what is announced",
            );
        if let Some(accept) = accepting(view, a) {
            finding = finding.rule(view.rule(accept).label("it lets the first connection through"));
        }
        found.push(finding.fix(fix(view, a, at)));
    }
}

/// In the words of the tool whose rule ends what is announced.
fn fix(view: &View<'_>, a: &Announcing, at: Place) -> Fix {
    let (helper, port) = (a.helper, a.port);
    let protocol = if a.protocol == TCP { "tcp" } else { "udp" };
    let module = if a.helper == "Q.931" { "h323" } else { helper };
    let fix = Fix::new(format!(
        "give connections to {protocol} port {port} the helper {helper}; what they announce is `related` then, which the rules have to accept"
    ));
    let fix = match xtables_tool(view.rules, at.chain) {
        Some(tool) => ["PREROUTING", "OUTPUT"].into_iter().fold(fix, |fix, hook| {
            fix.command(format!("{tool} -t raw -A {hook} -p {protocol} --dport {port} -j CT --helper {helper}"))
        }),
        None => {
            let chain = |hook: &str| {
                format!(
                    "chain {hook} {{ type filter hook {hook} priority 0; {protocol} dport {port} ct helper set \"h\"; }};"
                )
            };
            fix.command(format!(
                "nft 'table inet helper-{module} {{ ct helper h {{ type \"{helper}\" protocol {protocol}; }}; {} {} }}'",
                chain("prerouting"),
                chain("output")
            ))
        }
    };
    fix.persistent(format!("echo nf_conntrack_{module} > /etc/modules-load.d/nf_conntrack_{module}.conf"))
}

/// Is any helper given to connections, by rules or (before Linux 6.0) by itself?
fn has_helpers(view: &View<'_>) -> bool {
    let automatic = sysctl::number(view.host, "net.netfilter.nf_conntrack_helper".into()).is_ok_and(|s| s.is_on());
    let objects = view.rules.nft.iter().any(|t| t.objects.iter().any(|o| o.kind == ObjectKind::CtHelper));
    automatic || objects || first_rule(view, |at| selects(view.rules, at).is_some_and(|s| s.helper)).is_some()
}

/// A rule that accepts its port by name.
fn accepting(view: &View<'_>, a: &Announcing) -> Option<Place> {
    first_rule(view, |at| {
        let names = selects(view.rules, at).is_some_and(|s| {
            s.protocol == Some(a.protocol) && s.names_port(a.port, 16) && s.states.is_none_or(|s| s & NEW != 0)
        });
        names && act::acts(view.rules, at).is_some_and(|acts| acts.contains(&Act::Accept))
    })
}

fn first_rule(view: &View<'_>, wanted: impl Fn(Place) -> bool) -> Option<Place> {
    let mut found = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, _| {
            if found.is_none() && wanted(at) {
                found = Some(at);
            }
        });
    }
    found
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let blame = &case.explained.blame;
    if !matches!(blame.culprit.kind, CulpritKind::Rule | CulpritKind::Policy) || blame.packet.ct_state != Some("new") {
        return None;
    }
    let (src, dst) = (blame.packet.source?, blame.packet.destination?);
    let mut found = None;
    let read = case.view.host.flows(&mut |f| {
        let of = |a: &&Announcing| a.protocol == f.orig.protocol && f.orig.dst_port() == Some(a.port);
        let ends = |a: &&Announcing| {
            let (client, servers) = (f.orig.src, [f.orig.dst, f.reply.src]);
            if a.to_server { client == src && servers.contains(&dst) } else { client == dst && servers.contains(&src) }
        };
        if found.is_none() && f.helper.is_none() {
            found = ALL.iter().filter(of).find(ends);
        }
    });
    let a = found.filter(|_| read == Fact::Is(()) && !has_helpers(case.view))?;
    Some(format!(
        "these two have a connection to port {} without a helper: if that is {}, this one may have been announced there, and would be `related` with a helper",
        a.port,
        a.helper.to_uppercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::ct::{Flow, Tuple};

    #[test]
    fn a_control_connection_and_closed_ports_are_needed() {
        let mut host = testing::server();
        let rules = testing::accepting(21);
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        let (client, server) = ([192, 0, 2, 9].into(), [192, 0, 2, 1].into());
        let orig = Tuple::ports(TCP, (client, 4000), (server, 21));
        host.flows.push(Flow::of(orig, Tuple::ports(TCP, (server, 21), (client, 4000))));
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!((found.len(), found[0].rules.len()), (1, 2));
        assert_eq!(testing::find(&CODE, &testing::input("accept", ""), &host), [], "all ports are open");
    }
}
