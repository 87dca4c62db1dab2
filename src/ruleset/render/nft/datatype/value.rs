//! Values in the manner of their type.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Order, Style, Type, time};
use crate::ruleset::render::address::Address;
use crate::ruleset::render::nft::Names;
use crate::ruleset::render::out::{Out, put};

/// Writes values.
#[derive(Clone, Copy)]
pub struct Printer<'a> {
    /// Names from elsewhere.
    pub names: &'a dyn Names,
    /// Numbers for what has a name: inside ranges, and with `-n`-like options.
    pub numeric: bool,
}

impl<'a> Printer<'a> {
    pub fn new(names: &'a dyn Names) -> Self {
        Self { names, numeric: false }
    }

    /// Writes a number of that type; `bits` is its width.
    pub fn value(self, ty: Type, order: Order, value: u128, bits: u32, out: &mut Out) {
        self.styled(ty.info().style, order, value, bits, out);
    }

    fn styled(self, style: Style, order: Order, value: u128, bits: u32, out: &mut Out) {
        match style {
            Style::Invalid => put!(out, "0x{value:x} [invalid type]"),
            // A verdict is never a number in a register.
            Style::Verdict | Style::Decimal => decimal(value, out),
            Style::Hex(width) => put!(out, "0x{value:0width$x}"),
            Style::String => {
                let bytes = value.to_be_bytes();
                let len = (bits.div_ceil(8) as usize).min(bytes.len());
                string(bytes.get(bytes.len() - len..).unwrap_or_default(), out);
            }
            Style::LinkAddress => {
                for i in (0..bits.div_ceil(8).min(16)).rev() {
                    put!(out, "{:02x}{}", (value >> (8 * i)) as u8, if i == 0 { "" } else { ":" });
                }
            }
            Style::Ip => put!(out, "{}", Ipv4Addr::from_bits(value as u32)),
            Style::Ip6 => put!(out, "{}", Address::from(Ipv6Addr::from_bits(value))),
            Style::Protocol => match (!self.numeric).then(|| self.names.protocol(value as u8)).flatten() {
                Some(name) => out.str(name),
                None => decimal(value, out),
            },
            Style::Named(symbols, fallback) => {
                match (!self.numeric).then(|| symbols.name(comparable(value, order, bits, symbols.network))).flatten() {
                    Some(name) if symbols.quoted => put!(out, "\"{name}\""),
                    Some(name) => out.str(name),
                    None => self.styled(*fallback, order, value, bits, out),
                }
            }
            Style::Mark | Style::Devgroup | Style::Realm => {
                let number = comparable(value, order, bits, false) as u32;
                let (name, fallback) = match style {
                    Style::Mark => (self.names.mark(number), Style::Hex(8)),
                    Style::Devgroup => (self.names.devgroup(number), Style::Decimal),
                    _ => (self.names.realm(number), Style::Decimal),
                };
                match name.filter(|_| !self.numeric) {
                    Some(name) => put!(out, "\"{name}\""),
                    None => self.styled(fallback, order, value, bits, out),
                }
            }
            Style::Duration => time::duration(value as u64, self.numeric, out),
            Style::Classid => match value as u32 {
                u32::MAX => out.str("root"),
                0 => out.str("none"),
                handle => put!(out, "{:x}:{:x}", handle >> 16, handle & 0xffff),
            },
            Style::Interface => match self.names.interface(value as u32) {
                Some(name) => {
                    out.str("\"");
                    out.bytes(name.as_bytes());
                    out.str("\"");
                }
                None => put!(out, "{}", value as u32 as i32),
            },
            Style::Date => time::date(value as u64, self.names, out),
            Style::Hour => time::hour(value as u32, self.names, out),
            Style::Label => {
                // A value without a bit counts as the highest bit there could be, as in nft.
                let bit = if value == 0 { u64::MAX } else { u64::from(value.trailing_zeros()) };
                match u32::try_from(bit).ok().and_then(|bit| self.names.label(bit)) {
                    Some(name) => put!(out, "\"{name}\""),
                    None => out.dec(bit),
                }
            }
            Style::Cgroup => match self.names.cgroup(value as u64) {
                Some(path) => {
                    out.str("\"");
                    out.bytes(path.as_bytes());
                    out.str("\"");
                }
                None => out.dec(value as u64),
            },
        }
    }
}

/// nft compares names with the bytes of a value as they would lie in memory, so one of two or more bytes whose order
/// is not the one that the names are kept in has another name, or none.
fn comparable(value: u128, order: Order, bits: u32, network: bool) -> u128 {
    if bits > 8 && (order == Order::Host) == network { swapped(value, bits) } else { value }
}

/// The value whose bytes stand in the opposite order.
pub fn swapped(value: u128, bits: u32) -> u128 {
    let unused = 128 - bits.next_multiple_of(8).clamp(8, 128);
    (value << unused).swap_bytes()
}

fn decimal(value: u128, out: &mut Out) {
    match u64::try_from(value) {
        Ok(n) => out.dec(n),
        Err(_) => put!(out, "{value}"),
    }
}

/// Writes the bytes up to the first NUL in quotes.
pub fn string(bytes: &[u8], out: &mut Out) {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    out.str("\"");
    out.bytes(bytes.get(..end).unwrap_or(bytes));
    out.str("\"");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ty: Type, order: Order, value: u128, bits: u32) -> String {
        let mut out = Out::new();
        Printer::new(&()).value(ty, order, value, bits, &mut out);
        out.into_text().to_string()
    }

    #[test]
    fn values_look_as_their_types_ask() {
        assert_eq!(text(Type::IPADDR, Order::Network, 0x0a00_0001, 32), "10.0.0.1");
        assert_eq!(text(Type::ETHERADDR, Order::Network, 0x0011_2233_44ff, 48), "00:11:22:33:44:ff");
        assert_eq!(text(Type::MARK, Order::Host, 0x12, 32), "0x00000012");
        assert_eq!(text(Type::CT_STATE, Order::Host, 8, 32), "new");
        assert_eq!(text(Type::CT_STATE, Order::Host, 0x10, 32), "0x10");
        assert_eq!(text(Type::CLASSID, Order::Host, 0x0001_0010, 32), "1:10");
        assert_eq!(
            text(Type::IFNAME, Order::Host, u128::from_be_bytes(*b"eth0\0\0\0\0\0\0\0\0\0\0\0\0"), 128),
            "\"eth0\""
        );
    }

    #[test]
    fn a_name_asks_for_the_order_it_is_kept_in() {
        assert_eq!(text(Type::ETHERTYPE, Order::Network, 0x0800, 16), "ip");
        assert_eq!(text(Type::ETHERTYPE, Order::Host, 0x0800, 16), "0x0800");
        assert_eq!(text(Type::FIB_ADDR, Order::Unknown, 2, 32), "2");
        assert_eq!(swapped(0x0102, 16), 0x0201);
        assert_eq!(swapped(1, 128), 1 << 120);
    }
}
