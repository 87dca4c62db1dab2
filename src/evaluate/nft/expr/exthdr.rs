//! `exthdr`: IPv6 extension headers, IPv4 options, TCP options, SCTP chunks, DCCP options.

use std::borrow::Cow;

use crate::evaluate::ip6::{self, Missing, Wanted};
use crate::evaluate::nft::info::Transport;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::{Context, Fact, Hook, Network};
use crate::sys::nft::expr::{Exthdr, ExthdrFlags, ExthdrOp};

use super::ip_option;
use super::payload::load;

const TCP: u8 = 6;
const DCCP: u8 = 33;
const SCTP: u8 = 132;
/// A TCP header without options.
pub const TCP_HEADER: usize = 20;

/// `nft_exthdr_ipv6_eval` and its like
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Exthdr) -> Step {
    let (found, absent) = match e.op {
        ExthdrOp::Ipv6 => (ipv6(cx, e), Step::Break),
        ExthdrOp::Ipv4 => (ipv4(cx, e), Step::Break),
        ExthdrOp::Tcpopt => (tcp(cx, m, e), Step::Go),
        ExthdrOp::Sctp => (sctp(cx, m, e), Step::Go),
        ExthdrOp::Dccp => (dccp(cx, m, e), Step::Go),
        ExthdrOp::Unknown(n) => (Found::Unknown(format!("extension header of unknown kind {n}").into()), Step::Break),
    };
    let present = e.flags.contains(ExthdrFlags::PRESENT);
    let len = e.len as usize;
    match found {
        Found::At(_) if present => {
            m.regs.write_u8(e.dreg, 1);
            Step::Go
        }
        Found::At(at) => load(cx, m, e.dreg, Fact::Is(at), e.offset as usize, len),
        Found::No if present => {
            m.regs.write_u8(e.dreg, 0);
            Step::Go
        }
        Found::No => Step::Break,
        // A packet of another kind: IP options and headers end the rule, the others count as not present.
        Found::Other if present && absent == Step::Go => {
            m.regs.write_u8(e.dreg, 0);
            Step::Go
        }
        Found::Other => Step::Break,
        Found::Unknown(what) => {
            let unknown = Unknown::fact(what).changed((e.op.code(), e.kind, e.offset, e.len, e.flags.bits()));
            let unknown = if present { unknown } else { unknown.perhaps_absent() };
            m.regs.write_unknown(e.dreg, if present { 1 } else { len }, unknown);
            Step::Go
        }
    }
}

/// Where a header or option is, from the network header.
enum Found {
    At(usize),
    No,
    /// The packet is of another protocol.
    Other,
    Unknown(Cow<'static, str>),
}

fn ipv6(cx: &mut Context<'_>, e: &Exthdr) -> Found {
    if cx.packet.network != Network::Ip6 {
        return Found::Other;
    }
    match ip6::find_in(cx, Wanted::Type(e.kind)) {
        Ok(f) => Found::At(f.offset),
        Err(Missing::Absent | Missing::Broken) => Found::No,
        Err(Missing::Cut) => Found::Unknown("headers beyond the captured part".into()),
    }
}

fn ipv4(cx: &mut Context<'_>, e: &Exthdr) -> Found {
    if cx.packet.network != Network::Ip4 {
        return Found::Other;
    }
    if cx.hook == Hook::Egress {
        // There the kernel's data begin with the link header; it looks for the options in the wrong place.
        return Found::Unknown("IP options at egress".into());
    }
    match ip_option::find(cx, e.kind) {
        Fact::Is(at) => Found::At(at),
        Fact::Absent => Found::No,
        Fact::Unknown(w) => Found::Unknown(w),
    }
}

/// The transport header of that protocol.
fn header(m: &Machine<'_>, protocol: u8) -> Result<Transport, Found> {
    match &m.info.transport {
        Fact::Is(t) if t.protocol == protocol => Ok(*t),
        Fact::Is(_) | Fact::Absent => Err(Found::Other),
        Fact::Unknown(w) => Err(Found::Unknown(w.clone())),
    }
}

/// Where the TCP header goes on behind its checksum.
const BEHIND_SUM: usize = 18;

/// The whole TCP header with its options (`nft_tcp_header_pointer`): its place and bytes.
pub fn tcp_header<'p>(cx: &'p Context<'_>, m: &Machine<'_>) -> Fact<(usize, &'p [u8])> {
    let at = match &m.info.transport {
        Fact::Is(t) if t.protocol == TCP && t.fragment == 0 => t.offset,
        Fact::Is(_) | Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w.clone()),
    };
    let length = match cx.packet.array(at + 12) {
        Fact::Is([words]) => usize::from(words >> 4) * 4,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    if length < TCP_HEADER {
        return Fact::Absent;
    }
    // Its ports and its checksum need not be known: no option stands there.
    match cx.packet.read(at + BEHIND_SUM, length - BEHIND_SUM) {
        Fact::Is(_) => cx.packet.bytes.range(at, length).map(|h| (at, h)).into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}

/// The options of a TCP header in order: (offset in the header, type, length), where the length may lie.
pub fn tcp_options(header: &[u8]) -> impl Iterator<Item = (usize, u8, usize)> + '_ {
    let mut at = TCP_HEADER;
    std::iter::from_fn(move || {
        // The kernel does not look at the last byte.
        let (&kind, &length) = (header.get(at)?, header.get(at + 1)?);
        let length = if kind <= 1 || length == 0 { 1 } else { usize::from(length) };
        let option = (at, kind, length);
        at += length;
        Some(option)
    })
}

fn tcp(cx: &Context<'_>, m: &Machine<'_>, e: &Exthdr) -> Found {
    match tcp_header(cx, m) {
        Fact::Is((start, header)) => {
            for (at, kind, length) in tcp_options(header) {
                if kind == e.kind {
                    let fits = at + length <= header.len() && e.len as usize + e.offset as usize <= length;
                    return if fits { Found::At(start + at) } else { Found::No };
                }
            }
            Found::No
        }
        Fact::Absent => Found::Other,
        Fact::Unknown(w) => Found::Unknown(w),
    }
}

fn sctp(cx: &Context<'_>, m: &Machine<'_>, e: &Exthdr) -> Found {
    let mut at = match header(m, SCTP) {
        Ok(t) => t.offset + 12,
        Err(found) => return found,
    };
    while at < cx.packet.length {
        let (kind, length) = match cx.packet.array(at) {
            Fact::Is([kind, _, a, b]) => (kind, usize::from(u16::from_be_bytes([a, b]))),
            Fact::Absent => return Found::No,
            Fact::Unknown(w) => return Found::Unknown(w),
        };
        if length == 0 {
            return Found::No;
        }
        if kind == e.kind {
            let there = e.flags.contains(ExthdrFlags::PRESENT)
                || (e.offset as usize + e.len as usize <= length && at + length <= cx.packet.length);
            return if there { Found::At(at) } else { Found::No };
        }
        at += length.next_multiple_of(4);
    }
    Found::No
}

/// Only presence can be asked. Offsets are those of `struct dccp_hdr` and `dccp_hdr_ext`.
fn dccp(cx: &Context<'_>, m: &Machine<'_>, e: &Exthdr) -> Found {
    let start = match header(m, DCCP) {
        Ok(t) if t.fragment == 0 => t.offset,
        Ok(_) => return Found::Other,
        Err(found) => return found,
    };
    let (data, flags) = match cx.packet.read(start, 12) {
        Fact::Is(h) => (usize::from(h[4]) * 4, h[8]),
        Fact::Absent => return Found::Other,
        Fact::Unknown(w) => return Found::Unknown(w),
    };
    // `__dccp_hdr_len`: the extended sequence number, then what the packet type adds.
    let mut at = 12 + if flags & 1 == 1 { 4 } else { 0 } + dccp_type_length(flags >> 1 & 15);
    while at < data {
        let room = (data - at).min(2);
        let (kind, length) = match cx.packet.read(start + at, room) {
            Fact::Is(b) => (b.first().copied().unwrap_or(0), b.get(1).copied()),
            Fact::Absent => return Found::Other,
            Fact::Unknown(w) => return Found::Unknown(w),
        };
        if kind == e.kind {
            return Found::At(start + at);
        }
        at += match (kind, length) {
            (..32, _) => 1,
            (_, Some(n @ 2..)) => usize::from(n),
            _ => return Found::Other,
        };
    }
    Found::Other
}

/// `dccp_packet_hdr_len`
fn dccp_type_length(kind: u8) -> usize {
    match kind {
        0 => 4,             // request: service code
        1 => 12,            // response: acknowledgement and service code
        2 => 0,             // data
        3..=6 | 8 | 9 => 8, // acknowledgement
        _ => 12,            // reset: acknowledgement and code
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::Packet;
    use crate::evaluate::nft::testing;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::Reg;

    fn load(packet: Packet, op: ExthdrOp, kind: u8, offset: u32, len: u32, present: bool) -> (Step, Option<Vec<u8>>) {
        let flags = if present { ExthdrFlags::PRESENT } else { ExthdrFlags::empty() };
        plain(packet, |cx, m| {
            let step = eval(cx, m, &Exthdr { op, kind, offset, len, flags, dreg: Reg::R1 });
            (step, m.regs.read(Reg::R1, 4).map(<[u8]>::to_vec))
        })
    }

    const YES: (Step, Option<Vec<u8>>) = (Step::Go, None);

    fn is(v: u8) -> (Step, Option<Vec<u8>>) {
        (YES.0, Some(vec![v, 0, 0, 0]))
    }

    #[test]
    fn tcp_options_are_found_behind_others() {
        let p = || ip4(TCP, &testing::tcp(1, 2, 2, &[1, 3, 3, 7, 2, 4, 5, 0xb4]));
        assert_eq!(load(p(), ExthdrOp::Tcpopt, 2, 2, 2, false), (Step::Go, Some(vec![5, 0xb4, 0, 0])));
        assert_eq!(load(p(), ExthdrOp::Tcpopt, 3, 2, 1, false), is(7));
        assert_eq!(load(p(), ExthdrOp::Tcpopt, 2, 2, 3, false).0, Step::Break, "longer than the option");
        assert_eq!(load(p(), ExthdrOp::Tcpopt, 4, 0, 1, true), is(0));
        assert_eq!(load(p(), ExthdrOp::Tcpopt, 4, 0, 1, false).0, Step::Break);
        assert_eq!(load(ip4(17, &[0; 8]), ExthdrOp::Tcpopt, 2, 0, 1, true), is(0), "no TCP");
        // A length of 0 counts as 1, and the last byte is never looked at.
        let odd = ip4(TCP, &testing::tcp(1, 2, 2, &[9, 0, 4, 2, 1, 1, 1, 8]));
        assert_eq!(load(odd.clone(), ExthdrOp::Tcpopt, 4, 0, 1, true), is(1));
        assert_eq!(load(odd, ExthdrOp::Tcpopt, 8, 0, 1, true), is(0));
    }

    #[test]
    fn ipv6_headers_and_ipv4_options_need_their_protocol() {
        let p = || ip6(0, &[44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 2, 0, 8, 0, 0]);
        assert_eq!(load(p(), ExthdrOp::Ipv6, 44, 4, 4, false), (Step::Go, Some(vec![0, 0, 0, 9])));
        assert_eq!(load(p(), ExthdrOp::Ipv6, 43, 0, 1, true), is(0));
        assert_eq!(load(p(), ExthdrOp::Ipv6, 43, 0, 1, false).0, Step::Break);
        assert_eq!(load(ip4(17, &[0; 8]), ExthdrOp::Ipv6, 43, 0, 1, true).0, Step::Break);
        assert_eq!(load(p(), ExthdrOp::Ipv4, 148, 0, 1, true).0, Step::Break);
        assert_eq!(load(ip4(17, &[0; 8]), ExthdrOp::Ipv4, 148, 0, 1, true), is(0));
    }

    #[test]
    fn sctp_chunks_are_walked_in_words() {
        let mut s = vec![0, 1, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0];
        s.extend([9, 0, 0, 5, 1, 0, 0, 0]);
        s.extend([0, 3, 0, 16, 0, 0, 0, 1, 0, 2, 0, 3, 0, 0, 0, 4]);
        let p = || ip4(SCTP, &s);
        assert_eq!(load(p(), ExthdrOp::Sctp, 0, 4, 4, false), (Step::Go, Some(vec![0, 0, 0, 1])));
        assert_eq!(load(p(), ExthdrOp::Sctp, 0, 0, 1, true), is(1));
        assert_eq!(load(p(), ExthdrOp::Sctp, 1, 0, 1, true), is(0));
        assert_eq!(load(p(), ExthdrOp::Sctp, 1, 0, 1, false).0, Step::Break);
        assert_eq!(load(p(), ExthdrOp::Sctp, 9, 3, 4, false).0, Step::Break, "beyond the chunk");
    }

    #[test]
    fn dccp_options_are_behind_what_the_packet_type_adds() {
        // A request: 12 bytes, extended by 4, service code, then the options.
        let mut d = vec![0, 1, 0, 2, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        d.extend([1, 32, 3, 0]);
        let p = || ip4(DCCP, &d);
        assert_eq!(load(p(), ExthdrOp::Dccp, 32, 0, 1, true), is(1));
        assert_eq!(load(p(), ExthdrOp::Dccp, 33, 0, 1, true), is(0));
    }

    #[test]
    fn headers_beyond_the_capture_are_unknown() {
        let mut p = ip6(0, &[44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9, 0, 1, 0, 2, 0, 8, 0, 0]);
        p.bytes.truncate(44);
        assert_eq!(load(p, ExthdrOp::Ipv6, 44, 0, 1, true), (Step::Go, None));
    }
}
