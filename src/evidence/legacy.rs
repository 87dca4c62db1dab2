//! TRACE records of the legacy tables, which come as logged packets with a telling prefix.

use super::packet::LoggedPacket;
use crate::sys::Text;
use crate::sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};

/// The group that the kernel logs them to: `nf_log_trace()` names none.
pub const GROUP: u16 = 0;

/// What the kernel calls the place in a legacy table (`trace_packet()` in net/ipv4/netfilter/ip_tables.c).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comment {
    /// A rule.
    Rule,
    /// The end of a user chain, **or an unconditional rule with a standard target in it** (`-j DROP`): the kernel
    /// calls both so.
    Return,
    /// The policy of a built-in chain, or an unconditional rule with a standard target in it. It is the policy if
    /// the number is one more than the chain has rules.
    Policy,
}

/// A packet met a rule of a legacy table. The record says where, not what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyTrace {
    /// The table.
    pub table: Text,
    /// The chain.
    pub chain: Text,
    /// What the kernel calls the place; mind its documentation.
    pub comment: Comment,
    /// The rule's position in its chain, from 1; one more than the last for a policy or the end of the chain.
    pub number: u32,
    /// The packet as it was at that moment, whole.
    pub packet: LoggedPacket,
}

impl LegacyTrace {
    /// Reads the prefix of a logged packet; gives the packet back if it is no TRACE record.
    ///
    /// # Errors
    /// The packet, unchanged.
    pub fn from_packet(packet: LoggedPacket) -> Result<Self, Box<LoggedPacket>> {
        if packet.group != GROUP || !matches!(packet.family, NFPROTO_IPV4 | NFPROTO_IPV6) {
            return Err(Box::new(packet));
        }
        let Some((table, chain, comment, number)) = place(packet.prefix.as_bytes()) else {
            return Err(Box::new(packet));
        };
        Ok(Self { table: Text::new(table), chain: Text::new(chain), comment, number, packet })
    }
}

/// Is a logged packet a TRACE record?
pub(super) fn is_record(p: &crate::sys::nflog::Packet<'_>) -> bool {
    p.group == GROUP && matches!(p.family, NFPROTO_IPV4 | NFPROTO_IPV6) && place(p.prefix).is_some()
}

/// `TRACE: table:chain:comment:number `, where a chain's name may have colons too.
fn place(prefix: &[u8]) -> Option<(&[u8], &[u8], Comment, u32)> {
    let rest = prefix.strip_prefix(b"TRACE: ")?.trim_ascii_end();
    let mut parts = rest.rsplitn(3, |b| *b == b':');
    let number = std::str::from_utf8(parts.next()?).ok()?.parse().ok()?;
    let comment = match parts.next()? {
        b"rule" => Comment::Rule,
        b"return" => Comment::Return,
        b"policy" => Comment::Policy,
        _ => return None,
    };
    let names = parts.next()?;
    let colon = names.iter().position(|b| *b == b':')?;
    Some((&names[..colon], &names[colon + 1..], comment, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_read_from_the_prefix() {
        let p = place(b"TRACE: filter:FORWARD:policy:3 ");
        assert_eq!(p, Some((b"filter".as_slice(), b"FORWARD".as_slice(), Comment::Policy, 3)));
        let p = place(b"TRACE: mangle:odd:rule:1:rule:12 ");
        assert_eq!(p, Some((b"mangle".as_slice(), b"odd:rule:1".as_slice(), Comment::Rule, 12)));
        for other in
            [b"".as_slice(), b"TRACE: ", b"TRACE: a:b:c:1 ", b"TRACE: a:rule:1 ", b"TRACE: a:b:rule:x ", b"DROP"]
        {
            assert_eq!(place(other), None);
        }
    }
}
