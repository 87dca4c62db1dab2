//! `-j LED`

use nfblame_sys::xt::targets::Led;

use super::{Out, put};

pub(super) fn render(t: &Led<'_>, out: &mut Out) {
    let id = t.id.as_bytes();
    out.str(" --led-trigger-id \"");
    for &byte in id.strip_prefix(b"netfilter-").unwrap_or(id) {
        if matches!(byte, b'"' | b'\\') {
            out.str("\\");
        }
        out.bytes(&[byte]);
    }
    out.str("\"");
    match i32::from_ne_bytes(t.delay.to_ne_bytes()) {
        0 => {}
        -1 => out.str(" --led-delay inf"),
        delay if delay > 0 => put!(out, " --led-delay {delay}"),
        delay => out.unknown(format_args!("led delay {delay}")),
    }
    if t.always_blink {
        out.str(" --led-always-blink");
    }
}
