//! What nft cannot say, and rules that make no sense.
#![allow(clippy::unwrap_used, reason = "test code")]

use nfblame_sys::netlink::{Attrs, Builder};
use nfblame_sys::nft::expr::{
    Bitwise, Cmp, CmpOp, Counter, Ct, CtKey, Inner, InnerFlags, InnerKind, Last, Lookup, LookupFlags, Meta, MetaKey,
    Payload, PayloadBase, Unknown, XtBlob,
};
use nfblame_sys::nft::{Data, Expr, Family, RawAttr, Reg, Rule, Table as Def, TableFlags, Userdata, Verdict};

use super::{Options, Rendered, View, rule};
use crate::ruleset::Backend;
use crate::ruleset::nft::Table;
use crate::sys::Text;

fn table(family: Family) -> Table {
    let def = Def::new(family, "t", TableFlags::empty());
    let (chains, sets, objects, flowtables) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    Table { def, backend: Backend::Nft, chains, sets, objects, flowtables }
}

fn said_in(family: Family, exprs: Vec<Expr>, options: Options) -> Rendered {
    let table = table(family);
    rule(&View::new(&table), &Rule::new(family, "t", "c", exprs), options, &())
}

fn said(exprs: Vec<Expr>) -> (String, bool) {
    let rendered = said_in(Family::Ip, exprs, Options::default());
    (rendered.text.to_string(), rendered.complete)
}

fn unknown(name: &str, known: Option<Expr>) -> Expr {
    let raw = [1, 2, 0xfe].into();
    Expr::Unknown(Unknown { name: Text::from(name), raw, known: known.map(Box::new) })
}

fn words(text: &str) -> (String, bool) {
    (text.to_owned(), true)
}

fn raw(text: &str) -> (String, bool) {
    (text.to_owned(), false)
}

fn protocol(number: u8) -> [Expr; 2] {
    [Meta::load(MetaKey::L4proto).into(), Cmp::eq(Reg::R1, [number]).into()]
}

fn dport(port: u16) -> [Expr; 2] {
    [Payload::load(PayloadBase::Transport, 2, 2).into(), Cmp::eq(Reg::R1, port.to_be_bytes()).into()]
}

fn counter() -> Expr {
    Counter { packets: 3, bytes: 180 }.into()
}

#[test]
fn an_unknown_expression_stands_there_raw() {
    let exprs = [&protocol(6)[..], &dport(80), &[unknown("foo", None), counter(), Verdict::Drop.into()]].concat();
    let text = "tcp dport 80 [unknown expression foo 0x0102fe] counter packets 3 bytes 180 drop";
    assert_eq!(said(exprs), raw(text));
}

#[test]
fn what_an_unknown_expression_loads_is_compared_where_it_is_used() {
    let load = unknown("meta", Some(Meta::load(MetaKey::Mark).into()));
    let exprs = vec![load, Cmp::eq(Reg::R1, [7]).into(), Verdict::Accept.into()];
    assert_eq!(said(exprs), raw("[unknown expression meta 0x0102fe] 0x7 accept"));
}

#[test]
fn nothing_is_believed_of_registers_behind_an_unknown_expression() {
    let exprs = vec![Meta::load(MetaKey::Mark).into(), unknown("foo", None), Cmp::eq(Reg::R1, [7]).into()];
    let (text, complete) = said(exprs);
    assert!(!complete);
    assert!(text.starts_with("[unknown expression foo 0x0102fe] [expression without words Cmp"), "{text}");
}

#[test]
fn a_register_that_was_written_over_is_not_believed() {
    let inside = Reg(Reg::R1.0 + 1);
    let exprs = vec![
        Payload::load(PayloadBase::Network, 0, 16).into(),
        Expr::Meta(Meta { key: MetaKey::Mark, dreg: inside }),
        Cmp::eq(Reg::R1, [0; 16]).into(),
    ];
    let (text, complete) = said(exprs);
    assert!(!complete, "{text}");
    assert!(!text.contains("@nh"), "{text}");
}

#[test]
fn a_comparison_of_nothing_has_no_words() {
    let (text, complete) = said(vec![Cmp::eq(Reg::R1, [7]).into(), Verdict::Drop.into()]);
    assert!(!complete);
    assert!(text.starts_with("[expression without words Cmp") && text.ends_with("] drop"), "{text}");
}

#[test]
fn a_set_that_is_gone_has_no_words() {
    let lookup = Lookup { set: "gone".into(), set_id: None, sreg: Reg::R1, dreg: None, flags: LookupFlags::empty() };
    let (text, complete) = said(vec![Payload::load(PayloadBase::Network, 12, 4).into(), lookup.into()]);
    assert!(!complete);
    assert!(text.contains("gone"), "{text}");
}

#[test]
fn expressions_of_later_versions() {
    assert_eq!(said(vec![Last { msecs: None }.into()]), words("last used never"));
    let inner = Inner {
        kind: InnerKind::Vxlan,
        flags: InnerFlags::NH,
        hdrsize: 8,
        expr: Box::new(Payload::load(PayloadBase::Tunnel, 4, 3).into()),
    };
    let (text, complete) = said(vec![inner.into(), Cmp::eq(Reg::R1, [0, 0, 7]).into()]);
    assert!(!complete);
    assert!(text.starts_with("[expression without words Inner") && text.ends_with(" 0x7"), "{text}");
}

#[test]
fn xtables_extensions_without_translation_are_named() {
    let blob = |name: &str| XtBlob { name: name.into(), revision: 0, data: [0; 8].into() };
    let exprs = vec![Expr::Match(blob("foo")), counter(), Expr::Target(blob("BAR"))];
    assert_eq!(said(exprs), raw("xt match foo counter packets 3 bytes 180 xt target BAR"));
}

#[test]
fn state_may_be_left_out() {
    let mut held = Rule::new(Family::Ip, "t", "c", [&dport(80)[..], &[counter(), Verdict::Drop.into()]].concat());
    held.userdata = Userdata::of_comment("x");
    held.handle = 7;
    let table = table(Family::Ip);
    let view = View::new(&table);
    let said = |options| rule(&view, &held, options, &()).text.to_string();
    assert_eq!(said(Options::default()), "th dport 80 counter packets 3 bytes 180 drop comment \"x\"");
    let options = Options { stateless: true, ..Options::default() };
    assert_eq!(said(options), "th dport 80 counter drop comment \"x\"");
    let options = Options { stateless: true, handles: true, ..Options::default() };
    assert_eq!(said(options), "th dport 80 counter drop comment \"x\" # handle 7");
}

#[test]
fn attributes_that_were_not_understood_make_a_rule_incomplete() {
    let mut held = Rule::new(Family::Ip, "t", "c", vec![Verdict::Drop.into()]);
    assert!(rule(&View::new(&table(Family::Ip)), &held, Options::default(), &()).complete);
    held.unread.push(RawAttr { kind: 200, bytes: [1].into() });
    assert!(!rule(&View::new(&table(Family::Ip)), &held, Options::default(), &()).complete);
}

/// Rules with damage of any kind, from a fixed seed: no text is right, but there is one.
#[test]
fn damage_is_survived() {
    let exprs: Vec<Expr> = [
        &protocol(17)[..],
        &dport(53),
        &[
            Payload::load(PayloadBase::Network, 12, 16).into(),
            Bitwise::mask([0xff; 16]).into(),
            Cmp { op: CmpOp::Lt, sreg: Reg::R1, data: Data::new([9; 16]) }.into(),
            Payload::load(PayloadBase::Link, 6, 6).into(),
            Cmp::neq(Reg::R1, [2; 6]).into(),
            Ct::load(CtKey::Expiration).into(),
            Cmp::eq(Reg::R1, [1, 0, 0, 0]).into(),
            counter(),
            Verdict::Jump("x".into()).into(),
        ],
    ]
    .concat();
    let encoded: Vec<Vec<u8>> = exprs
        .iter()
        .map(|e| {
            let mut b = Builder::new();
            e.write(&mut b);
            b.into_attrs()
        })
        .collect();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |n: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % n
    };
    for family in [Family::Ip, Family::Ip6, Family::Inet, Family::Arp, Family::Bridge, Family::Netdev] {
        for _ in 0..2000 {
            let exprs = encoded
                .iter()
                .map(|bytes| {
                    let mut bytes = bytes.clone();
                    let at = below(4 * bytes.len());
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = below(256) as u8;
                    }
                    Expr::decode(Attrs::new(&bytes))
                })
                .collect();
            said_in(family, exprs, Options { numeric: below(2) == 0, ..Options::default() });
        }
    }
}
