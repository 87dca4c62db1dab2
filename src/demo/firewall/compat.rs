//! A firewall as iptables-nft would load it: built-in chains in a table `filter`, native expressions where it uses them,
//! xtables payloads where it does not.

use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::expr::{Log, LogFlags, XtBlob};
use crate::sys::nft::write::{Batch, Place};
use crate::sys::nft::{BaseChain, Chain, Compat, CompatFlags, Expr, Family, Hook, Rule, Table, TableFlags, Verdict};
use crate::sys::xt::targets::Reject;
use crate::sys::{Error, Result};

use super::exprs::{counter, dport, iifname, l4proto, verdict};
use super::refused;

const TABLE: &str = "filter";
const TCP: u8 = 6;
const UDP: u8 = 17;
/// `IPT_TCP_RESET`
const TCP_RESET: u32 = 7;
/// The length that `xt_comment_info` has.
const COMMENT: usize = 256;

pub(super) fn load() -> Result<(), Error> {
    let mut batch = Batch::default();
    batch.add_table(&Table::new(Family::Ip, TABLE, TableFlags::empty()));
    for (name, hook, policy) in [
        ("INPUT", Hook::Input, Verdict::Drop),
        ("FORWARD", Hook::Forward, Verdict::Accept),
        ("OUTPUT", Hook::Output, Verdict::Accept),
    ] {
        let base = BaseChain { policy, ..BaseChain::filter(hook, 0) };
        batch.add_chain(&Chain::new(Family::Ip, TABLE, name, Some(base)));
    }
    let mut add = |exprs: Vec<Expr>, compat: Option<u8>| {
        let mut rule = Rule::new(Family::Ip, TABLE, "INPUT", exprs);
        rule.compat = compat.map(|proto| Compat { proto: proto.into(), flags: CompatFlags::empty() });
        batch.add_rule(&rule, Place::Append);
    };
    // -A INPUT -i lo -j ACCEPT
    add([&iifname("lo")[..], &[counter(), verdict(Verdict::Accept)]].concat(), None);
    // -A INPUT -p tcp -m tcp --dport 80 -m comment --comment "the old web server" -j DROP
    let mut note = vec![0; COMMENT];
    for (to, from) in note.iter_mut().zip(b"the old web server") {
        *to = *from;
    }
    let note = Expr::Match(XtBlob { name: "comment".into(), revision: 0, data: note.into() });
    let web = [&l4proto(TCP)[..], &dport(80), &[note, counter(), verdict(Verdict::Drop)]].concat();
    add(web, Some(TCP));
    // -A INPUT -p udp -m udp --dport 161 -j NFLOG --nflog-prefix "snmp: " --nflog-group 7
    let log: Expr = Log {
        group: Some(7),
        prefix: Some("snmp: ".into()),
        snaplen: None,
        qthreshold: None,
        level: None,
        flags: LogFlags::empty(),
    }
    .into();
    add([&l4proto(UDP)[..], &dport(161), &[counter(), log]].concat(), None);
    // -A INPUT -p udp -m udp --dport 161 -j DROP
    add([&l4proto(UDP)[..], &dport(161), &[counter(), verdict(Verdict::Drop)]].concat(), None);
    // -A INPUT -p tcp -m tcp --dport 25 -j REJECT --reject-with tcp-reset
    let data = Reject::Ip(TCP_RESET).to_bytes();
    let reject = Expr::Target(XtBlob { name: "REJECT".into(), revision: 0, data: padded(&data).into() });
    add([&l4proto(TCP)[..], &dport(25), &[counter(), reject]].concat(), Some(TCP));

    let mut client = Client::open(Netlink::Netfilter)?;
    batch.commit(&mut client).map_err(refused)
}

/// `XT_ALIGN`
fn padded(data: &[u8]) -> Vec<u8> {
    let mut all = data.to_vec();
    all.resize(data.len().next_multiple_of(8), 0);
    all
}
