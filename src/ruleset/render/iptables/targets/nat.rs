//! `-j SNAT`, `DNAT`, `MASQUERADE` and `REDIRECT`

use nfblame_sys::xt::targets::Nat;

use super::{Address, Out, put};

/// Appends the range behind `option`, which ends in a blank.
pub(super) fn render(option: &str, t: &Nat, out: &mut Out) {
    let has = |flag: u32| t.flags & flag != 0;
    let (addresses, ports) = (has(Nat::MAP_IPS), has(Nat::PROTO_SPECIFIED));
    if addresses || ports {
        put!(out, " {option}");
    }
    let brackets = t.min_address.is_ipv6() && ports;
    if addresses {
        put!(out, "{}{}", if brackets { "[" } else { "" }, Address(t.min_address));
        if t.min_address != t.max_address {
            put!(out, "-{}", Address(t.max_address));
        }
        out.str(if brackets { "]" } else { "" });
    }
    if ports {
        // Where only ports can be given, the colon is left out.
        if addresses || option != "--to-ports " {
            out.str(":");
        }
        put!(out, "{}", t.min_port);
        if t.max_port != t.min_port {
            put!(out, "-{}", t.max_port);
        }
        if has(Nat::PROTO_OFFSET) {
            put!(out, "/{}", t.base_port);
        }
    }
    for (flag, option) in [
        (Nat::PROTO_RANDOM, " --random"),
        (Nat::PROTO_RANDOM_FULLY, " --random-fully"),
        (Nat::PERSISTENT, " --persistent"),
    ] {
        if has(flag) {
            out.str(option);
        }
    }
}
