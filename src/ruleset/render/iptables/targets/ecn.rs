//! `-j ECN`

use nfblame_sys::xt::targets::Ecn;

use super::{Out, put};

pub(super) fn render(t: &Ecn, out: &mut Out) {
    let (ece, cwr) = (t.tcp & 1, t.tcp >> 1 & 1);
    if t.operation == Ecn::SET_ECE | Ecn::SET_CWR && (ece, cwr) == (0, 0) {
        out.str(" --ecn-tcp-remove");
        return;
    }
    if t.operation & Ecn::SET_ECE != 0 {
        put!(out, " --ecn-tcp-ece {ece}");
    }
    if t.operation & Ecn::SET_CWR != 0 {
        put!(out, " --ecn-tcp-cwr {cwr}");
    }
    if t.operation & Ecn::SET_IP != 0 {
        put!(out, " --ecn-ip-ect {}", t.ip);
    }
}
