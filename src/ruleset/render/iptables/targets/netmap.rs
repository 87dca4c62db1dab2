//! `-j NETMAP`

use std::net::IpAddr;

use nfblame_sys::xt::targets::Nat;

use super::super::mask::Mask;
use super::{Address, Out, put};

pub(super) fn render(t: &Nat, out: &mut Out) {
    let mask = match (t.min_address, t.max_address) {
        (IpAddr::V4(min), IpAddr::V4(max)) => IpAddr::V4((!(min.to_bits() ^ max.to_bits())).into()),
        (IpAddr::V6(min), IpAddr::V6(max)) => IpAddr::V6((!(min.to_bits() ^ max.to_bits())).into()),
        (_, other) => other,
    };
    put!(out, " --to {}/{}", Address(t.min_address), Mask(mask));
}
