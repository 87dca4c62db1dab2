//! `-j mangle`

use nfblame_sys::uapi::netfilter::{NF_ACCEPT, NF_DROP};
use nfblame_sys::xt::targets::Mangle;

use super::super::arp::hardware_address;
use super::{Out, put};

pub(super) fn render(t: &Mangle, out: &mut Out) {
    let has = |flag: u8| t.flags & flag != 0;
    if has(Mangle::SOURCE_IP) {
        put!(out, " --mangle-ip-s {}", t.source_ip);
    }
    if has(Mangle::SOURCE_MAC) {
        out.str(" --mangle-mac-s ");
        hardware_address(&t.source_mac, out);
    }
    if has(Mangle::TARGET_IP) {
        put!(out, " --mangle-ip-d {}", t.target_ip);
    }
    if has(Mangle::TARGET_MAC) {
        out.str(" --mangle-mac-d ");
        hardware_address(&t.target_mac, out);
    }
    match t.verdict {
        NF_ACCEPT => {}
        NF_DROP => out.str(" --mangle-target DROP"),
        _ => out.str(" --mangle-target CONTINUE"),
    }
}
