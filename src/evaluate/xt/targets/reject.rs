//! `-j REJECT`

use crate::evaluate::context::Context;
use crate::evaluate::decision::{Decision, RejectWith};
use crate::evaluate::reject;
use crate::ruleset::render::iptables::targets::reject_name;
use crate::sys::xt::targets::Reject;

pub(super) fn run(cx: &mut Context, t: &Reject) -> Decision {
    match reject_name(t) {
        Some("tcp-reset") => reject::decide(cx, RejectWith::TcpReset),
        Some(name) => reject::decide(cx, RejectWith::Icmp(name.into())),
        // Echo replies are answered with nothing; what is unknown to the kernel too.
        None => Decision::Drop,
    }
}
