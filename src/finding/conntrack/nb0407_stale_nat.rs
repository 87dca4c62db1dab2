//! `NB0407`: connections that are still translated as the rules had it when they began.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::blame::CulpritKind;
use crate::blame::packet::address;
use crate::evaluate::Fact;
use crate::evaluate::packet::CtState;
use crate::evaluate::walk::Fate;
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::probe::{self, UDP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::listing::chains;

pub(super) const CODE: Code = Code {
    id: "NB0407",
    title: "connections go where the rules no longer send them",
    severity: Severity::Warning,
    meaning: "translation is decided by a connection's first packet: later changes of the rules do not touch it while its entry lives",
    page: include_str!("../../../docs/findings/NB0407.md"),
    check,
    why: Some(why),
};

/// So many different services are asked about.
const MOST: usize = 512;

/// Protocol, the client, and what it asked for.
type Service = (u8, IpAddr, u16);

/// An entry: the client and its port, where it leads, and how many there are of the kind.
struct Led {
    client: (IpAddr, u16),
    to: SocketAddr,
    count: usize,
}

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    // Nothing to compare where no rule translates.
    if chains(view.rules).all(|c| view.bases(c).is_empty()) {
        return;
    }
    let mut services: BTreeMap<(Service, SocketAddr), Led> = BTreeMap::new();
    let read = view.host.flows(&mut |f| {
        // A connection that was announced goes where the announcement said.
        if f.master.is_some() || f.zone.unwrap_or(0) != 0 {
            return;
        }
        let (Some(sport), Some(dport), Some(to)) = (f.orig.src_port(), f.orig.dst_port(), f.reply.src_port()) else {
            return;
        };
        let to = SocketAddr::new(f.reply.src, to);
        let key = ((f.orig.protocol, f.orig.dst, dport), to);
        if services.len() < MOST || services.contains_key(&key) {
            services.entry(key).or_insert(Led { client: (f.orig.src, sport), to, count: 0 }).count += 1;
        }
    });
    if read != Fact::Is(()) {
        return;
    }
    for (((protocol, dst, port), _), led) in services {
        let Some(now) = led_now(view, protocol, led.client, (dst, port)) else { continue };
        if now == led.to {
            continue;
        }
        let name = if protocol == UDP { "udp" } else { "tcp" };
        let asked = SocketAddr::new(dst, port);
        let many = if led.count > 1 { format!("{} connections", led.count) } else { "a connection".to_owned() };
        // What TCP began before ends by itself; UDP goes on with the same entry as long as it talks.
        let severity = if protocol == UDP { Severity::Warning } else { Severity::Note };
        let mut finding = CODE
            .finding(format!("{many} to {name} {asked} still lead to {}; a new one would be led to {now}", led.to))
            .severity(severity)
            .seen(
                "ctnetlink",
                format!("{name} {} > {asked} is answered by {}", SocketAddr::new(led.client.0, led.client.1), led.to),
            );
        let family = if dst.is_ipv6() { "ipv6" } else { "ipv4" };
        finding = finding.fix(
            Fix::new("forget these connections: their next packet is translated as the rules are now, and TCP connections break")
                .command(format!("conntrack -D -f {family} -p {name} --orig-dst {dst} --orig-port-dst {port} --reply-src {}", led.to.ip())),
        );
        found.push(finding);
    }
}

/// Where a new connection would be led. None: nowhere, or it cannot be told for sure.
fn led_now(view: &View<'_>, protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16)) -> Option<SocketAddr> {
    let q = probe::packet(protocol, from, to, CtState::New)?;
    let fresh = view.explainer().explain_fresh(&q).ok()?;
    let [run] = fresh.walked.runs.as_slice() else { return None };
    // That nobody listens does not change where it was led.
    let got_there = match &run.fate {
        Fate::Delivered(_) | Fate::Left => true,
        Fate::Lost(o) => matches!(o.kind, CulpritKind::Socket | CulpritKind::Neighbour),
        _ => false,
    };
    let (_, dst) = run.packet.addresses().filter(|_| got_there)?;
    Some(SocketAddr::new(address(dst)?, run.packet.ports()?.1))
}

fn why(case: &Case<'_, '_>) -> Option<String> {
    let c = case.culprit();
    let led = c.detail.as_deref().filter(|d| c.kind == CulpritKind::Nat && d.starts_with("translated to"))?;
    Some(format!("an entry of before the rules changed decides: {led}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::sys::ct::{Flow, Tuple};

    #[test]
    fn an_entry_that_goes_elsewhere_is_told_and_one_that_agrees_is_not() {
        let mut host = testing::router();
        let (client, own): (IpAddr, IpAddr) = ([192, 0, 2, 9].into(), [192, 0, 2, 1].into());
        let led = |to: [u8; 4]| {
            let orig = Tuple::ports(UDP, (client, 5300), (own, 53));
            Flow::of(orig, Tuple::ports(UDP, (to.into(), 53), (client, 5300)))
        };
        let rules = testing::dnat([10, 0, 0, 2]);
        host.flows = vec![led([10, 0, 0, 2])];
        assert_eq!(testing::find(&CODE, &rules, &host), []);
        host.flows = vec![led([10, 0, 0, 3])];
        let found = testing::find(&CODE, &rules, &host);
        assert_eq!((found.len(), found[0].severity), (1, Severity::Warning));
        assert!(found[0].fix[0].commands[0].ends_with("--reply-src 10.0.0.3"));
    }
}
