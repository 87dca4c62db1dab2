//! Rules of iptables-nft and its kin: conditions and verdicts that became nft's own expressions are told in iptables'
//! words again, as `iptables-nft-save` does.

mod meta;
mod network;
mod ports;
mod register;
mod table;
mod transport;

use nfblame_sys::nft::expr::{Expr, Log, LogFlags, MetaKey, MetaSet};
use nfblame_sys::nft::{self, Data, Verdict};
use nfblame_sys::xt::matches::decode;
use nfblame_sys::xt::targets::Nflog;
use nfblame_sys::xt::{Counters, Family, Match, Selector, Target, targets};
use nfblame_sys::{Text, TextRef};

use super::line::{self, Jump, Rendered};
use super::{Context, Names, Out, arp};
use ports::Ports;
use register::{Registers, Source};

pub use table::{CompatLines, compat_table, compat_table_of_texts, table_order};

/// A rule as `-A CHAIN …`, with `[packets:bytes] ` before it if asked for.
///
/// What has no place in an iptables rule stands in brackets, and the line is not complete.
pub fn compat_rule(rule: &nft::Rule, with_counters: bool, names: &dyn Names) -> Rendered {
    let mut out = Out::new();
    append_rule(rule, with_counters, names, &mut out);
    Rendered::new(out)
}

fn append_rule(rule: &nft::Rule, with_counters: bool, names: &dyn Names, out: &mut Out) {
    let family = Family::from_nfproto(rule.family.code()).filter(|f| *f != Family::Bridge);
    let parsed = Parsed::new(rule, family.unwrap_or(Family::Ip));
    if with_counters {
        line::counters(parsed.counters, out);
    }
    out.str("-A ");
    out.bytes(rule.chain.as_bytes());
    let cx = Context::new(parsed.family, names);
    let matches: Vec<Match<'_>> = parsed.matches.iter().map(|m| m.decode(parsed.family)).collect();
    match &parsed.selector {
        Selector::Arp(s) => {
            arp::nft(s, &parsed.jump, &cx, out);
            if !matches.is_empty() {
                out.unknown(format_args!("matches of an ARP rule: {matches:?}"));
            }
        }
        s => line::body(s, matches, &parsed.jump, &cx, out),
    }
    if family.is_none() {
        out.unknown(format_args!("family {}", rule.family));
    }
    for strange in &parsed.strange {
        out.unknown(format_args!("{strange}"));
    }
}

/// A rule in iptables' terms.
struct Parsed<'r> {
    family: Family,
    selector: Selector,
    matches: Vec<RuleMatch<'r>>,
    /// The rule's one match on ports, and its place among the others.
    ports: Option<(usize, Ports)>,
    jump: Jump<'r>,
    counters: Counters,
    registers: Registers<'r>,
    /// What iptables has no words for.
    strange: Vec<String>,
}

/// A match as it stands in the rule, or as it is made from nft's own expressions.
enum RuleMatch<'r> {
    Known(Match<'r>),
    Made { name: &'static [u8], revision: u8, data: Vec<u8> },
}

impl RuleMatch<'_> {
    fn decode(&self, family: Family) -> Match<'_> {
        match self {
            Self::Known(m) => *m,
            Self::Made { name, revision, data } => decode(family, name, *revision, data),
        }
    }
}

impl<'r> Parsed<'r> {
    fn new(rule: &'r nft::Rule, family: Family) -> Self {
        let mut this = Self {
            family,
            selector: Selector::any(family),
            matches: Vec::new(),
            ports: None,
            jump: Jump::None,
            counters: Counters::default(),
            registers: Registers::default(),
            strange: Vec::new(),
        };
        for expr in &rule.exprs {
            if this.read(expr).is_none() {
                this.strange.push(format!("nft {expr:?}"));
            }
        }
        for attr in &rule.unread {
            this.strange.push(format!("nft {attr:?}"));
        }
        if let Some(comment) = rule.comment() {
            let mut data = comment.as_bytes().to_vec();
            data.push(0);
            this.matches.push(RuleMatch::Made { name: b"comment", revision: 0, data });
        }
        if let Some((at, ports)) = this.ports {
            let made = RuleMatch::Made { name: ports.name(), revision: 0, data: ports.to_bytes().to_vec() };
            this.matches.insert(at.min(this.matches.len()), made);
        }
        this
    }

    /// Takes one expression in; `None` if it has no place in an iptables rule.
    fn read(&mut self, expr: &'r Expr) -> Option<()> {
        match expr {
            Expr::Counter(c) => self.counters = Counters { packets: c.packets, bytes: c.bytes },
            Expr::Payload(p) => self.registers.load(p.dreg, Source::Payload(*p)),
            Expr::Meta(m) => self.registers.load(m.dreg, Source::Meta(m.key)),
            Expr::Bitwise(b) => self.registers.mask(b)?,
            Expr::Cmp(cmp) => self.compare(cmp)?,
            Expr::Range(range) => self.port_range(range)?,
            Expr::Immediate(i) => match &i.value {
                nft::Value::Data(data) => self.registers.load(i.dreg, Source::Immediate(data)),
                nft::Value::Verdict(verdict) => self.verdict(verdict)?,
            },
            Expr::MetaSet(set) => self.trace(set)?,
            Expr::Limit(limit) => self.limit(limit)?,
            Expr::Log(log) => self.log(log)?,
            Expr::Match(blob) => {
                let known = decode(self.family, blob.name.as_bytes(), blob.revision, &blob.data);
                self.matches.push(RuleMatch::Known(known));
            }
            Expr::Target(blob) => {
                let target = targets::decode(self.family, blob.name.as_bytes(), blob.revision, &blob.data);
                self.jump(Jump::Target(target))?;
            }
            _ => return None,
        }
        Some(())
    }

    /// A rule of iptables does one thing.
    fn jump(&mut self, jump: Jump<'r>) -> Option<()> {
        if self.jump != Jump::None {
            return None;
        }
        self.jump = jump;
        Some(())
    }

    fn verdict(&mut self, verdict: &'r Verdict) -> Option<()> {
        let name = |chain: &'r Text| TextRef::new(chain.as_bytes());
        self.jump(match verdict {
            Verdict::Accept => Jump::Jump(TextRef::new(b"ACCEPT")),
            Verdict::Drop => Jump::Jump(TextRef::new(b"DROP")),
            Verdict::Return => Jump::Jump(TextRef::new(b"RETURN")),
            Verdict::Jump(chain) => Jump::Jump(name(chain)),
            Verdict::Goto(chain) => Jump::Goto(name(chain)),
            _ => return None,
        })
    }

    /// `-j TRACE`
    fn trace(&mut self, set: &MetaSet) -> Option<()> {
        let on = match self.registers.get(set.sreg)?.source {
            Source::Immediate(data) => data.first().is_some_and(|&b| b != 0),
            _ => false,
        };
        if set.key != MetaKey::Nftrace || !on {
            return None;
        }
        self.jump(Jump::Target(Target::Trace))
    }

    /// `-j NFLOG`: without a group it would be syslog, which iptables-nft leaves to its LOG target.
    fn log(&mut self, log: &'r Log) -> Option<()> {
        let Log { group: Some(group), prefix, snaplen, qthreshold, level: None, flags } = log else { return None };
        if *flags != LogFlags::empty() {
            return None;
        }
        let prefix = prefix.as_ref().map(|p| TextRef::new(p.as_bytes())).unwrap_or_default();
        self.jump(Jump::Target(Target::Nflog(Nflog {
            len: snaplen.unwrap_or(0),
            group: *group,
            threshold: qthreshold.unwrap_or(0),
            flags: if snaplen.is_some() { Nflog::COPY_LEN } else { 0 },
            prefix,
        })))
    }
}

/// The first `N` bytes, zeros behind what is there; `None` if there is more.
fn padded<const N: usize>(data: &Data) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    bytes.get_mut(..data.len())?.copy_from_slice(data);
    Some(bytes)
}
