//! `-m state`

use nfblame_sys::xt::matches::{Conntrack, State};

use super::{Out, conntrack};

pub(super) fn render(m: &State, out: &mut Out) {
    // Of this match, untracked has the bit that means SNAT in the other.
    let tracked = m.states as u16 & 0xf;
    let untracked = if m.states & State::UNTRACKED != 0 { Conntrack::STATE_UNTRACKED } else { 0 };
    out.str(" --state ");
    conntrack::states(tracked | untracked, out);
}
