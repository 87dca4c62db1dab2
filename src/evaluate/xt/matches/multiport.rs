//! `-m multiport`

use super::{Checked, header};
use crate::evaluate::context::Context;
use crate::evaluate::xt::Param;
use crate::sys::xt::matches::Multiport;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Multiport) -> Checked {
    let (_, [a, b, c, d]) = header::<4>(cx, param, m)?;
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let within = |(low, high): (u16, u16), port: u16| low <= port && port <= high;
    let listed = m.ports.ranges().any(|r| match m.side {
        Multiport::SOURCE => within(r, source),
        Multiport::DESTINATION => within(r, destination),
        Multiport::EITHER => within(r, source) || within(r, destination),
        _ => false,
    });
    let met = listed != m.invert;
    if !met {
        let (field, have) = match m.side {
            Multiport::SOURCE => ("--sports", source.to_string()),
            Multiport::DESTINATION => ("--dports", destination.to_string()),
            _ => ("--ports", format!("{source}, {destination}")),
        };
        cx.miss(field, || {
            let list: Vec<String> = m
                .ports
                .ranges()
                .map(|(low, high)| if low == high { low.to_string() } else { format!("{low}:{high}") })
                .collect();
            (Some(format!("{}{}", if m.invert { "! " } else { "" }, list.join(","))), Some(have))
        });
    }
    Ok(met)
}
