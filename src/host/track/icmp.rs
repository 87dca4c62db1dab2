//! ICMP and ICMPv6 (net/netfilter/nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c).

use super::super::facts::Host;
use super::super::sysctl::Why;
use super::{Look, Says, Tracked, invalid, part_of, untracked};
use crate::evaluate::nat::tuple_of;
use crate::evaluate::packet::CtState;
use crate::evaluate::{Fact, Packet};
use crate::sys::ct::{Flow, L4, Status, Tuple};

/// The highest type of ICMP that the kernel knows (`NR_ICMP_TYPES`).
const LAST_TYPE: u8 = 18;
/// ICMPv6 redirects.
const REDIRECT: u8 = 137;

/// What is not tracked by its own tuple: errors belong to the connection that they are about, neighbour discovery and
/// group management to none. None: the packet is tracked like any other.
pub(super) fn special<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Option<Tracked>, Why> {
    let v6 = match (i32::from(look.protocol), look.is_v6()) {
        (nix::libc::IPPROTO_ICMP, false) => false,
        (nix::libc::IPPROTO_ICMPV6, true) => true,
        _ => return Ok(None),
    };
    let Some([kind, ..]) = look.header::<8>()? else { return Ok(Some(invalid())) };
    if look.checksum_is_wrong()? {
        return Ok(Some(invalid()));
    }
    let is_error = if v6 {
        // `noct_valid_new`: MLD, neighbour discovery, multicast router discovery.
        if matches!(kind, 130..=136 | 143 | 151 | 152) {
            return Ok(Some(untracked()));
        }
        if kind == REDIRECT {
            return Err("connection that an ICMPv6 redirect is about".into());
        }
        kind < 128
    } else {
        if kind > LAST_TYPE {
            return Ok(Some(invalid()));
        }
        matches!(kind, 3 | 4 | 5 | 11 | 12)
    };
    if is_error { about(look).map(Some) } else { Ok(None) }
}

/// `nf_conntrack_inet_error`: an error carries the beginning of the packet that it is about.
fn about<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Tracked, Why> {
    let inner = look.packet.bytes.get(look.at + 8..).unwrap_or(&[]);
    let inner = Packet::new(look.packet.network, inner.to_vec());
    let tuple = match tuple_of(&inner) {
        Some(tuple) => tuple,
        None if look.cut => return Err("packet that an ICMP error is about".into()),
        None => return Ok(invalid()),
    };
    // The packet went one way, so its connection is found from the other.
    let Some(back) = tuple.inverted() else { return Ok(invalid()) };
    let flow = match look.host.flow(&back, look.zone) {
        Fact::Is(flow) => flow,
        Fact::Absent => return Ok(invalid()),
        Fact::Unknown(why) => return Err(why),
    };
    let reply = flow.is_reply(&back).unwrap_or(false);
    let expected = if reply { flow.reply.dst } else { flow.orig.dst };
    let outer = look.packet.addresses().and_then(|(_, dst)| crate::evaluate::nat::address(dst));
    if outer != Some(expected) {
        return Ok(invalid());
    }
    // It is neither counted nor an answer.
    Ok(part_of(&flow, reply, CtState::Related, Status::empty(), Fact::Is(true)))
}

/// Only queries begin anything.
pub(super) fn new<H: Host + ?Sized>(look: &Look<'_, H>, tuple: &Tuple) -> Says {
    let L4::Icmp { kind, .. } = tuple.l4 else { return Says::Invalid };
    let query = match (i32::from(look.protocol), look.is_v6()) {
        (nix::libc::IPPROTO_ICMP, false) => matches!(kind, 8 | 13 | 15 | 17),
        (nix::libc::IPPROTO_ICMPV6, true) => matches!(kind, 128 | 139),
        _ => false,
    };
    if query { Says::Fits } else { Says::Invalid }
}

/// A message of a known query. The IPv4 tracker looks at the query's type again.
pub(super) fn known<H: Host + ?Sized>(look: &Look<'_, H>, flow: &Flow) -> Says {
    if look.is_v6() { Says::Fits } else { new(look, &flow.orig) }
}
