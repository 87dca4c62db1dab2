//! `log`.

use crate::evaluate::nft::machine::Step;
use crate::evaluate::{Context, Effect, LogTo};
use crate::sys::nft::expr::{Log, LogLevel};

/// `LOGLEVEL_WARNING`, what the kernel takes where none is given.
const WARNING: u32 = 4;

/// `nft_log_eval`
pub fn eval(cx: &mut Context<'_>, e: &Log) -> Step {
    let to = match (e.group, e.level) {
        (Some(group), _) => LogTo::Nflog { group },
        (None, Some(LogLevel::Audit)) => LogTo::Audit,
        (None, level) => LogTo::Syslog { level: level.map_or(WARNING, LogLevel::code) as u8 },
    };
    cx.effects.push(Effect::Log { to, prefix: e.prefix.clone().unwrap_or_default() });
    Step::Go
}
