//! `-m connlimit`

use std::net::IpAddr;

use nfblame_sys::xt::matches::Connlimit;

use super::{Out, put};

pub(super) fn render(m: &Connlimit, out: &mut Out) {
    let option = if m.flags & Connlimit::INVERT != 0 { "--connlimit-upto" } else { "--connlimit-above" };
    let side = if m.flags & Connlimit::DESTINATION != 0 { "--connlimit-daddr" } else { "--connlimit-saddr" };
    // The tool reads any mask as the prefix before its first hole; in IPv6, of each of its words.
    let prefix = match m.mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => {
            let words = [0, 32, 64, 96].map(|shift| (mask.to_bits() >> shift) as u32);
            words.into_iter().map(u32::leading_ones).sum()
        }
    };
    put!(out, " {option} {} --connlimit-mask {prefix} {side}", m.limit);
}
