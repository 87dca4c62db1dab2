//! Targets that tell somebody and go on: LOG, NFLOG, AUDIT, TRACE, TEE.

use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::effect::{Effect, LogTo};
use crate::sys::Text;
use crate::sys::xt::targets::{Log, Nflog, Tee};

pub(super) fn syslog(cx: &mut Context, t: &Log<'_>) -> Decision {
    cx.effects.push(Effect::Log { to: LogTo::Syslog { level: t.level }, prefix: t.prefix.to_text() });
    Decision::Next
}

pub(super) fn nflog(cx: &mut Context, t: &Nflog<'_>) -> Decision {
    cx.effects.push(Effect::Log { to: LogTo::Nflog { group: t.group }, prefix: t.prefix.to_text() });
    Decision::Next
}

pub(super) fn audit(cx: &mut Context) -> Decision {
    cx.effects.push(Effect::Log { to: LogTo::Audit, prefix: Text::default() });
    Decision::Next
}

pub(super) fn trace(cx: &mut Context) -> Decision {
    cx.effects.push(Effect::Trace);
    Decision::Next
}

pub(super) fn tee(cx: &mut Context, t: &Tee<'_>) -> Decision {
    let device = Some(t.oif.to_text()).filter(|d| !d.is_empty());
    cx.effects.push(Effect::Copy { gateway: Some(t.gateway), device });
    Decision::Next
}
