//! `-j LOG`

use nfblame_sys::xt::targets::Log;

use super::{Out, put};

/// `LOG_WARNING`, which goes without saying.
const DEFAULT_LEVEL: u8 = 4;

pub(super) fn render(t: &Log<'_>, out: &mut Out) {
    if !t.prefix.is_empty() {
        out.str(" --log-prefix");
        out.string(t.prefix.as_bytes());
    }
    if t.level != DEFAULT_LEVEL {
        put!(out, " --log-level {}", t.level);
    }
    for (flag, option) in [
        (Log::TCP_SEQUENCE, " --log-tcp-sequence"),
        (Log::TCP_OPTIONS, " --log-tcp-options"),
        (Log::IP_OPTIONS, " --log-ip-options"),
        (Log::UID, " --log-uid"),
        (Log::MAC_DECODE, " --log-macdecode"),
    ] {
        if t.flags & flag != 0 {
            out.str(option);
        }
    }
}
