//! `-m iprange`, `-m mac`, `-m eui64`

use std::net::IpAddr;

use super::{Checked, known, note};
use crate::evaluate::context::Context;
use crate::evaluate::headers::Network;
use crate::evaluate::nat::address;
use crate::evaluate::xt::Outcome;
use crate::evaluate::xt::link::ethernet;
use crate::sys::xt::matches::{Iprange, Mac};

/// The source or destination address.
pub(super) fn end(cx: &mut Context, source: bool, about: &dyn std::fmt::Debug) -> Result<Option<IpAddr>, Outcome> {
    let (at, n) = match cx.packet.network {
        Network::Ip4 => (12, 4),
        Network::Ip6 => (8, 16),
        _ => return Ok(None),
    };
    let fact = cx.packet.read(if source { at } else { at + n }, n).map(address);
    Ok(known(cx, fact, about)?.flatten())
}

pub(super) fn iprange(cx: &mut Context, m: &Iprange) -> Checked {
    let ends = [
        (true, Iprange::SOURCE, Iprange::INVERT_SOURCE, m.source, "--src-range"),
        (false, Iprange::DESTINATION, Iprange::INVERT_DESTINATION, m.destination, "--dst-range"),
    ];
    for (source, asked, inverted, (min, max), name) in ends {
        if m.flags & asked == 0 {
            continue;
        }
        let Some(have) = end(cx, source, m)? else { return Ok(false) };
        let met = (min <= have && have <= max) != (m.flags & inverted != 0);
        if !met {
            cx.miss(name, || {
                let not = if m.flags & inverted != 0 { "! " } else { "" };
                (Some(format!("{not}{min}-{max}")), Some(have.to_string()))
            });
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn mac(cx: &mut Context, m: &Mac) -> Checked {
    let fact = ethernet(cx);
    let Some(header) = known(cx, fact, m)? else {
        return Ok(note(cx, false, "--mac-source", m.source, "no Ethernet header"));
    };
    let met = (header[6..12] == m.source) != (m.invert != 0);
    if !met {
        let show = |b: &[u8]| b.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":");
        cx.miss("--mac-source", || (Some(show(&m.source)), Some(show(&header[6..12]))));
    }
    Ok(met)
}

pub(super) fn eui64(cx: &mut Context) -> Checked {
    let about = "eui64";
    let fact = ethernet(cx);
    let Some(header) = known(cx, fact, &about)? else { return Ok(false) };
    let fact = cx.packet.array::<8>(16);
    let Some(id) = known(cx, fact, &about)? else { return Ok(false) };
    let [.., a, b, c, d, e, f, high, low] = header;
    let met = (high, low) == (0x86, 0xdd) && id == [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    Ok(note(cx, met, "-m eui64", id, header))
}
