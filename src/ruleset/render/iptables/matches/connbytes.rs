//! `-m connbytes`

use nfblame_sys::xt::matches::Connbytes;

use super::{Out, put};

pub(super) fn render(m: &Connbytes, out: &mut Out) {
    let inverted = m.from > m.to;
    let (from, to) = if inverted { (m.to, m.from) } else { (m.from, m.to) };
    out.not(inverted);
    put!(out, " --connbytes {from}");
    if to != 0 && to < u64::MAX {
        put!(out, ":{to}");
    }
    out.str(" --connbytes-mode");
    match m.what {
        Connbytes::PACKETS => out.str(" packets"),
        Connbytes::BYTES => out.str(" bytes"),
        Connbytes::AVERAGE => out.str(" avgpkt"),
        other => out.unknown(format_args!("mode {other}")),
    }
    out.str(" --connbytes-dir");
    match m.direction {
        Connbytes::ORIGINAL => out.str(" original"),
        Connbytes::REPLY => out.str(" reply"),
        Connbytes::BOTH => out.str(" both"),
        other => out.unknown(format_args!("direction {other}")),
    }
}
