//! TCP options: TCPMSS, TCPOPTSTRIP.

use crate::evaluate::checksum::{self, write_network, write_transport};
use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6;
use crate::evaluate::packet::Packet;
use crate::evaluate::path_mtu;
use crate::evaluate::xt::Param;
use crate::sys::xt::targets::{Tcpmss, Tcpoptstrip};

const TCP: u8 = 6;
const HEADER: usize = 20;
const OPTION_MSS: u8 = 2;
const MSS_LENGTH: u8 = 4;
const NOP: u8 = 1;

/// Where these targets look for the TCP header; an IPv6 packet without one dies.
fn header(packet: &Packet) -> Option<usize> {
    match packet.network {
        Network::Ip4 => match packet.array::<1>(0) {
            Fact::Is([first]) => Some(usize::from(first & 0xf) * 4),
            _ => None,
        },
        _ => ip6::skip_extensions(packet).map(|f| f.offset),
    }
}

/// The options and their offset in the packet. Err: what becomes of the packet without them.
fn options(packet: &Packet, header: usize) -> Result<(usize, Vec<u8>), Decision> {
    let have = packet.length.saturating_sub(header);
    let length = match packet.array::<HEADER>(header) {
        Fact::Is(h) => usize::from(h[12] >> 4) * 4,
        Fact::Absent => return Err(Decision::Drop),
        Fact::Unknown(_) => return Err(Decision::Next),
    };
    if length < HEADER || have < length {
        return Err(Decision::Drop);
    }
    match packet.read(header + HEADER, length - HEADER) {
        Fact::Is(b) => Ok((header + HEADER, b.to_vec())),
        Fact::Absent => Err(Decision::Drop),
        Fact::Unknown(_) => Err(Decision::Next),
    }
}

/// The length of the option at `i`; never 0.
fn option_length(options: &[u8], i: usize) -> usize {
    match (options.get(i), options.get(i + 1)) {
        (Some(0 | 1), _) | (_, None | Some(0)) => 1,
        (_, Some(&n)) => usize::from(n),
    }
}

pub(super) fn mss(cx: &mut Context, param: &Param, t: &Tcpmss) -> Decision {
    if param.transport.is_none_or(|t| t.fragment != 0) {
        return Decision::Next;
    }
    let Some(header) = header(&cx.packet) else { return Decision::Drop };
    let (at, options) = match options(&cx.packet, header) {
        Ok(found) => found,
        Err(decision) => return decision,
    };
    let v4 = cx.packet.network == Network::Ip4;
    let fixed = if v4 { 40 } else { 60 };
    let wanted = match t.mss {
        Tcpmss::CLAMP_TO_PMTU => match path_mtu::both_ways(cx) {
            Fact::Is(mtu) if mtu <= fixed => return Decision::Drop,
            // The kernel computes in 16 bits.
            Fact::Is(mtu) => Some((mtu - fixed) as u16),
            _ => None,
        },
        mss => Some(mss),
    };
    let mut i = 0;
    while i + usize::from(MSS_LENGTH) <= options.len() {
        if options.get(i..i + 2) == Some(&[OPTION_MSS, MSS_LENGTH]) {
            let Fact::Is(old) = cx.packet.array::<2>(at + i + 2).map(u16::from_be_bytes) else { return Decision::Next };
            match wanted {
                // The kernel adjusts the checksum as if the option began at an even place, even where it does not.
                Some(new) if new < old => {
                    write_transport(&mut cx.packet, TCP, header, at + i + 2, &new.to_be_bytes());
                }
                Some(_) => {}
                None => {
                    cx.packet.blurred.push(at + i + 2..at + i + 4);
                    cx.packet.blurred.push(header + 16..header + 18);
                }
            }
            return Decision::Next;
        }
        i += option_length(&options, i);
    }
    let length = HEADER + options.len();
    if cx.packet.length - header > length || length >= 60 {
        return Decision::Next;
    }
    let default = if v4 { 536 } else { 1220 };
    insert_mss(&mut cx.packet, header, wanted.map(|w| w.min(default)), options.len());
    Decision::Next
}

/// Writes at an offset that may be odd within the header, so that the checksum is adjusted by whole words.
fn write_unaligned(packet: &mut Packet, header: usize, at: usize, new: &[u8]) {
    let first = at - (at - header) % 2;
    let last = (at + new.len()).next_multiple_of(2).max(first + 2);
    let Fact::Is(old) = packet.read(first, last - first) else {
        packet.write(at, new);
        return;
    };
    let mut words = old.to_vec();
    if let Some(part) = words.get_mut(at - first..at - first + new.len()) {
        part.copy_from_slice(new);
    }
    write_transport(packet, TCP, header, first, &words);
}

/// Puts the option in front of the others, where there was none.
fn insert_mss(packet: &mut Packet, header: usize, mss: Option<u16>, options: usize) {
    let at = header + HEADER;
    if packet.bytes.len() < at + options {
        return;
    }
    let value = mss.unwrap_or(0).to_be_bytes();
    let option = [OPTION_MSS, MSS_LENGTH, value[0], value[1]];
    let tcp_length = (packet.length - header) as u16;
    packet.bytes.insert(at, &option);
    packet.length += option.len();
    let sum_at = header + 16;
    if let Fact::Is(sum) = packet.array::<2>(sum_at) {
        let sum = u16::from_be_bytes(sum);
        let sum = checksum::replaced(sum, &tcp_length.to_be_bytes(), &(tcp_length + 4).to_be_bytes());
        let sum = checksum::replaced(sum, &[], &option);
        packet.write(sum_at, &sum.to_be_bytes());
    }
    if let Fact::Is([offset, flags]) = packet.array::<2>(header + 12) {
        write_transport(packet, TCP, header, header + 12, &[offset.wrapping_add(1 << 4), flags]);
    }
    let length_at = if packet.network == Network::Ip4 { 2 } else { 4 };
    if let Fact::Is(length) = packet.array::<2>(length_at) {
        let length = u16::from_be_bytes(length).wrapping_add(4);
        write_network(packet, length_at, &length.to_be_bytes());
    }
    if mss.is_none() {
        packet.blurred.push(at + 2..at + 4);
        packet.blurred.push(sum_at..sum_at + 2);
    }
}

pub(super) fn strip(cx: &mut Context, param: &Param, t: &Tcpoptstrip) -> Decision {
    if param.transport.is_none_or(|t| t.fragment != 0) {
        return Decision::Next;
    }
    let Some(header) = header(&cx.packet) else { return Decision::Drop };
    let (at, options) = match options(&cx.packet, header) {
        Ok(found) => found,
        Err(decision) => return decision,
    };
    let mut i = 0;
    while i + 1 < options.len() {
        let length = option_length(&options, i);
        if i + length > options.len() {
            break;
        }
        let stripped = options.get(i).is_some_and(|&kind| t.options().any(|n| n == kind));
        if stripped {
            for j in i..i + length {
                write_unaligned(&mut cx.packet, header, at + j, &[NOP]);
            }
        }
        i += length;
    }
    Decision::Next
}
