//! `-m string`

use nfblame_sys::xt::matches::StringMatch;

use super::{Out, put};

pub(super) fn render(m: &StringMatch<'_>, out: &mut Out) {
    let pattern = m.pattern.0;
    let printable = pattern.iter().all(|b| matches!(b, b' '..=b'~')) && pattern.last() != Some(&b'\\');
    out.not(m.flags & StringMatch::INVERT != 0);
    if printable {
        out.str(" --string \"");
        for b in pattern {
            if matches!(b, b'"' | b'\\') {
                out.str("\\");
            }
            out.bytes(&[*b]);
        }
        out.str("\"");
    } else {
        out.str(" --hex-string \"|");
        for b in pattern {
            put!(out, "{b:02x}");
        }
        out.str("|\"");
    }
    out.str(" --algo ");
    out.bytes(m.algorithm.as_bytes());
    if m.from != 0 {
        put!(out, " --from {}", m.from);
    }
    if m.to != u16::MAX {
        put!(out, " --to {}", m.to);
    }
    if m.flags & StringMatch::IGNORE_CASE != 0 {
        out.str(" --icase");
    }
}
