//! `-m realm`

use nfblame_sys::xt::matches::Realm;

use super::{Out, label};
use crate::ruleset::render::labels;

pub(super) fn render(m: &Realm, out: &mut Out) {
    out.not(m.invert != 0);
    out.str(" --realm");
    label(m.realm, m.mask, labels::realm, out);
}
