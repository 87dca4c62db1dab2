//! `exthdr` that writes: TCP options, set (`tcp option maxseg size set`) or blanked out (`reset tcp option`).

use crate::evaluate::nft::machine::{Machine, Step, Taken};
use crate::evaluate::{Context, Decision, Fact, checksum};
use crate::sys::nft::expr::{ExthdrOp, ExthdrSet, ExthdrStrip};

use super::exthdr::{tcp_header, tcp_options};

const TCP: u8 = 6;
const NOP: u8 = 1;
/// `TCPOPT_MSS`
const MSS: u8 = 2;

/// `nft_exthdr_tcp_set_eval`
pub fn set(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &ExthdrSet) -> Step {
    if e.op != ExthdrOp::Tcpopt {
        return Step::when(cx.ask(format!("a write to a header of kind {}", e.op), b"", true));
    }
    let len = e.len as usize;
    let new = match m.take(cx, e.sreg, len) {
        Taken::Bytes(b) => Some(b.to_vec()),
        Taken::Unknown(_) => None,
        Taken::Nothing => return Step::Break,
    };
    let (start, header) = match tcp_header(cx, m) {
        Fact::Is(h) => h,
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => return Step::when(cx.ask(what, b"nft tcp option set", true)),
    };
    let Some((at, _, length)) = tcp_options(header).find(|o| o.1 == e.kind) else { return Step::Go };
    if at + length > header.len() || len + e.offset as usize > length {
        return Step::Break;
    }
    let place = start + at + e.offset as usize;
    let old = header.get(at + e.offset as usize..).and_then(|h| h.get(..len)).map(<[u8]>::to_vec);
    match (new, old) {
        (Some(new), Some(old)) => {
            // A larger segment size can stall a connection: the kernel only makes it smaller.
            if !(e.kind == MSS && len == 2 && old <= new) && old != new && matches!(len, 2 | 4) {
                write(cx, start, place, &new);
            }
        }
        _ => cx.packet.blurred.extend([place..place + len, start + 16..start + 18]),
    }
    Step::Go
}

/// `nft_exthdr_tcp_strip_eval`
pub fn strip(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &ExthdrStrip) -> Step {
    if e.op != ExthdrOp::Tcpopt {
        return Step::when(cx.ask(format!("the removal of a header of kind {}", e.op), b"", true));
    }
    let (start, header) = match tcp_header(cx, m) {
        Fact::Is(h) => h,
        Fact::Absent => return Step::Break,
        Fact::Unknown(what) => return Step::when(cx.ask(what, b"nft tcp option reset", true)),
    };
    let Some((at, _, length)) = tcp_options(header).find(|o| o.1 == e.kind) else { return Step::Go };
    if at + length > header.len() {
        return Step::Verdict(Decision::Drop);
    }
    write(cx, start, start + at, &vec![NOP; length]);
    Step::Go
}

/// Writes into a TCP header; the checksum follows, also over bytes at an odd place.
fn write(cx: &mut Context<'_>, header: usize, at: usize, new: &[u8]) {
    let (from, to) = (at & !1 | header & 1, at + new.len());
    let from = from.min(at);
    let to = to + (to - from) % 2;
    match cx.packet.read(from, to - from) {
        Fact::Is(old) => {
            let mut whole = old.to_vec();
            if let Some(part) = whole.get_mut(at - from..at - from + new.len()) {
                part.copy_from_slice(new);
            }
            checksum::write_transport(&mut cx.packet, TCP, header, from, &whole);
        }
        _ => {
            cx.packet.write(at, new);
            cx.packet.blurred.push(header + 16..header + 18);
        }
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
    use crate::sys::nft::expr::ExthdrFlags;

    fn packet(options: &[u8]) -> Packet {
        let mut p = ip4(TCP, &testing::tcp(1, 2, 2, options));
        let pseudo = [&p.bytes[12..20], &[0, 6, 0, p.bytes.len() as u8 - 20], &p.bytes[20..]].concat();
        let sum = checksum::of(&pseudo);
        p.write(36, &sum.to_be_bytes());
        p
    }

    fn mss(p: Packet, new: u16) -> (Step, Packet) {
        plain(p, |cx, m| {
            m.regs.write(Reg::R1, &new.to_be_bytes());
            let flags = ExthdrFlags::empty();
            let e = ExthdrSet { op: ExthdrOp::Tcpopt, kind: MSS, offset: 2, len: 2, flags, sreg: Reg::R1 };
            (set(cx, m, &e), cx.packet.clone())
        })
    }

    #[test]
    fn the_segment_size_gets_smaller_only() {
        // At an odd place, where the checksum sees the bytes the other way round.
        for options in [&[1, 1, 2, 4, 5, 0xb4, 1, 1][..], &[1, 2, 4, 5, 0xb4, 1, 1, 1]] {
            let at = 40 + options.iter().position(|&b| b == 5).unwrap();
            let (step, p) = mss(packet(options), 1000);
            assert_eq!((step, &p.bytes[at..at + 2]), (Step::Go, &1000u16.to_be_bytes()[..]));
            assert_eq!(checksum::transport_is_right(&p, TCP, 20), Fact::Is(true));
            let (step, p) = mss(packet(options), 1500);
            assert_eq!((step, &p.bytes[at..at + 2]), (Step::Go, &1460u16.to_be_bytes()[..]));
        }
        assert_eq!(mss(packet(&[]), 1000).0, Step::Go, "no such option");
        assert_eq!(mss(ip4(17, &[0; 8]), 1000).0, Step::Break);
    }

    #[test]
    fn an_option_is_blanked_out() {
        let (step, p) = plain(packet(&[1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1]), |cx, m| {
            (strip(cx, m, &ExthdrStrip { op: ExthdrOp::Tcpopt, kind: 8 }), cx.packet.clone())
        });
        assert_eq!((step, &p.bytes[40..52]), (Step::Go, &[1; 12][..]));
        assert_eq!(checksum::transport_is_right(&p, TCP, 20), Fact::Is(true));
        let cut = plain(packet(&[1, 1, 8, 10]), |cx, m| strip(cx, m, &ExthdrStrip { op: ExthdrOp::Tcpopt, kind: 8 }));
        assert_eq!(cut, Step::Verdict(Decision::Drop));
    }
}
