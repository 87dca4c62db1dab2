//! A firewall as nft would load it.

use crate::sys::netlink::{Client, Family as Netlink};
use crate::sys::nft::expr::{Log, LogFlags, Payload, PayloadBase, Reject, RejectKind};
use crate::sys::nft::write::{Batch, Place};
use crate::sys::nft::{BaseChain, Chain, Expr, Family, Hook, Rule, Table, TableFlags, Userdata, Verdict};
use crate::sys::{Error, Result};

use super::exprs::{counter, dport, equal, icmp_type, l4proto, nfproto, verdict};
use super::refused;
use crate::demo::lab::SERVER;

const TABLE: &str = "shop";
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// The group that packets to the server are logged to.
pub const GROUP: u16 = 11;

pub(super) fn load() -> Result<(), Error> {
    let mut batch = Batch::default();
    batch.add_table(&Table::new(Family::Inet, TABLE, TableFlags::empty()));
    let input = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Input, 0) };
    batch.add_chain(&Chain::new(Family::Inet, TABLE, "input", Some(input)));
    batch.add_chain(&Chain::new(Family::Inet, TABLE, "raw", Some(BaseChain::filter(Hook::Prerouting, -300))));

    let mut add = |chain: &str, exprs: Vec<Expr>, comment: Option<&str>| {
        let mut rule = Rule::new(Family::Inet, TABLE, chain, exprs);
        rule.userdata = comment.map(Userdata::of_comment).unwrap_or_default();
        batch.add_rule(&rule, Place::Append);
    };
    // ip daddr 203.0.113.2 log prefix "to the server: " group 11
    let mut to_server = nfproto(2).to_vec();
    to_server.push(Payload::load(PayloadBase::Network, 16, 4).into());
    to_server.push(equal(&SERVER.octets()));
    to_server.push(log("to the server: ", GROUP));
    add("raw", to_server, None);
    // Neighbour discovery, without which IPv6 has nobody to talk to.
    for kind in [135, 136] {
        add("input", [&l4proto(ICMPV6)[..], &icmp_type(kind), &[verdict(Verdict::Accept)]].concat(), None);
    }
    add("input", [&l4proto(TCP)[..], &dport(22), &[verdict(Verdict::Accept)]].concat(), None);
    let telnet = [&l4proto(TCP)[..], &dport(23), &[counter(), verdict(Verdict::Drop)]].concat();
    add("input", telnet, Some("telnet is closed since the audit"));
    let refuse = Reject { kind: RejectKind::IcmpxUnreach, code: Some(1) };
    add("input", [&l4proto(UDP)[..], &dport(5060), &[refuse.into()]].concat(), None);
    let ping6 = [&l4proto(ICMPV6)[..], &icmp_type(128), &[counter(), verdict(Verdict::Drop)]].concat();
    add("input", ping6, None);

    let mut client = Client::open(Netlink::Netfilter)?;
    batch.commit(&mut client).map_err(refused)
}

fn log(prefix: &str, group: u16) -> Expr {
    Log {
        group: Some(group),
        prefix: Some(prefix.into()),
        snaplen: None,
        qthreshold: None,
        level: None,
        flags: LogFlags::empty(),
    }
    .into()
}
