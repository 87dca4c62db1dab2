//! `-m socket`, `-m osf`

use std::net::IpAddr;

use super::address::end;
use super::{Checked, ask, known, note};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6::{self, Wanted};
use crate::evaluate::nat::address;
use crate::evaluate::packet::CtState;
use crate::evaluate::xt::Outcome;
use crate::sys::ct::Status;
use crate::sys::xt::matches::{Osf, Socket};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// Protocol, remote end, local end.
type Ends = (u8, (IpAddr, u16), (IpAddr, u16));

pub(super) fn check(cx: &mut Context, m: &Socket) -> Checked {
    let Some((protocol, from, to)) = ends(cx, m)? else {
        return Ok(note(cx, false, "-m socket", "a socket", "a packet that belongs to none"));
    };
    let has = |flag: u8| m.flags & flag != 0;
    let socket = cx.env.socket(protocol, from, to);
    let Some(socket) = known(cx, socket, m)? else { return Ok(note(cx, false, "-m socket", "a socket", "none")) };
    if socket.wildcard && !has(Socket::NO_WILDCARD) {
        return Ok(note(cx, false, "-m socket", "a socket with an address", "one bound to any"));
    }
    if has(Socket::TRANSPARENT) && !known(cx, socket.transparent, m)?.unwrap_or(false) {
        return Ok(note(cx, false, "--transparent", true, false));
    }
    if has(Socket::RESTORE_MARK) {
        cx.set_mark(socket.mark);
    }
    Ok(true)
}

/// Whose socket is looked up (`nf_sk_lookup_slow_v4`, `nf_sk_lookup_slow_v6`).
fn ends(cx: &mut Context, m: &Socket) -> Result<Option<Ends>, Outcome> {
    let (Some(source), Some(destination)) = (end(cx, true, m)?, end(cx, false, m)?) else { return Ok(None) };
    let header = match cx.packet.network {
        Network::Ip4 => {
            let h = cx.packet.headers();
            h.protocol.zip(h.transport)
        }
        _ => match ip6::find_in(cx, Wanted::Transport) {
            Ok(f) => Some((f.protocol, f.offset)),
            Err(ip6::Missing::Cut) => return ask(cx, "bytes beyond the captured part", m),
            Err(_) => None,
        },
    };
    let Some((protocol, at)) = header else { return Ok(None) };
    match protocol {
        TCP | UDP => {
            let length = if protocol == TCP { 20 } else { 8 };
            let fact = cx.packet.read(at, length).map(|_| ());
            let ports = cx.packet.array::<4>(at);
            if known(cx, fact, m)?.is_none() {
                return Ok(None);
            }
            let Some([a, b, c, d]) = known(cx, ports, m)? else { return Ok(None) };
            let to = translated(cx, false).unwrap_or((destination, u16::from_be_bytes([c, d])));
            Ok(Some((protocol, (source, u16::from_be_bytes([a, b])), to)))
        }
        ICMP if cx.packet.network == Network::Ip4 => quoted(cx, at + 8, m, at),
        ICMPV6 if cx.packet.network == Network::Ip6 => quoted(cx, at + 8, m, at),
        _ => Ok(None),
    }
}

/// An answer of a connection with source NAT belongs to the socket that began it.
fn translated(cx: &Context, error: bool) -> Option<(IpAddr, u16)> {
    let wanted = if error { CtState::Related } else { CtState::Established };
    let ct = &cx.packet.ct;
    let done = ct.status.value().is_some_and(|&s| Status::from_bits_retain(s).contains(Status::SRC_NAT_DONE));
    let original =
        ct.original.value().filter(|_| ct.state == Fact::Is(wanted) && ct.reply == Fact::Is(true) && done)?;
    Some((original.src, original.src_port().unwrap_or(0)))
}

/// The ends of the packet that an ICMP error is about; it was ours.
fn quoted(cx: &mut Context, inner: usize, m: &Socket, icmp: usize) -> Result<Option<Ends>, Outcome> {
    let v4 = cx.packet.network == Network::Ip4;
    let kind = cx.packet.array::<1>(icmp);
    let Some([kind]) = known(cx, kind, m)? else { return Ok(None) };
    let is_error = if v4 { matches!(kind, 3 | 4 | 5 | 11 | 12) } else { kind < 128 };
    if !is_error {
        return Ok(None);
    }
    let (protocol_at, source_at, n) = if v4 { (inner + 9, inner + 12, 4) } else { (inner + 6, inner + 8, 16) };
    let first = cx.packet.array::<1>(inner);
    let protocol = cx.packet.array::<1>(protocol_at);
    let addresses = (cx.packet.read(source_at, n).map(address), cx.packet.read(source_at + n, n).map(address));
    let (Some([first]), Some([protocol])) = (known(cx, first, m)?, known(cx, protocol, m)?) else { return Ok(None) };
    let (Some(Some(local)), Some(Some(remote))) = (known(cx, addresses.0, m)?, known(cx, addresses.1, m)?) else {
        return Ok(None);
    };
    if protocol != TCP && protocol != UDP {
        return Ok(None);
    }
    let ports_at = if v4 { inner + usize::from(first & 0xf) * 4 } else { inner + 40 };
    let ports = cx.packet.array::<4>(ports_at);
    let Some([a, b, c, d]) = known(cx, ports, m)? else { return Ok(None) };
    let local = translated(cx, true).unwrap_or((local, u16::from_be_bytes([a, b])));
    Ok(Some((protocol, (remote, u16::from_be_bytes([c, d])), local)))
}

pub(super) fn osf(cx: &mut Context, m: &Osf<'_>) -> Checked {
    Ok(cx.ask(format!("whether the packet looks like {}", m.genre), format!("{m:?}").as_bytes(), false))
}
