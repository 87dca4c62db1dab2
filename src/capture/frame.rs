//! From the bytes of a capture to a network layer packet, by the link type.

use super::Captured;
use crate::evaluate::{Hook, Network};
use crate::explain::{Question, Side};

const NULL: u32 = 0;
const ETHERNET: u32 = 1;
const RAW: [u32; 3] = [101, 12, 14];
const LOOP: u32 = 108;
const LINUX_SLL: u32 = 113;
const IPV4: u32 = 228;
const IPV6: u32 = 229;
const NFLOG: u32 = 239;
const LINUX_SLL2: u32 = 276;

const PACKET_OUTGOING: u8 = 4;

const NFULA_PACKET_HDR: u16 = 1;
const NFULA_MARK: u16 = 2;
const NFULA_PAYLOAD: u16 = 9;
const NFULA_UID: u16 = 11;

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The packet and what the frame says about it.
    pub question: Question,
    /// Did this host send it, where the capture says so?
    pub outgoing: Option<bool>,
}

/// Takes a frame apart.
///
/// # Errors
/// What makes it no packet that the network layer would look at.
pub fn frame(c: &Captured) -> Result<Frame, String> {
    let cut = || "cut within its link layer header".to_owned();
    let b = c.bytes.as_slice();
    let mut frame = match c.link_type {
        ETHERNET => ethernet(b).ok_or_else(cut)?,
        NULL => null(b, false).ok_or_else(cut)?,
        LOOP => null(b, true).ok_or_else(cut)?,
        t if RAW.contains(&t) || t == IPV4 || t == IPV6 => bare(b, 0),
        LINUX_SLL => {
            let [_, kind] = *b.first_chunk::<2>().ok_or_else(cut)?;
            cooked(b, 16, 14, kind).ok_or_else(cut)?
        }
        LINUX_SLL2 => cooked(b, 20, 0, *b.get(10).ok_or_else(cut)?).ok_or_else(cut)?,
        NFLOG => nflog(b).ok_or("a record of NFLOG without a packet")?,
        t => return Err(format!("link type {t} is not known")),
    };
    if let Network::Other(t) = frame.question.network {
        return Err(format!("not IP: Ethertype 0x{t:04x}"));
    }
    let header = b.len().saturating_sub(frame.question.bytes.len());
    if c.link_type != NFLOG {
        frame.question.length = Some(c.length.saturating_sub(header));
    }
    frame.question.time = c.time;
    frame.outgoing = c.outgoing.or(frame.outgoing);
    if frame.outgoing == Some(true) && frame.question.hook.is_none() {
        frame.question.side = Side::Out;
    }
    Ok(frame)
}

fn of(network: Network, bytes: &[u8]) -> Frame {
    Frame { question: Question::new(network, bytes.to_vec()), outgoing: None }
}

/// A packet that begins at an offset and tells its own version.
fn bare(b: &[u8], at: usize) -> Frame {
    let bytes = b.get(at..).unwrap_or(&[]);
    let network = if bytes.first().is_some_and(|v| v >> 4 == 6) { Network::Ip6 } else { Network::Ip4 };
    of(network, bytes)
}

fn ethernet(b: &[u8]) -> Option<Frame> {
    let word = |at: usize| b.get(at..at + 2).map(|w| u16::from_be_bytes([w[0], w[1]]));
    let (mut at, mut kind, mut vlan) = (14, word(12)?, None);
    while matches!(kind, 0x8100 | 0x88a8) && at <= 18 {
        vlan.get_or_insert((word(at)?, kind));
        kind = word(at + 2)?;
        at += 4;
    }
    let mut frame = of(Network::from_ethertype(kind), b.get(at..)?);
    frame.question.vlan = vlan;
    // As the kernel has it: without the tag, which is kept beside the packet.
    frame.question.link = Some([b.get(..12)?, &kind.to_be_bytes()].concat());
    Some(frame)
}

/// `DLT_NULL`: the number that some system has for the family, in its own byte order (or, `big`, in network order).
fn null(b: &[u8], big: bool) -> Option<Frame> {
    let word = *b.first_chunk::<4>()?;
    let family = match (u32::from_be_bytes(word), u32::from_le_bytes(word)) {
        (n, _) if big || n < 256 => n,
        (_, n) => n,
    };
    let network = match family {
        2 => Network::Ip4,
        10 | 24 | 28 | 30 => Network::Ip6,
        n => Network::Other(n as u16),
    };
    Some(of(network, b.get(4..)?))
}

/// Linux cooked captures: a header of that length, the protocol at that offset, and the packet type.
fn cooked(b: &[u8], header: usize, protocol: usize, kind: u8) -> Option<Frame> {
    let p = b.get(protocol..protocol + 2)?;
    let mut frame = of(Network::from_ethertype(u16::from_be_bytes([p[0], p[1]])), b.get(header..)?);
    frame.outgoing = Some(kind == PACKET_OUTGOING);
    frame.question.pkttype = (kind < PACKET_OUTGOING).then_some(kind);
    Some(frame)
}

/// What a rule logged: the attributes of nfnetlink_log. It is asked from the hook at which it was logged.
fn nflog(b: &[u8]) -> Option<Frame> {
    let family = *b.first()?;
    let mut rest = b.get(4..)?;
    let (mut hook, mut mark, mut uid, mut payload, mut ethertype) = (None, 0, None, None, None);
    while let Some(head) = rest.first_chunk::<4>() {
        // Lengths and types are in the byte order of the machine that wrote them; no length is that large in the other.
        let swap = u16::from_le_bytes([head[0], head[1]]) as usize > rest.len();
        let word = |a: u8, b: u8| if swap { u16::from_be_bytes([a, b]) } else { u16::from_le_bytes([a, b]) };
        let (length, kind) = (usize::from(word(head[0], head[1])), word(head[2], head[3]));
        let value = rest.get(4..length)?;
        match kind & 0x3fff {
            NFULA_PACKET_HDR => {
                ethertype = value.first_chunk::<2>().map(|p| u16::from_be_bytes(*p));
                hook = value.get(2).copied();
            }
            NFULA_MARK => mark = u32::from_be_bytes(*value.first_chunk::<4>()?),
            NFULA_UID => uid = value.first_chunk::<4>().map(|u| u32::from_be_bytes(*u)),
            NFULA_PAYLOAD => payload = Some(value),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
    let mut frame = match ethertype {
        Some(t) if t != 0 => of(Network::from_ethertype(t), payload?),
        _ => bare(payload?, 0),
    };
    let q = &mut frame.question;
    q.hook = hook.and_then(|h| Hook::from_number(family, u32::from(h)));
    q.mark = mark;
    frame.outgoing = match q.hook {
        Some(Hook::Output) => Some(true),
        Some(Hook::Postrouting | Hook::Egress) | None => None,
        Some(_) => Some(false),
    };
    if q.hook == Some(Hook::Output) {
        (q.side, q.uid) = (Side::Out, uid);
    }
    Some(frame)
}
