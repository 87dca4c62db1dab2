//! `-m udp`

use super::{Checked, header, range};
use crate::evaluate::context::Context;
use crate::evaluate::xt::Param;
use crate::sys::xt::matches::Udp;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Udp) -> Checked {
    let (_, [a, b, c, d, ..]) = header::<8>(cx, param, m)?;
    let inverted = |bit: u8| m.invert & bit != 0;
    let (source, destination) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    Ok(range(cx, "--sport", source, m.source.into(), inverted(Udp::INVERT_SOURCE))
        && range(cx, "--dport", destination, m.destination.into(), inverted(Udp::INVERT_DESTINATION)))
}
