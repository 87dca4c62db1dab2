//! A firewall as iptables-legacy would load it.

use crate::sys::xt::targets::Nflog;
use crate::sys::xt::{Draft, DraftRule, DraftTarget, Extension, Family, Interface, Legacy, Selector, Verdict};
use crate::sys::{Error, Result, TextRef};

const ICMP: u16 = 1;
const TCP: u16 = 6;
const UDP: u16 = 17;
/// `IP6T_F_PROTO`: the protocol of an IPv6 rule counts.
const PROTO6: u8 = 0x01;

pub(super) fn load() -> Result<(), Error> {
    let ip = Legacy::open(Family::Ip)?;
    let mut table = Draft::new(Family::Ip, &ip.instantiate(b"filter")?);
    // -A guard -p tcp -m tcp --dport 443 -j DROP
    table.chain("guard").rules.push(rule(
        Family::Ip,
        TCP,
        Some(ports("tcp", 443)),
        DraftTarget::Verdict(Verdict::Drop),
    ));
    let input = &mut table.chain("INPUT").rules;
    // -A INPUT -i lo -j ACCEPT
    let mut lo = DraftRule::new(Family::Ip, DraftTarget::Verdict(Verdict::Accept));
    if let Selector::Ip(s) = &mut lo.selector {
        s.iif = Interface::from_pattern("lo");
    }
    input.push(lo);
    // -A INPUT -j guard
    input.push(DraftRule::new(Family::Ip, DraftTarget::Jump("guard".into())));
    // -A INPUT -p icmp -j NFLOG --nflog-prefix "ping: " --nflog-group 8
    let log = Nflog { len: 0, group: 8, threshold: 0, flags: 0, prefix: TextRef::new(b"ping: ") };
    let log = DraftTarget::Extension(Extension::new("NFLOG", 0, log.to_bytes()));
    input.push(rule(Family::Ip, ICMP, None, log));
    // -A INPUT -p icmp -j DROP
    input.push(rule(Family::Ip, ICMP, None, DraftTarget::Verdict(Verdict::Drop)));
    ip.replace(&table.build().map_err(|e| e.of("the demo's legacy IPv4 table"))?)?;

    let ip6 = Legacy::open(Family::Ip6)?;
    let mut table = Draft::new(Family::Ip6, &ip6.instantiate(b"filter")?);
    // -A INPUT -p udp -m udp --dport 53 -j DROP
    let dns = rule(Family::Ip6, UDP, Some(ports("udp", 53)), DraftTarget::Verdict(Verdict::Drop));
    table.chain("INPUT").rules.push(dns);
    ip6.replace(&table.build().map_err(|e| e.of("the demo's legacy IPv6 table"))?)
}

fn rule(family: Family, protocol: u16, matching: Option<Extension>, target: DraftTarget) -> DraftRule {
    let mut rule = DraftRule::new(family, target);
    match &mut rule.selector {
        Selector::Ip(s) => s.proto = protocol,
        Selector::Ip6(s) => {
            s.proto = protocol;
            s.flags |= PROTO6;
        }
        Selector::Arp(_) => {}
    }
    rule.matches.extend(matching);
    rule
}

/// `-m tcp --dport PORT` or `-m udp --dport PORT`: `struct xt_tcp` and `xt_udp` begin with the two ranges of ports.
fn ports(name: &str, port: u16) -> Extension {
    let mut data: Vec<u8> = [0u16, u16::MAX, port, port].iter().flat_map(|p| p.to_ne_bytes()).collect();
    data.resize(if name == "tcp" { 12 } else { 10 }, 0);
    Extension::new(name, 0, data)
}
