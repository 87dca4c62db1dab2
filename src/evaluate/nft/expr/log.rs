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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::evaluate::nft::testing::*;
    use crate::sys::nft::expr::LogFlags;

    #[test]
    fn a_log_is_noted_with_where_it_goes() {
        let log = |group, level| Log {
            group,
            prefix: Some("x: ".into()),
            snaplen: None,
            qthreshold: None,
            level,
            flags: LogFlags::empty(),
        };
        let noted = plain(ip4(17, &[0; 8]), |cx, _| {
            for e in
                [log(Some(5), None), log(None, None), log(None, Some(LogLevel::Audit)), log(None, Some(LogLevel::Info))]
            {
                assert_eq!(eval(cx, &e), Step::Go);
            }
            cx.effects.clone()
        });
        let to: Vec<LogTo> =
            noted.iter().filter_map(|e| if let Effect::Log { to, .. } = e { Some(*to) } else { None }).collect();
        assert_eq!(
            to,
            [LogTo::Nflog { group: 5 }, LogTo::Syslog { level: 4 }, LogTo::Audit, LogTo::Syslog { level: 6 }]
        );
        assert!(matches!(&noted[0], Effect::Log { prefix, .. } if *prefix == "x: "));
    }
}
