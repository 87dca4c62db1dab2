//! All that can be told of a packet that went another way: it may not do so again.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use nfblame_sys::ct::{Conntrack, Filter};

use crate::compare::Answer;
use crate::lab::Lab;
use crate::world::Seen;

/// What was said of a packet, and what became of it.
pub struct Record {
    /// Both, where they differ.
    pub why: String,
    /// The rest: what was explained, what the kernel told of any packet meanwhile, the state of the host.
    rest: String,
}

impl Record {
    /// Now. `times`, since the question: it was answered, the packet was sent, this was given up.
    pub fn take(lab: &Lab, why: String, answer: &Answer, seen: &Seen, times: [Duration; 3]) -> Self {
        let mut rest = format!("## after: {times:?}\n## explained\n{}\n", answer.json());
        let mut tell = |what: &str, lines: &dyn Fn(&mut String)| {
            let _ = writeln!(rest, "## {what}");
            lines(&mut rest);
        };
        tell("traces of nf_tables", &|s| seen.all.traces.iter().for_each(|t| *s += &format!("{t:?}\n")));
        tell("logged, traces of legacy tables among it", &|s| {
            seen.all.logged.iter().for_each(|l| *s += &format!("{l}\n"))
        });
        tell("frames that left", &|s| {
            seen.all.frames.iter().for_each(|(device, frame)| *s += &format!("{device}: {}\n", hex(frame)));
        });
        tell("a socket got", &|s| seen.all.taken.iter().for_each(|b| *s += &format!("{}\n", hex(b))));
        tell("changes of connections", &|s| seen.all.connections.iter().for_each(|c| *s += &format!("{c}\n")));
        tell("connections now", &|s| {
            let dumped = Conntrack::open().and_then(|mut c| c.dump(&Filter::any(), |f| *s += &format!("{f:?}\n")));
            if let Err(e) = dumped {
                *s += &format!("{e}\n");
            }
        });
        for (program, args) in [
            ("nft", &["-a", "list", "ruleset"][..]),
            ("iptables-legacy-save", &["-c"]),
            ("ip6tables-legacy-save", &["-c"]),
            ("ip", &["-s", "-4", "route", "show", "cache"]),
            ("ip", &["-s", "-6", "route", "show", "cache"]),
            ("ip", &["neighbour"]),
            ("nstat", &["-asz"]),
        ] {
            if crate::common::find_program(program).is_some() {
                let out = lab.host.ns.try_cmd(program, args, "");
                tell(&format!("{program} {}", args.join(" ")), &|s| *s += &String::from_utf8_lossy(&out.stdout));
            }
        }
        Self { why, rest }
    }

    /// Writes it down. `before`: the rounds that led there.
    pub fn save(&self, name: &str, before: &str) -> PathBuf {
        let to = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("differential");
        std::fs::create_dir_all(&to).unwrap();
        let file = to.join(format!("{name}.txt"));
        std::fs::write(&file, format!("{}\n{}{before}", self.why, self.rest)).unwrap();
        file
    }
}

pub fn hex(b: &[u8]) -> String {
    b.iter().map(|b| format!("{b:02x}")).collect()
}
