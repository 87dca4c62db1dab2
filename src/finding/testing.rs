//! Hosts and rulesets for the tests of findings.

use super::code::Code;
use super::report::Finding;
use super::view::View;
use crate::host::FakeHost;
use crate::ruleset::nft::{Chain, Table};
use crate::ruleset::{Backend, Ruleset};
use crate::sys::nft::expr::{
    Bitwise, BitwiseOp, Cmp, CmpOp, Ct, CtKey, Immediate, Log, LogFlags, Masq, Meta, MetaKey, Nat, NatFlags, NatKind,
    Payload, PayloadBase,
};
use crate::sys::nft::{self, BaseChain, ChainKind, Data, Expr, Family, Hook, Reg, Rule, TableFlags, Value, Verdict};
use crate::sys::rt::{LinkFlags, Prefix, RouteKind};
use crate::sys::xt;

/// What the check of a code finds.
pub fn find(code: &Code, rules: &Ruleset, host: &FakeHost) -> Vec<Finding> {
    let mut found = Vec::new();
    (code.check)(&View::new(rules, host), &mut found);
    found
}

/// A host with one interface, `eth0`, 192.0.2.1/24, and nothing that listens.
pub fn server() -> FakeHost {
    let mut host = FakeHost::new();
    host.add_link(2, "eth0", LinkFlags::UP | LinkFlags::RUNNING).add_address(2, "192.0.2.1/24");
    host
}

/// The same behind a router: with a default route.
pub fn behind_router() -> FakeHost {
    let mut host = server();
    let everywhere = Prefix { addr: [0; 4].into(), len: 0 };
    host.add_route(RouteKind::Unicast, everywhere, 254, Some(2), Some([192, 0, 2, 254].into()));
    host
}

/// A router between `eth0`, 192.0.2.1/24 with the default route, and `lan`, 10.0.0.1/24. Forwarding is on.
pub fn router() -> FakeHost {
    let mut host = behind_router();
    host.add_link(3, "lan", LinkFlags::UP | LinkFlags::RUNNING).add_address(3, "10.0.0.1/24");
    for key in ["net.ipv4.ip_forward", "net.ipv4.conf.eth0.forwarding", "net.ipv4.conf.lan.forwarding"] {
        host.set(key, 1);
    }
    host
}

/// A table of nf_tables with one chain.
pub fn table(family: Family, chain: &str, base: Option<BaseChain>, rules: Vec<Vec<Expr>>) -> Table {
    let rules = rules.into_iter().enumerate().map(|(i, exprs)| {
        let mut rule = Rule::new(family, "t", chain, exprs);
        rule.handle = i as u64 + 2;
        rule
    });
    Table {
        def: nft::Table::new(family, "t", TableFlags::empty()),
        backend: Backend::Nft,
        chains: vec![Chain {
            def: nft::Chain::new(family, "t", chain, base),
            backend: Backend::Nft,
            rules: rules.collect(),
        }],
        sets: Vec::new(),
        objects: Vec::new(),
        flowtables: Vec::new(),
    }
}

/// A ruleset with that one table.
pub fn with(table: Table) -> Ruleset {
    Ruleset { nft: vec![table], ..Ruleset::default() }
}

/// A verdict.
pub fn says(v: Verdict) -> Expr {
    Immediate { dreg: Reg::VERDICT, value: Value::Verdict(v) }.into()
}

/// `ct state established,related`
pub fn established() -> Vec<Expr> {
    let bits = |n: u32| Data::new(n.to_ne_bytes());
    vec![
        Ct { key: CtKey::State, direction: None, dreg: Reg::R1 }.into(),
        Bitwise { sreg: Reg::R1, dreg: Reg::R1, len: 4, op: BitwiseOp::MaskXor { mask: bits(6), xor: bits(0) } }.into(),
        Cmp { op: CmpOp::Neq, sreg: Reg::R1, data: bits(0) }.into(),
    ]
}

/// An input chain of that policy: empty, or with `established` the rule for answers.
pub fn input(policy: &str, rule: &str) -> Ruleset {
    let policy = if policy == "drop" { Verdict::Drop } else { Verdict::Accept };
    let base = BaseChain { policy, ..BaseChain::filter(Hook::Input, 0) };
    let rules = match rule {
        "established" => vec![[established(), vec![says(Verdict::Accept)]].concat()],
        _ => Vec::new(),
    };
    with(table(Family::Inet, "input", Some(base), rules))
}

/// A port forward to that address.
pub fn dnat(to: [u8; 4]) -> Ruleset {
    let base = BaseChain { kind: ChainKind::Nat, ..BaseChain::filter(Hook::Prerouting, -100) };
    let rule = vec![
        Immediate { dreg: Reg::R1, value: Value::Data(Data::new(to)) }.into(),
        Nat {
            kind: NatKind::Dnat,
            family: Family::Ip,
            addr_min: Some(Reg::R1),
            addr_max: None,
            proto_min: None,
            proto_max: None,
            flags: NatFlags::MAP_IPS,
        }
        .into(),
    ];
    with(table(Family::Ip, "prerouting", Some(base), vec![rule]))
}

/// A legacy table `filter` without rules.
pub fn legacy_filter() -> xt::Draft {
    let info = xt::Info {
        name: "filter".into(),
        valid_hooks: 0b1110,
        hook_entry: [0; 5],
        underflow: [0; 5],
        num_entries: 4,
        size: 0,
    };
    xt::Draft::new(xt::Family::Ip, &info)
}

/// Everything that leaves gets the address of its interface.
pub fn masquerade() -> Ruleset {
    let base = BaseChain { kind: ChainKind::Nat, ..BaseChain::filter(Hook::Postrouting, 100) };
    let rule = vec![Masq { flags: NatFlags::empty(), proto_min: None, proto_max: None }.into()];
    with(table(Family::Ip, "postrouting", Some(base), vec![rule]))
}

/// A legacy table `filter` whose input chain drops a TCP port.
#[allow(clippy::unwrap_used, reason = "test code")]
pub fn legacy_drop(port: u16) -> Ruleset {
    let mut draft = legacy_filter();
    let mut rule = xt::DraftRule::new(xt::Family::Ip, xt::DraftTarget::Verdict(xt::Verdict::Drop));
    if let xt::Selector::Ip(s) = &mut rule.selector {
        s.proto = 6;
    }
    let mut data: Vec<u8> = [0u16, u16::MAX, port, port].iter().flat_map(|p| p.to_ne_bytes()).collect();
    data.resize(12, 0);
    rule.matches.push(xt::Extension::new("tcp", 0, data));
    draft.chain("INPUT").rules.push(rule);
    Ruleset { xt: vec![draft.build().unwrap()], ..Ruleset::default() }
}

/// An empty set, or map, of that name, whose key has so many bytes.
pub fn set(name: &str, key_len: u32) -> crate::ruleset::nft::Set {
    crate::ruleset::nft::Set {
        def: nft::Set {
            family: Family::Inet,
            table: "t".into(),
            name: name.into(),
            handle: 0,
            flags: nft::SetFlags::empty(),
            key_type: 0,
            key_len,
            data_type: None,
            data_len: None,
            object_kind: None,
            policy: None,
            size: None,
            fields: smallvec::SmallVec::new(),
            timeout: None,
            gc_interval: None,
            userdata: nft::Userdata::default(),
            exprs: Vec::new(),
            id: None,
            backend: None,
            count: None,
            unread: Vec::new(),
        },
        elements: Vec::new(),
    }
}

/// `log`, to a group or to the kernel's log.
pub fn log(group: Option<u16>) -> Expr {
    let flags = LogFlags::empty();
    Log { group, prefix: None, snaplen: None, qthreshold: None, level: None, flags }.into()
}

/// An input chain that accepts a TCP port by name, and drops all else.
pub fn accepting(port: u16) -> Ruleset {
    let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Input, 0) };
    let cmp = |data: &[u8]| Expr::from(Cmp { op: CmpOp::Eq, sreg: Reg::R1, data: Data::new(data) });
    let rule = vec![
        Meta { key: MetaKey::L4proto, dreg: Reg::R1 }.into(),
        cmp(&[6]),
        Payload { base: PayloadBase::Transport, offset: 2, len: 2, dreg: Reg::R1 }.into(),
        cmp(&port.to_be_bytes()),
        says(Verdict::Accept),
    ];
    with(table(Family::Inet, "input", Some(base), vec![rule]))
}
