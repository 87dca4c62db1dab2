//! `-m ttl` and `-m hl`

use nfblame_sys::xt::matches::Ttl;

use super::{Out, put};

/// `name` is `ttl` or `hl`.
pub(super) fn render(name: &str, m: &Ttl, out: &mut Out) {
    match m.mode {
        Ttl::EQUAL => put!(out, " --{name}-eq {}", m.value),
        Ttl::NOT_EQUAL => put!(out, " ! --{name}-eq {}", m.value),
        Ttl::LESS => put!(out, " --{name}-lt {}", m.value),
        Ttl::GREATER => put!(out, " --{name}-gt {}", m.value),
        other => out.unknown(format_args!("mode {other} {}", m.value)),
    }
}
