//! The words of a question: protocols, ends, flags, and the values of options.

use std::net::IpAddr;

use super::question::Invalid;
use crate::evaluate::packet::CtState;

/// An address, and a port if one was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: Option<u16>,
}

/// Reads `10.0.0.1`, `10.0.0.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
pub fn end(text: &str) -> Result<End, Invalid> {
    let wrong = || Invalid(format!("{text:?} is not ADDRESS or ADDRESS:PORT (IPv6 with a port: [ADDRESS]:PORT)"));
    let port = |p: &str| match p.parse::<u16>() {
        Ok(n) if p.bytes().all(|b| b.is_ascii_digit()) => Ok(n),
        _ => Err(Invalid(format!("{p:?} is not a port (0 to 65535)"))),
    };
    if let Ok(address) = text.parse() {
        return Ok(End { address, port: None });
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or_else(wrong)?;
            let address: std::net::Ipv6Addr = address.parse().map_err(|_| wrong())?;
            let port = match rest {
                "" => None,
                rest => Some(port(rest.strip_prefix(':').ok_or_else(wrong)?)?),
            };
            (address.into(), port)
        }
        None => {
            let (address, p) = text.split_once(':').ok_or_else(wrong)?;
            let address: std::net::Ipv4Addr = address.parse().map_err(|_| wrong())?;
            (address.into(), Some(port(p)?))
        }
    };
    Ok(End { address, port })
}

/// The protocols that have a name here.
const PROTOCOLS: [(&str, u8); 13] = [
    ("tcp", 6),
    ("udp", 17),
    ("udplite", 136),
    ("sctp", 132),
    ("dccp", 33),
    ("icmp", 1),
    ("icmp6", 58),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("igmp", 2),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
];

/// Reads a protocol's name or number.
pub fn protocol(text: &str) -> Result<u8, Invalid> {
    let lower = text.to_ascii_lowercase();
    if let Some((_, n)) = PROTOCOLS.iter().find(|(name, _)| *name == lower) {
        return Ok(*n);
    }
    text.parse()
        .map_err(|_| Invalid(format!("{text:?} is not a protocol: tcp, udp, udplite, sctp, icmp, icmp6, or a number")))
}

/// Reads a number, in hex after `0x`.
pub fn number(text: &str) -> Result<u32, Invalid> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16),
        _ => text.parse(),
    };
    parsed.map_err(|_| Invalid(format!("{text:?} is not a number of 32 bits")))
}

/// Reads a number of one byte, in hex after `0x`.
pub fn byte(text: &str) -> Result<u8, Invalid> {
    number(text)
        .ok()
        .and_then(|n| u8::try_from(n).ok())
        .ok_or_else(|| Invalid(format!("{text:?} is not a number of 8 bits")))
}

/// Reads TCP flags: `syn,ack`, `none`, `all`.
pub fn flags(text: &str) -> Result<u8, Invalid> {
    const NAMES: [&str; 8] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr"];
    let mut set = 0;
    for word in text.split(',').map(|w| w.trim().to_ascii_lowercase()) {
        set |= match word.as_str() {
            "none" => 0,
            "all" => 0xff,
            w => match NAMES.iter().position(|n| *n == w) {
                Some(bit) => 1 << bit,
                None => return Err(Invalid(format!("{w:?} is not a TCP flag: {}", NAMES.join(", ")))),
            },
        };
    }
    Ok(set)
}

/// Reads a conntrack state.
pub fn ct_state(text: &str) -> Result<CtState, Invalid> {
    [CtState::New, CtState::Established, CtState::Related, CtState::Invalid, CtState::Untracked]
        .into_iter()
        .find(|s| s.name() == text.to_ascii_lowercase())
        .ok_or_else(|| {
            Invalid(format!("{text:?} is not a conntrack state: new, established, related, invalid, untracked"))
        })
}

/// Reads a DSCP: a number of 6 bits, or `ef`, `cs1`, `af11` and the like.
pub fn dscp(text: &str) -> Result<u8, Invalid> {
    let lower = text.to_ascii_lowercase();
    let digits: Vec<u8> = lower.bytes().skip(2).map(|b| b.wrapping_sub(b'0')).collect();
    let named = match (lower.get(..2), digits.as_slice()) {
        (Some("be"), []) => Some(0),
        (Some("ef"), []) => Some(46),
        (Some("cs"), [n @ 0..=7]) => Some(n * 8),
        (Some("af"), [class @ 1..=4, drop @ 1..=3]) => Some(class * 8 + drop * 2),
        _ => byte(&lower).ok().filter(|n| *n < 64),
    };
    named.ok_or_else(|| Invalid(format!("{text:?} is not a DSCP: 0 to 63, ef, cs0 to cs7, af11 to af43")))
}

/// Reads a hardware address.
pub fn mac(text: &str) -> Result<[u8; 6], Invalid> {
    let wrong = || Invalid(format!("{text:?} is not a hardware address such as 02:00:00:00:00:01"));
    let bytes: Option<Vec<u8>> =
        text.split([':', '-']).map(|p| (p.len() == 2).then(|| u8::from_str_radix(p, 16).ok()).flatten()).collect();
    bytes.and_then(|b| b.try_into().ok()).ok_or_else(wrong)
}

/// Reads the type of an ICMP or ICMPv6 message, by number or name.
pub fn icmp_type(text: &str, v6: bool) -> Result<u8, Invalid> {
    const V4: [(&str, u8); 9] = [
        ("echo-reply", 0),
        ("destination-unreachable", 3),
        ("redirect", 5),
        ("echo-request", 8),
        ("time-exceeded", 11),
        ("parameter-problem", 12),
        ("timestamp-request", 13),
        ("timestamp-reply", 14),
        ("address-mask-request", 17),
    ];
    const V6: [(&str, u8); 13] = [
        ("destination-unreachable", 1),
        ("packet-too-big", 2),
        ("time-exceeded", 3),
        ("parameter-problem", 4),
        ("echo-request", 128),
        ("echo-reply", 129),
        ("mld-listener-query", 130),
        ("mld-listener-report", 131),
        ("nd-router-solicit", 133),
        ("nd-router-advert", 134),
        ("nd-neighbor-solicit", 135),
        ("nd-neighbor-advert", 136),
        ("nd-redirect", 137),
    ];
    let names: &[(&str, u8)] = if v6 { &V6 } else { &V4 };
    let lower = text.to_ascii_lowercase();
    match names.iter().find(|(name, _)| *name == lower) {
        Some((_, n)) => Ok(*n),
        None => byte(text).map_err(|_| {
            let known: Vec<&str> = names.iter().map(|(n, _)| *n).collect();
            Invalid(format!(
                "{text:?} is not a type of ICMP{}: a number, or {}",
                if v6 { "v6" } else { "" },
                known.join(", ")
            ))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_with_and_without_ports() {
        let read = |t: &str| end(t).map(|e| (e.address.to_string(), e.port)).ok();
        assert_eq!(read("10.0.0.1"), Some(("10.0.0.1".into(), None)));
        assert_eq!(read("10.0.0.1:80"), Some(("10.0.0.1".into(), Some(80))));
        assert_eq!(read("2001:db8::1"), Some(("2001:db8::1".into(), None)));
        assert_eq!(read("[2001:db8::1]"), Some(("2001:db8::1".into(), None)));
        assert_eq!(read("[2001:db8::1]:443"), Some(("2001:db8::1".into(), Some(443))));
        for bad in [
            "",
            "10.0.0.1:",
            "10.0.0.1:65536",
            "10.0.0.1:+5",
            "10.0.0",
            "[::1",
            "[::1]80",
            "[10.0.0.1]:5",
            "::1:x",
            "host:80",
        ] {
            assert!(end(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_read() {
        assert_eq!((protocol("TCP"), protocol("icmpv6"), protocol("47")), (Ok(6), Ok(58), Ok(47)));
        assert!(protocol("256").is_err() && protocol("tpc").is_err());
        assert_eq!((flags("syn,ack"), flags("none"), flags("FIN")), (Ok(0x12), Ok(0), Ok(1)));
        assert!(flags("syn;ack").is_err());
        assert_eq!((number("0x10"), number("16"), number("0x+1").is_err()), (Ok(16), Ok(16), true));
        assert_eq!((dscp("ef"), dscp("af31"), dscp("cs7"), dscp("63")), (Ok(46), Ok(26), Ok(56), Ok(63)));
        assert!(dscp("64").is_err() && dscp("af44").is_err() && dscp("é1").is_err());
        assert_eq!(mac("02:00:00:00:00:0a"), Ok([2, 0, 0, 0, 0, 10]));
        assert!(mac("02:00:00:00:00").is_err() && mac("2:0:0:0:0:a").is_err());
        assert_eq!((icmp_type("echo-request", false), icmp_type("echo-request", true)), (Ok(8), Ok(128)));
        assert_eq!(ct_state("Established"), Ok(CtState::Established));
        assert!(ct_state("open").is_err());
    }
}
