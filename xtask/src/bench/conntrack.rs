//! Tracked connections: `conntrack -L` and `nfblame conntrack list`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use byteorder::BE;
use nfblame_sys::ct::Tuple;
use nfblame_sys::netlink::{Builder, Client, Family};
use nfblame_sys::ns::NetNs;
use nfblame_sys::uapi::nfnetlink::NFNL_SUBSYS_CTNETLINK;
use nfblame_sys::uapi::nfnetlink_conntrack::*;
use nix::libc;

use super::contest::{self, Contestant};
use super::{Plan, bare};
use crate::load;

/// Below the usual limit of 262144.
const ENTRIES: usize = 240_000;
/// Messages a datagram.
const BATCH: usize = 64;
const TCP: u8 = libc::IPPROTO_TCP as u8;
const UDP: u8 = libc::IPPROTO_UDP as u8;

pub fn run(plan: &Plan) -> Result<String, String> {
    let entries = plan.size(ENTRIES);
    let ns = load::namespace()?;
    fill(&ns, entries)?;
    let table = contest::table(
        &ns,
        plan.rounds,
        &[ours(plan), Contestant::new("conntrack -L", "conntrack", &["-L"]), bare::contestant(plan, "conntrack")],
    )?;
    Ok(format!("## {entries} tracked connections\n\n{table}"))
}

/// What we do.
pub fn ours(plan: &Plan) -> Contestant {
    Contestant::new("nfblame conntrack list", &plan.programs.nfblame, &["conntrack", "list"])
}

/// Puts that many connections of several kinds into a namespace.
pub fn fill(ns: &NetNs, entries: usize) -> Result<(), String> {
    let write = || -> Result<(), nfblame_sys::Error> {
        let mut client = Client::open(Family::Netfilter)?;
        let mut at = 0;
        while at < entries {
            let end = entries.min(at + BATCH);
            let mut b = Builder::new();
            (at..end).for_each(|n| connection(&mut b, n));
            let refusals = client.batch("add", "connections", b.finish(), end - at - 1)?;
            if let Some((_, e)) = refusals.into_iter().next() {
                return Err(e);
            }
            at = end;
        }
        Ok(())
    };
    ns.run(write).map_err(|e| e.to_string())?.map_err(|e| e.to_string())
}

/// Of ten connections six are TCP and two UDP over IPv4, two TCP over IPv6.
fn connection(b: &mut Builder, n: usize) {
    let [_, x, y, z] = (n as u32).to_be_bytes();
    let sport = 1024 + (n % 60_000) as u16;
    let (client, server): (IpAddr, IpAddr) = match n % 10 {
        8 | 9 => (
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, x.into(), u16::from_be_bytes([y, z])).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50).into(),
        ),
        _ => (Ipv4Addr::new(10, x, y, z).into(), Ipv4Addr::new(192, 0, 2, z).into()),
    };
    let protocol = if matches!(n % 10, 6 | 7) { UDP } else { TCP };
    let orig = Tuple::ports(protocol, (client, sport), (server, 443));
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_CREATE | libc::NLM_F_EXCL) as u16;
    b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW, flags, 0, orig.family(), 0);
    orig.write(b, CTA_TUPLE_ORIG);
    Tuple::ports(protocol, (server, 443), (client, sport)).write(b, CTA_TUPLE_REPLY);
    b.u32::<BE>(CTA_TIMEOUT, 100_000 + n as u32).u32::<BE>(CTA_MARK, (n % 4) as u32);
    let status = if n.is_multiple_of(3) { 0x8 } else { 0xe };
    b.u32::<BE>(CTA_STATUS, status);
    if protocol == TCP {
        b.nest(CTA_PROTOINFO, |b| {
            b.nest(CTA_PROTOINFO_TCP, |b| {
                b.u8(CTA_PROTOINFO_TCP_STATE, 3);
            });
        });
    }
}
