//! The options in the hop-by-hop and destination headers of IPv6 (`ip6_parse_tlv`).

use super::fact::Fact;
use super::headers::Network;
use super::ip6;
use super::packet::Packet;

/// More bytes of padding than this are refused (RFC 4942 section 2.1.9.5).
const MOST_PADDING: u8 = 7;
/// `IP6_DEFAULT_MAX_HBH_OPTS_CNT` and that of destination options.
const MOST_OPTIONS: usize = 8;
const PADDING: u8 = 1;
const ROUTER_ALERT: u8 = 5;
const JUMBO: u8 = 0xc2;
/// The home address option is understood by some kernels; others are skipped or not, as they say themselves.
const HOME_ADDRESS: u8 = 0xc9;

/// Options that the kernel refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Is the sender told (`icmp6-parameter-problem`)?
    pub told: bool,
}

/// Whose options they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// Every router's: looked at before the first hook.
    HopByHop,
    /// The destination's.
    Destination,
}

/// Does its hop-by-hop header ask every router to look at a packet?
pub fn alerts(packet: &Packet) -> bool {
    if packet.network != Network::Ip6 || packet.array(6) != Fact::Is([ip6::HOP]) {
        return false;
    }
    let Fact::Is([length]) = packet.array(41) else { return false };
    let mut options = packet.read(42, usize::from(length) * 8 + 6).known().unwrap_or(&[]);
    while let Some((&kind, rest)) = options.split_first() {
        let length = rest.first().map_or(0, |n| usize::from(*n) + 1);
        match kind {
            ROUTER_ALERT => return true,
            0 => options = rest,
            _ => options = rest.get(length..).unwrap_or(&[]),
        }
    }
    false
}

/// Looks at the options behind the first two bytes of such a header. `many`: the packet is to a multicast address.
pub fn refused(header: Header, mut options: &[u8], many: bool) -> Option<Refused> {
    let silently = Some(Refused { told: false });
    let (mut padding, mut count) = (0u8, 0);
    while let Some((&kind, rest)) = options.split_first() {
        if kind == 0 {
            padding += 1;
            options = rest;
        } else {
            let Some((&length, rest)) = rest.split_first() else { return silently };
            let Some((value, rest)) = rest.split_at_checked(length.into()) else { return silently };
            options = rest;
            if kind == PADDING {
                padding = padding.saturating_add(length).saturating_add(2);
                if value.iter().any(|b| *b != 0) {
                    return silently;
                }
            } else {
                (padding, count) = (0, count + 1);
                let told = match (header, kind) {
                    _ if count > MOST_OPTIONS => return silently,
                    (Header::HopByHop, ROUTER_ALERT) if length != 2 => return silently,
                    // What is no longer than others has no need of it, and nothing that is comes this way.
                    (Header::HopByHop, JUMBO) => return Some(Refused { told: length == 4 }),
                    (Header::Destination, HOME_ADDRESS) => None,
                    _ => match kind >> 6 {
                        0 => None,
                        1 => return silently,
                        2 => Some(true),
                        _ => Some(!many),
                    },
                };
                if let Some(told) = told {
                    return Some(Refused { told });
                }
            }
        }
        if padding > MOST_PADDING {
            return silently;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_has_a_limit_and_unknown_options_say_themselves_what_is_done() {
        let told = |o: &[u8]| refused(Header::Destination, o, false).map(|r| r.told);
        assert_eq!(told(&[1, 4, 0, 0, 0, 0]), None);
        assert_eq!(told(&[1, 4, 0, 0, 0, 1]), Some(false));
        assert_eq!(told(&[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Some(false));
        assert_eq!(told(&[0x1e, 4, 1, 2, 3, 4]), None);
        assert_eq!(told(&[0x5e, 4, 1, 2, 3, 4]), Some(false));
        assert_eq!(told(&[0x9e, 4, 1, 2, 3, 4]), Some(true));
        assert_eq!(told(&[0xde, 4, 1, 2, 3, 4]), Some(true));
        assert_eq!(refused(Header::Destination, &[0xde, 4, 1, 2, 3, 4], true), Some(Refused { told: false }));
        assert_eq!(told(&[0x1e, 9, 1, 2, 3, 4]), Some(false));
    }

    #[test]
    fn routers_look_at_what_is_theirs() {
        let refused = |o: &[u8]| refused(Header::HopByHop, o, false).map(|r| r.told);
        assert_eq!(refused(&[5, 2, 0, 0, 1, 0]), None);
        assert_eq!(refused(&[5, 4, 0, 0, 0, 0]), Some(false));
        assert_eq!(refused(&[0xc2, 4, 0, 1, 0, 0]), Some(true));
    }
}
