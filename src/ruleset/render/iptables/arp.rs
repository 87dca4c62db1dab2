//! ARP rules: the target comes first, and the two arptables differ in blanks and defaults.

use std::net::Ipv4Addr;

use nfblame_sys::uapi::x_tables::{
    ARPT_INV_ARPHLN, ARPT_INV_ARPHRD, ARPT_INV_ARPOP, ARPT_INV_ARPPRO, ARPT_INV_SRCDEVADDR, ARPT_INV_SRCIP,
    ARPT_INV_TGTDEVADDR, ARPT_INV_TGTIP, ARPT_INV_VIA_IN, ARPT_INV_VIA_OUT,
};
use nfblame_sys::xt::{ArpSelector, DeviceAddress, Interface, Target};

use super::line::Jump;
use super::mask::{Mask, prefix_length};
use super::{Context, Out, put, targets};

/// Appends a rule from its target on, as the script `arptables-legacy-save` prints it: a blank behind every part.
pub(super) fn legacy(s: &ArpSelector, jump: &Jump<'_>, cx: &Context<'_>, out: &mut Out) {
    let hlen = (s.hlen.1 != 0).then_some(s.hlen);
    let htype = (s.htype.1 != 0).then_some(s.htype);
    jump_and_conditions(s, jump, hlen, htype, out);
    if let Jump::Target(target) = jump {
        options(target, cx, out);
        // This one target's listing ends without the blank.
        if matches!(target, Target::Mark(_)) {
            return;
        }
    }
    out.str(" ");
}

/// Appends a rule from its target on, as `arptables-nft-save` prints it: Ethernet's address length and type go without
/// saying.
pub(super) fn nft(s: &ArpSelector, jump: &Jump<'_>, cx: &Context<'_>, out: &mut Out) {
    // A negated length is never the default.
    let hlen = (s.hlen != (6, u8::MAX) || s.invert & ARPT_INV_ARPHLN != 0).then_some(s.hlen);
    let htype = (s.htype != (1, u16::MAX)).then_some(s.htype);
    let start = out.len();
    jump_and_conditions(s, jump, hlen, htype, out);
    if out.len() == start {
        out.str(" ");
    }
    if let Jump::Target(target) = jump {
        options(target, cx, out);
    }
}

fn jump_and_conditions(
    s: &ArpSelector,
    jump: &Jump<'_>,
    hlen: Option<(u8, u8)>,
    htype: Option<(u16, u16)>,
    out: &mut Out,
) {
    match jump {
        Jump::None => {}
        Jump::Jump(name) | Jump::Goto(name) => {
            out.str(" -j ");
            out.bytes(name.as_bytes());
        }
        Jump::Target(target) => put!(out, " -j {}", targets::name(target)),
    }
    let inverted = |bit: u16| s.invert & bit != 0;
    interface("-i", &s.iif, inverted(ARPT_INV_VIA_IN), out);
    interface("-o", &s.oif, inverted(ARPT_INV_VIA_OUT), out);
    address("-s", s.src, s.src_mask, inverted(ARPT_INV_SRCIP), out);
    mac("--src-mac", &s.src_mac, inverted(ARPT_INV_SRCDEVADDR), out);
    address("-d", s.dst, s.dst_mask, inverted(ARPT_INV_TGTIP), out);
    mac("--dst-mac", &s.dst_mac, inverted(ARPT_INV_TGTDEVADDR), out);
    if let Some((length, mask)) = hlen {
        out.not(inverted(ARPT_INV_ARPHLN));
        put!(out, " --h-length {length}");
        if mask != u8::MAX {
            put!(out, "/{mask}");
        }
    }
    let (op, mask) = s.op;
    if mask != 0 {
        out.not(inverted(ARPT_INV_ARPOP));
        put!(out, " --opcode {op}");
        if mask != u16::MAX {
            put!(out, "/{mask}");
        }
    }
    if let Some((kind, mask)) = htype {
        out.not(inverted(ARPT_INV_ARPHRD));
        put!(out, " --h-type {kind}");
        if mask != u16::MAX {
            put!(out, "/{mask}");
        }
    }
    let (protocol, mask) = s.ptype;
    if mask != 0 {
        out.not(inverted(ARPT_INV_ARPPRO));
        put!(out, " --proto-type {protocol:#x}");
        if mask != u16::MAX {
            put!(out, "/{mask:x}");
        }
    }
}

fn options(target: &Target<'_>, cx: &Context<'_>, out: &mut Out) {
    if !targets::options(target, cx, out) {
        out.set_incomplete();
    }
}

fn interface(option: &str, interface: &Interface, inverted: bool, out: &mut Out) {
    if interface.name().is_empty() {
        return;
    }
    out.not(inverted);
    put!(out, " {option} ");
    out.bytes(interface.name().as_bytes());
}

fn address(option: &str, address: Ipv4Addr, mask: Ipv4Addr, inverted: bool, out: &mut Out) {
    if mask.is_unspecified() {
        return;
    }
    out.not(inverted);
    put!(out, " {option} {address}");
    if prefix_length(mask.into()) != Some(32) {
        put!(out, "/{}", Mask(mask.into()));
    }
}

fn mac(option: &str, address: &DeviceAddress, inverted: bool, out: &mut Out) {
    if address.mask.iter().all(|&b| b == 0) {
        return;
    }
    out.not(inverted);
    put!(out, " {option} ");
    hardware_address(&address.address, out);
    if address.mask.iter().take(6).any(|&b| b != 0xff) {
        out.str("/");
        hardware_address(&address.mask, out);
    }
}

/// Appends `00:11:22:33:44:55`: the tools print six bytes, whatever the length.
pub(super) fn hardware_address(bytes: &[u8; 16], out: &mut Out) {
    for (i, byte) in bytes.iter().take(6).enumerate() {
        put!(out, "{}{byte:02x}", if i == 0 { "" } else { ":" });
    }
}
