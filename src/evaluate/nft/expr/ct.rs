//! `ct`: the packet's connection.

use std::net::IpAddr;

use crate::evaluate::connection::{self, counted};
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::packet::CtState;
use crate::evaluate::{Context, Fact};
use crate::sys::ct::{Counters, L4, Status, Tuple};
use crate::sys::nft::expr::{Ct, CtDirection, CtKey};
use crate::sys::nft::{Family, Reg};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// `NF_CT_STATE_BIT`, `NF_CT_STATE_INVALID_BIT`, `NF_CT_STATE_UNTRACKED_BIT`
fn state_bit(state: CtState) -> u32 {
    match state {
        CtState::Invalid => 1,
        CtState::Established => 1 << 1,
        CtState::Related => 1 << 2,
        CtState::New => 1 << 3,
        CtState::Untracked => 1 << 6,
    }
}

/// `nft_ct_get_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Ct) -> Step {
    let d = e.dreg;
    if e.key == CtKey::State {
        return state(cx, m, d);
    }
    let perhaps = match tracked(cx) {
        Fact::Is(()) => None,
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => Some(what),
    };
    let len = length(e.key, m.table_family());
    let loaded = load(cx, m, e);
    match (loaded, perhaps) {
        (Loaded::Done, None) => Step::Go,
        (Loaded::None, None) => Step::Break,
        (Loaded::Unknown(what), None) => {
            m.regs.write_unknown(
                d,
                len,
                Unknown::fact(what).changed((e.key.code(), e.direction.map(CtDirection::code))),
            );
            Step::Go
        }
        // Not even whether there is a connection is known.
        (loaded, Some(tracked)) => {
            let what = if let Loaded::Unknown(what) = loaded { what.into() } else { tracked };
            let key = (e.key.code(), e.direction.map(CtDirection::code));
            m.regs.write_unknown(d, len, Unknown::fact(what).changed(key).perhaps_absent());
            Step::Go
        }
    }
}

fn state(cx: &Context<'_>, m: &mut Machine<'_>, d: Reg) -> Step {
    let ct = &cx.packet.ct;
    let bit = match &ct.state {
        // A template looks like a new connection.
        _ if ct.template => state_bit(CtState::New),
        Fact::Is(state) => state_bit(*state),
        // No connection, and nobody said that there should be none: that is what invalid looks like, too.
        Fact::Absent => state_bit(CtState::Invalid),
        Fact::Unknown(w) => {
            m.regs.write_unknown(d, 4, Unknown::fact(w.clone()));
            return Step::Go;
        }
    };
    m.regs.write_u32(d, bit);
    Step::Go
}

/// Has the packet a connection (`nf_ct_get`, no template)?
pub fn tracked(cx: &Context<'_>) -> Fact<()> {
    let ct = &cx.packet.ct;
    match &ct.state {
        _ if ct.template => Fact::Absent,
        Fact::Is(CtState::New | CtState::Established | CtState::Related) => Fact::Is(()),
        Fact::Is(CtState::Invalid | CtState::Untracked) | Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    }
}

/// How long what is loaded is.
fn length(key: CtKey, table: Family) -> usize {
    match key {
        CtKey::Src | CtKey::Dst => address_length(table),
        CtKey::SrcIp6 | CtKey::DstIp6 | CtKey::Labels | CtKey::Helper => 16,
        CtKey::Packets | CtKey::Bytes | CtKey::Avgpkt => 8,
        CtKey::ProtoSrc | CtKey::ProtoDst | CtKey::Zone => 2,
        CtKey::Direction | CtKey::L3protocol | CtKey::Protocol => 1,
        _ => 4,
    }
}

/// `ct saddr` without a family takes what the family of the table needs.
fn address_length(table: Family) -> usize {
    if table == Family::Ip { 4 } else { 16 }
}

enum Loaded {
    Done,
    /// The kernel has no such value: the rule ends.
    None,
    Unknown(String),
}

fn load(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Ct) -> Loaded {
    let d = e.dreg;
    let unknown = |what: &str| Loaded::Unknown(what.to_owned());
    match e.key {
        CtKey::Direction => {
            let reply = cx.packet.ct.reply.clone();
            number(reply, "direction in the connection", |v| m.regs.write_u8(d, u8::from(v)))
        }
        CtKey::Status => number(connection::status(cx), "connection status", |v| m.regs.write_u32(d, v)),
        CtKey::Mark => number(cx.packet.ct.mark.clone(), "connection mark", |v| m.regs.write_u32(d, v)),
        CtKey::Zone => match &cx.packet.ct.zone {
            Fact::Absent => {
                m.regs.write_u16(d, 0);
                Loaded::Done
            }
            zone => {
                let id = zone.clone().map(|z| match e.direction {
                    Some(CtDirection::Original) => z.in_direction(false),
                    Some(CtDirection::Reply) => z.in_direction(true),
                    _ => z.id,
                });
                number(id, "zone of the connection", |v| m.regs.write_u16(d, v))
            }
        },
        CtKey::L3protocol => {
            m.regs.write_u8(d, if cx.packet.network == crate::evaluate::Network::Ip6 { 10 } else { 2 });
            Loaded::Done
        }
        CtKey::Protocol => match protocol(cx) {
            Some(protocol) => {
                m.regs.write_u8(d, protocol);
                Loaded::Done
            }
            None => unknown("protocol of the connection"),
        },
        CtKey::Labels => match labels(cx) {
            Some(labels) => {
                m.regs.write(d, &labels);
                Loaded::Done
            }
            None => unknown("connection labels"),
        },
        CtKey::Helper => {
            let expected = match (&cx.packet.ct.state, &cx.packet.ct.status) {
                (Fact::Is(CtState::New), _) => false,
                (_, Fact::Is(status)) => Status::from_bits_retain(*status).contains(Status::EXPECTED),
                _ => true,
            };
            if expected { unknown("helper of the connection that announced this one") } else { Loaded::None }
        }
        CtKey::Id => match cx.packet.ct.flow.value().and_then(|f| f.id) {
            Some(id) => {
                m.regs.write(d, &id.to_be_bytes());
                Loaded::Done
            }
            None => unknown("connection id"),
        },
        CtKey::Packets | CtKey::Bytes | CtKey::Avgpkt => match counted(cx) {
            Fact::Is(counters) => {
                m.regs.write(d, &count(e, counters).to_ne_bytes());
                Loaded::Done
            }
            Fact::Absent => {
                m.regs.write(d, &[0; 8]);
                Loaded::Done
            }
            Fact::Unknown(what) => Loaded::Unknown(what.into_owned()),
        },
        CtKey::Expiration => unknown("when the connection expires"),
        CtKey::Secmark => unknown("security mark of the connection"),
        CtKey::Event => unknown("events of the connection"),
        CtKey::State | CtKey::Unknown(_) => Loaded::Unknown(format!("ct {}", e.key)),
        CtKey::Src
        | CtKey::Dst
        | CtKey::SrcIp
        | CtKey::DstIp
        | CtKey::SrcIp6
        | CtKey::DstIp6
        | CtKey::ProtoSrc
        | CtKey::ProtoDst => tuple(cx, m, e),
    }
}

/// A number of what a connection has counted, in one direction or in both.
fn count(e: &Ct, [original, reply]: [Counters; 2]) -> u64 {
    let (packets, bytes) = match e.direction {
        Some(CtDirection::Original) => (original.packets, original.bytes),
        Some(CtDirection::Reply) => (reply.packets, reply.bytes),
        _ => (original.packets.wrapping_add(reply.packets), original.bytes.wrapping_add(reply.bytes)),
    };
    match e.key {
        CtKey::Packets => packets,
        CtKey::Bytes => bytes,
        _ => bytes.checked_div(packets).unwrap_or(0),
    }
}

fn number<T>(fact: Fact<T>, what: &'static str, write: impl FnOnce(T)) -> Loaded {
    match fact {
        Fact::Is(v) => {
            write(v);
            Loaded::Done
        }
        // There is a connection, so it has one.
        Fact::Absent => Loaded::Unknown(what.to_owned()),
        Fact::Unknown(w) => Loaded::Unknown(w.into_owned()),
    }
}

/// The protocol of the connection: the packet's own, unless it is an error about another one.
fn protocol(cx: &Context<'_>) -> Option<u8> {
    if let Fact::Is(t) = &cx.packet.ct.original {
        return Some(t.protocol);
    }
    let own = cx.packet.headers().protocol?;
    let about_another = matches!(own, ICMP | ICMPV6) && cx.packet.ct.state != Fact::Is(CtState::New);
    (!about_another).then_some(own)
}

fn labels(cx: &Context<'_>) -> Option<[u8; 16]> {
    let ct = &cx.packet.ct;
    let had = match &ct.flow {
        Fact::Is(flow) => flow.labels.unwrap_or(0),
        Fact::Absent if matches!(ct.state, Fact::Is(CtState::New)) => 0,
        Fact::Absent | Fact::Unknown(_) => return None,
    };
    (!ct.told).then(|| (had | ct.labels).to_le_bytes())
}

fn tuple(cx: &Context<'_>, m: &mut Machine<'_>, e: &Ct) -> Loaded {
    let d = e.dreg;
    let (fact, what) = match e.direction {
        Some(CtDirection::Reply) => (&cx.packet.ct.answers, "the connection's reply direction"),
        _ => (&cx.packet.ct.original, "the connection's original direction"),
    };
    let Fact::Is(tuple) = fact else { return Loaded::Unknown(what.to_owned()) };
    let source = matches!(e.key, CtKey::Src | CtKey::SrcIp | CtKey::SrcIp6);
    let address = if source { tuple.src } else { tuple.dst };
    match e.key {
        CtKey::ProtoSrc | CtKey::ProtoDst => {
            let ports = raw_ports(tuple);
            m.regs.write(d, &if e.key == CtKey::ProtoSrc { ports.0 } else { ports.1 });
        }
        CtKey::Src | CtKey::Dst => {
            let mut all = [0; 16];
            match address {
                IpAddr::V4(a) => all[..4].copy_from_slice(&a.octets()),
                IpAddr::V6(a) => all = a.octets(),
            }
            m.regs.write(d, all.get(..address_length(m.table_family())).unwrap_or(&all));
        }
        CtKey::SrcIp | CtKey::DstIp => match address {
            IpAddr::V4(a) => m.regs.write(d, &a.octets()),
            IpAddr::V6(_) => return Loaded::None,
        },
        _ => match address {
            IpAddr::V6(a) => m.regs.write(d, &a.octets()),
            IpAddr::V4(_) => return Loaded::None,
        },
    }
    Loaded::Done
}

/// The two 16-bit fields of a tuple as they are in memory; for ICMP the id, and type and code.
fn raw_ports(tuple: &Tuple) -> ([u8; 2], [u8; 2]) {
    match tuple.l4 {
        L4::Ports { src, dst } => (src.to_be_bytes(), dst.to_be_bytes()),
        L4::Icmp { kind, code, id } => (id.to_be_bytes(), [kind, code]),
        L4::None => ([0; 2], [0; 2]),
    }
}

#[cfg(test)]
mod tests;
