//! `-j HMARK`

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nfblame_sys::xt::Family;
use nfblame_sys::xt::targets::Hmark;

use super::super::mask::prefix_length;
use super::{Context, Out, put};

pub(super) fn render(t: &Hmark, cx: &Context<'_>, out: &mut Out) {
    let has = |flag: u32| t.flags & flag != 0;
    for (option, flag, mask) in [
        ("--hmark-src-prefix", Hmark::SOURCE_MASK, t.source_mask),
        ("--hmark-dst-prefix", Hmark::DESTINATION_MASK, t.destination_mask),
    ] {
        if has(flag) {
            match prefix_length(address(mask, cx.family)) {
                Some(length) => put!(out, " {option} {length}"),
                // The tool says -1 for a mask that is no prefix.
                None => put!(out, " {option} -1"),
            }
        }
    }
    let port = u16::from_be_bytes;
    let spi = |[[a, b], [c, d]]: [[u8; 2]; 2]| u32::from_be_bytes([a, b, c, d]);
    let [source_mask, destination_mask] = t.port_mask;
    let [source, destination] = t.port_set;
    if has(Hmark::SOURCE_PORT_MASK) {
        put!(out, " --hmark-sport-mask {:#06x}", port(source_mask));
    }
    if has(Hmark::DESTINATION_PORT_MASK) {
        put!(out, " --hmark-dport-mask {:#06x}", port(destination_mask));
    }
    if has(Hmark::SPI_MASK) {
        put!(out, " --hmark-spi-mask {:#010x}", spi(t.port_mask));
    }
    if has(Hmark::SOURCE_PORT) {
        put!(out, " --hmark-sport {:#06x}", port(source));
    }
    if has(Hmark::DESTINATION_PORT) {
        put!(out, " --hmark-dport {:#06x}", port(destination));
    }
    if has(Hmark::SPI) {
        put!(out, " --hmark-spi {:#010x}", spi(t.port_set));
    }
    if has(Hmark::PROTO_MASK) {
        put!(out, " --hmark-proto-mask {:#04x}", t.proto_mask);
    }
    if has(Hmark::RANDOM) {
        put!(out, " --hmark-rnd {:#010x}", t.random);
    }
    if has(Hmark::MODULUS) {
        put!(out, " --hmark-mod {}", t.modulus);
    }
    if has(Hmark::OFFSET) {
        put!(out, " --hmark-offset {}", t.offset);
    }
    if has(Hmark::CT) {
        out.str(" --hmark-tuple ct");
    }
}

fn address(bytes: [u8; 16], family: Family) -> IpAddr {
    match (family, bytes) {
        (Family::Ip6, _) => Ipv6Addr::from(bytes).into(),
        (_, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
    }
}
