//! Bytes of a register as people write them.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::ruleset::render::nft::symbols::Symbols;
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
    /// A number in host order, of which some have names.
    Named(&'static Symbols),
    /// Bits in host order, of which each has a name.
    Flags(&'static Symbols),
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
            (Self::Named(of), 1..=8) => {
                let number = host(bytes);
                of.name(number.into()).map_or_else(|| number.to_string(), str::to_owned)
            }
            (Self::Flags(of), 1..=8) => flags(of, host(bytes)),
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

/// The names of the bits that are set; those that have none in hexadecimal.
fn flags(of: &Symbols, bits: u64) -> String {
    let mut names: Vec<_> =
        of.names.iter().filter(|(_, b)| bits & b != 0).map(|(name, _)| (*name).to_owned()).collect();
    let nameless = of.names.iter().fold(bits, |left, (_, b)| left & !b);
    if nameless != 0 {
        names.push(format!("{nameless:#x}"));
    }
    if names.is_empty() { "none".into() } else { names.join(",") }
}
