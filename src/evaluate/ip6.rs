//! Walking the extension headers of IPv6 as the kernel's two walkers do; they differ, and rules can tell.

use super::context::Context;
use super::fact::Fact;
use super::headers::Network;
use super::packet::Packet;

/// Hop-by-hop options.
pub const HOP: u8 = 0;
/// Routing header.
pub const ROUTING: u8 = 43;
/// Fragment header.
pub const FRAGMENT: u8 = 44;
/// Encapsulating security payload; a protocol to most walkers.
pub const ESP: u8 = 50;
/// Authentication header.
pub const AUTH: u8 = 51;
/// Nothing follows.
pub const NONE: u8 = 59;
/// Destination options.
pub const DEST: u8 = 60;

/// The length of the IPv6 header.
const HEADER: usize = 40;

/// Is it an extension header (`ipv6_ext_hdr`)?
pub fn is_extension(next: u8) -> bool {
    matches!(next, HOP | ROUTING | FRAGMENT | AUTH | NONE | DEST)
}

/// The length in bytes that a header's second byte means.
pub fn header_length(kind: u8, length: u8) -> usize {
    match kind {
        FRAGMENT => 8,
        AUTH => (usize::from(length) + 2) * 4,
        _ => (usize::from(length) + 1) * 8,
    }
}

/// A header that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its type.
    pub protocol: u8,
    /// Its offset from the network header; 0 in a later fragment, where it is not.
    pub offset: usize,
    /// The fragment offset in bytes.
    pub fragment: u16,
}

/// Why a header was not found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is not there (`-ENOENT`).
    Absent,
    /// The packet ends within its headers (`-EBADMSG`).
    Broken,
    /// It cannot be told: the capture ends within them, or kernels differ (see [`find_in`]).
    Cut,
}

/// Takes out the fragment header of a packet that is its only fragment, as putting it together does
/// (`nf_ct_frag6_reasm`).
pub fn join_atomic(packet: &mut Packet) {
    let (mut field, mut at) = (6, HEADER);
    loop {
        let Fact::Is([next]) = packet.array(field) else { return };
        let Fact::Is([following, length]) = packet.array(at) else { return };
        match next {
            HOP | ROUTING | DEST => (field, at) = (at, at + header_length(next, length)),
            FRAGMENT => {
                let Fact::Is(payload) = packet.array(4) else { return };
                // Nothing in it, or not all of the transport header: it is left alone.
                if packet.bytes.len() <= at + 8 || payload == [0, 0] || lacks_transport(packet, at) {
                    return;
                }
                packet.bytes.remove(at, 8);
                packet.length = packet.length.saturating_sub(8);
                packet.write(field, &[following]);
                packet.write(4, &u16::from_be_bytes(payload).saturating_sub(8).to_be_bytes());
                return;
            }
            _ => return,
        }
    }
}

/// `ipv6frag_thdr_truncated`: does a first fragment end within the transport header?
fn lacks_transport(packet: &Packet, mut at: usize) -> bool {
    let mut next = FRAGMENT;
    while is_extension(next) {
        let Fact::Is([following, length]) = packet.array(at) else { return false };
        if next == NONE {
            return false;
        }
        at += header_length(next, length);
        next = following;
    }
    let least = match next {
        6 => 20,
        17 | 58 => 8,
        _ => 1,
    };
    at + least > packet.length
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The first header that is no extension (a target of -1).
    Transport,
    /// The same, but an authentication header counts as the transport (`IP6_FH_F_AUTH`, as nf_tables asks).
    TransportOrAuth,
    /// The first header of this type.
    Type(u8),
}

fn read<const N: usize>(packet: &Packet, at: usize) -> Result<[u8; N], Missing> {
    match packet.array(at) {
        Fact::Is(b) => Ok(b),
        Fact::Absent => Err(Missing::Broken),
        Fact::Unknown(_) => Err(Missing::Cut),
    }
}

/// `ipv6_find_hdr`: looks for a header from the front.
pub fn find(packet: &Packet, wanted: Wanted) -> Result<Found, Missing> {
    let found = walk(packet, wanted, true);
    if found == Err(Missing::Broken) && walk(packet, wanted, false) != found { Err(Missing::Cut) } else { found }
}

/// The same for the packet of a run. Some kernels notice a header whose length leads out of the packet, others take what
/// they think follows for the transport: which this one does is asked once a run.
pub fn find_in(cx: &mut Context, wanted: Wanted) -> Result<Found, Missing> {
    let checked = walk(&cx.packet, wanted, true);
    if checked != Err(Missing::Broken) {
        return checked;
    }
    let unchecked = walk(&cx.packet, wanted, false);
    if unchecked == checked || cx.ask("whether the kernel checks the length of extension headers", b"ip6 bounds", false)
    {
        return checked;
    }
    unchecked
}

fn walk(packet: &Packet, wanted: Wanted, checks_length: bool) -> Result<Found, Missing> {
    let target = match wanted {
        Wanted::Type(t) => Some(t),
        _ => None,
    };
    let [mut next] = read::<1>(packet, 6)?;
    let mut at = HEADER;
    let mut fragment = 0;
    loop {
        let found = target == Some(next);
        if !is_extension(next) || next == NONE {
            if target.is_none() || found {
                break;
            }
            return Err(Missing::Absent);
        }
        let [following, length] = read::<2>(packet, at)?;
        if next == ROUTING {
            read::<4>(packet, at)?;
        }
        if next == FRAGMENT {
            let offset = u16::from_be_bytes(read(packet, at + 2)?) & !7;
            if offset != 0 {
                // What follows is the middle of something: it can be named, not read.
                if target.is_none() && (!is_extension(following) || following == NONE) {
                    return Ok(Found { protocol: following, offset: 0, fragment: offset });
                }
                if !found {
                    return Err(Missing::Absent);
                }
                fragment = offset;
                break;
            }
        }
        if found || (next == AUTH && wanted == Wanted::TransportOrAuth) {
            break;
        }
        let length = header_length(next, length);
        if checks_length && packet.length.saturating_sub(at) < length {
            return Err(Missing::Broken);
        }
        next = following;
        at += length;
    }
    Ok(Found { protocol: next, offset: at, fragment })
}

/// `ipv6_skip_exthdr`: the transport header; at a later fragment it stops at the fragment header. None: there is none.
///
/// A capture that ends too early counts as a packet that does.
pub fn skip_extensions(packet: &Packet) -> Option<Found> {
    let [mut next] = read::<1>(packet, 6).ok()?;
    let mut at = HEADER;
    while is_extension(next) {
        if next == NONE {
            return None;
        }
        let [following, length] = read::<2>(packet, at).ok()?;
        if next == FRAGMENT {
            let offset = u16::from_be_bytes(read(packet, at + 2).ok()?) & !7;
            if offset != 0 {
                return Some(Found { protocol: next, offset: at, fragment: offset });
            }
        }
        at += header_length(next, length);
        next = following;
    }
    Some(Found { protocol: next, offset: at, fragment: 0 })
}

/// Does a header stand before the transport header that the kernel does not look behind for ports (`__skb_flow_dissect`)?
pub fn hides_ports(packet: &Packet) -> bool {
    let Fact::Is([mut next]) = packet.array(6) else { return false };
    let mut at = 40;
    while packet.network == Network::Ip6 && is_extension(next) && next != NONE {
        if matches!(next, AUTH | FRAGMENT) {
            return true;
        }
        let Fact::Is([following, length]) = packet.array(at) else { return false };
        at += header_length(next, length);
        next = following;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::Network;

    /// A packet of these headers: (type, bytes), then the last type and its bytes.
    fn packet(headers: &[(u8, &[u8])], last: u8, payload: &[u8]) -> Packet {
        let mut body = Vec::new();
        let mut types: Vec<u8> = headers.iter().map(|h| h.0).collect();
        types.push(last);
        for (i, (_, bytes)) in headers.iter().enumerate() {
            let at = body.len();
            body.extend_from_slice(bytes);
            body[at] = types[i + 1];
        }
        body.extend_from_slice(payload);
        let mut p = vec![0x60, 0, 0, 0, 0, body.len() as u8, types[0], 64];
        p.extend([0; 32]);
        p.extend(body);
        Packet::new(Network::Ip6, p)
    }

    #[test]
    fn the_transport_is_behind_all_extensions() {
        let p = packet(&[(HOP, &[0; 8]), (FRAGMENT, &[0, 0, 0, 1, 0, 0, 0, 1]), (DEST, &[0; 8])], 17, &[0; 8]);
        let want = Found { protocol: 17, offset: 64, fragment: 0 };
        assert_eq!(find(&p, Wanted::Transport), Ok(want));
        assert_eq!(skip_extensions(&p), Some(want));
        assert_eq!(find(&p, Wanted::Type(DEST)), Ok(Found { protocol: DEST, offset: 56, fragment: 0 }));
        assert_eq!(find(&p, Wanted::Type(AUTH)), Err(Missing::Absent));
    }

    #[test]
    fn nf_tables_stops_at_an_authentication_header_and_xtables_does_not() {
        let p =
            packet(&[(AUTH, &[0, 4, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])], 6, &[0; 20]);
        assert_eq!(find(&p, Wanted::TransportOrAuth), Ok(Found { protocol: AUTH, offset: 40, fragment: 0 }));
        assert_eq!(find(&p, Wanted::Transport), Ok(Found { protocol: 6, offset: 64, fragment: 0 }));
    }

    #[test]
    fn a_later_fragment_has_a_protocol_but_no_place_for_it() {
        let p = packet(&[(FRAGMENT, &[0, 0, 0, 9, 0, 0, 0, 1])], 17, &[0; 8]);
        assert_eq!(find(&p, Wanted::Transport), Ok(Found { protocol: 17, offset: 0, fragment: 8 }));
        let p = packet(&[(FRAGMENT, &[0, 0, 0, 9, 0, 0, 0, 1])], DEST, &[0; 8]);
        assert_eq!(find(&p, Wanted::Transport), Err(Missing::Absent));
    }

    #[test]
    fn headers_that_leave_the_packet_are_broken_and_a_short_capture_is_unknown() {
        let mut p = packet(&[(HOP, &[0, 9, 0, 0, 0, 0, 0, 0])], 17, &[0; 8]);
        assert_eq!(walk(&p, Wanted::Transport, true), Err(Missing::Broken));
        assert_eq!(find(&p, Wanted::Transport), Err(Missing::Cut));
        assert_eq!(find(&p, Wanted::Type(FRAGMENT)), Err(Missing::Cut));
        p = packet(&[(HOP, &[0; 8])], 17, &[0; 8]);
        p.bytes.truncate(41);
        assert_eq!(find(&p, Wanted::Transport), Err(Missing::Cut));
    }
}
