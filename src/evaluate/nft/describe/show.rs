//! Bytes of a register as people write them.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::evaluate::packet::CtState;
use crate::ruleset::render::protocol_name;
use crate::sys::Text;

/// How bytes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// A number in network order.
    Network,
    /// A number in host order.
    Host,
    /// The same, in hexadecimal.
    Mark,
    /// The number of a transport protocol, of which most have names.
    Protocol,
    Address,
    Ethernet,
    Name,
    CtState,
    Hex,
}

impl Show {
    pub(super) fn text(self, bytes: &[u8]) -> String {
        match (self, bytes.len()) {
            (Self::Address, 1..=4) => {
                let mut a = [0; 4];
                a[..bytes.len()].copy_from_slice(bytes);
                Ipv4Addr::from(a).to_string()
            }
            (Self::Address, 5..=16) => {
                let mut a = [0; 16];
                a[..bytes.len()].copy_from_slice(bytes);
                Ipv6Addr::from(a).to_string()
            }
            (Self::Network, 1..=8) => bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b)).to_string(),
            (Self::Host, 1..=8) => host(bytes).to_string(),
            (Self::Protocol, 1) => {
                let number = bytes.first().copied().unwrap_or_default();
                protocol_name(number).map_or_else(|| number.to_string(), str::to_owned)
            }
            (Self::Mark, 1..=8) => format!("{:#010x}", host(bytes)),
            (Self::CtState, 4) => states(host(bytes)),
            (Self::Ethernet, _) => bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":"),
            (Self::Name, _) => {
                // A comparison of a part of a name is one with a wildcard.
                let wildcard = if bytes.contains(&0) { "" } else { "*" };
                format!("\"{}{wildcard}\"", Text::from_c(bytes))
            }
            _ => bytes.iter().fold(String::from("0x"), |mut s, b| {
                let _ = write!(s, "{b:02x}");
                s
            }),
        }
    }
}

fn host(bytes: &[u8]) -> u64 {
    let mut n = [0; 8];
    if cfg!(target_endian = "little") {
        n[..bytes.len()].copy_from_slice(bytes);
    } else {
        n[8 - bytes.len()..].copy_from_slice(bytes);
    }
    u64::from_ne_bytes(n)
}

fn states(bits: u64) -> String {
    let all = [
        (1, CtState::Invalid),
        (2, CtState::Established),
        (4, CtState::Related),
        (8, CtState::New),
        (64, CtState::Untracked),
    ];
    let names: Vec<_> = all.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, s)| s.name()).collect();
    if names.is_empty() { format!("{bits:#x}") } else { names.join(",") }
}
