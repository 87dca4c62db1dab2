//! `-m rateest`

use nfblame_sys::xt::matches::Rateest;

use super::{Out, put};

pub(super) fn render(m: &Rateest<'_>, out: &mut Out) {
    if m.flags & Rateest::DELTA != 0 {
        out.str(" --rateest-delta");
    }
    let relative = m.flags & Rateest::RELATIVE != 0;
    out.str(if relative { " --rateest1 " } else { " --rateest " });
    out.bytes(m.first.as_bytes());
    if m.flags & Rateest::BPS != 0 {
        rates(m, "bps", bits(m.bps1), bits(m.bps2), out);
    }
    if m.flags & Rateest::PPS != 0 {
        rates(m, "pps", m.pps1.to_string(), m.pps2.to_string(), out);
    }
    if relative {
        out.str(" --rateest2 ");
        out.bytes(m.second.as_bytes());
    }
}

fn rates(m: &Rateest<'_>, unit: &str, first: String, second: String, out: &mut Out) {
    let delta = m.flags & Rateest::DELTA != 0;
    if delta {
        put!(out, " --rateest-{unit}1 {first}");
    }
    out.not(m.flags & Rateest::INVERT != 0);
    out.str(match m.mode {
        Rateest::EQUAL => " --rateest-eq",
        Rateest::LESS => " --rateest-lt",
        Rateest::GREATER => " --rateest-gt",
        other => return out.unknown(format_args!("mode {other}")),
    });
    put!(out, " --rateest-{unit}{}", if delta { "2" } else { "" });
    if delta || m.flags & Rateest::ABSOLUTE != 0 {
        put!(out, " {second}");
    }
}

/// Bytes per second in bits, rounded as the tool rounds them.
fn bits(rate: u32) -> String {
    let bits = f64::from(rate) * 8.0;
    if bits >= 1e9 {
        format!("{:.0}Mbit", bits / 1e6)
    } else if bits >= 1e6 {
        format!("{:.0}Kbit", bits / 1e3)
    } else {
        format!("{bits:.0}bit")
    }
}
