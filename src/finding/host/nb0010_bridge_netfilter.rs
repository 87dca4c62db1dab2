//! `NB0010`: packets that a bridge only switches meet the rules of routers.

use std::net::{IpAddr, Ipv4Addr};

use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Hook};
use crate::explain::{Question, Side};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::host::sysctl;
use crate::sys::rt::{Link, LinkFlags};

pub(super) const CODE: Code = Code {
    id: "NB0010",
    title: "bridged packets are dropped by the rules of the forward hook",
    severity: Severity::Warning,
    meaning: "with bridge-nf-call-iptables on, what goes from port to port of a bridge passes the IPv4 forward hook",
    page: include_str!("../../../docs/findings/NB0010.md"),
    check,
    why: None,
};

const KEY: &str = "net.bridge.bridge-nf-call-iptables";

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    if !sysctl::number(view.host, KEY.into()).is_ok_and(|s| s.is_on()) {
        return;
    }
    let Some(links) = view.host.links().known() else { return };
    let is_bridge = |l: &&Link| l.kind.as_ref().is_some_and(|k| *k == "bridge") && l.flags.contains(LinkFlags::UP);
    for bridge in links.iter().filter(is_bridge) {
        let ports: Vec<String> = links
            .iter()
            .filter(|l| l.master == Some(bridge.index) && l.flags.contains(LinkFlags::UP))
            .map(|l| l.name.to_string())
            .collect();
        if ports.len() < 2 {
            continue;
        }
        let Some(q) = between_ports(view, bridge) else { continue };
        let Some(at) = view.ask(&q).and_then(|e| probe::stopped_at(&e)) else { continue };
        let fix = Fix::new(format!(
            "let rules for IPv4 pass what bridges switch; or keep that and accept packets that stay in {}",
            bridge.name
        ))
        .command(format!("sysctl -w {KEY}=0"))
        .persistent(format!("echo '{KEY} = 0' >> /etc/sysctl.d/90-nfblame.conf"))
        .of_module("br_netfilter");
        found.push(
            CODE.finding(format!("new connections between the ports of {} ({}) are dropped", bridge.name, ports.join(", ")))
                .rule(view.rule(at).label("packets that are only switched end here, too").verdict())
                .seen(sysctl::file(KEY), "1")
                .seen("simulation", format!("tcp, in and out by {}: dropped", bridge.name))
                .note("kube-proxy and Docker need it to be 1: there, accept what stays in the bridge (`-i BRIDGE -o BRIDGE -j ACCEPT`) instead")
                .note("the setting goes to 1 whenever br_netfilter is loaded")
                .fix(fix),
        );
    }
}

/// A packet from one port of a bridge to another: it is at the forward hook at once.
fn between_ports(view: &View<'_>, bridge: &Link) -> Option<Question> {
    let own = match view.host.addresses() {
        Fact::Is(all) => {
            all.iter().find(|a| a.index == bridge.index && a.local.addr.is_ipv4() && a.local.len <= 28).cloned()
        }
        _ => None,
    };
    let net = match own.map(|a| (a.local.addr, a.local.len)) {
        Some((IpAddr::V4(a), len)) => {
            Ipv4Addr::from_bits(a.to_bits() & (u32::MAX << (32 - u32::from(len.clamp(1, 28)))))
        }
        _ => Ipv4Addr::new(192, 0, 2, 0),
    };
    let host = |n: u32| IpAddr::from(Ipv4Addr::from_bits(net.to_bits() + n));
    let q = probe::packet(TCP, (host(13), 45678), (host(14), 80), CtState::New)?;
    Some(Question {
        side: Side::In(bridge.name.clone()),
        hook: Some(Hook::Forward),
        oif: Some(bridge.name.clone()),
        ..q
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::nft::{BaseChain, Family, Hook as NftHook, Verdict};

    fn forward(policy: Verdict) -> Ruleset {
        let base = BaseChain { policy, ..BaseChain::filter(NftHook::Forward, 0) };
        testing::with(testing::table(Family::Ip, "forward", Some(base), Vec::new()))
    }

    #[test]
    fn a_bridge_with_ports_the_setting_and_a_closed_forward_hook_are_needed() {
        let mut host = testing::server();
        host.set(KEY, 1).add_link(5, "br0", LinkFlags::UP).add_link(6, "p1", LinkFlags::UP).add_link(
            7,
            "p2",
            LinkFlags::UP,
        );
        for l in host.links.iter_mut() {
            match l.index {
                5 => l.kind = Some("bridge".into()),
                6 | 7 => l.master = Some(5),
                _ => {}
            }
        }
        assert_eq!(testing::find(&CODE, &forward(Verdict::Accept), &host), []);
        assert_eq!(testing::find(&CODE, &forward(Verdict::Drop), &host).len(), 1);
        host.set(KEY, 0);
        assert_eq!(testing::find(&CODE, &forward(Verdict::Drop), &host), []);
    }
}
