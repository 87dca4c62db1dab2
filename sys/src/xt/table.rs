//! A whole table: its blob, cut into chains and rules.

use serde::Serialize;

use super::entry::{Counters, Entry};
use super::family::{Family, Hook};
use super::payload::RawTarget;
use super::wire::read;
use crate::error::Malformed;
use crate::uapi::netfilter::{NF_ACCEPT, NF_DROP, NF_QUEUE};
use crate::uapi::x_tables::{NF_INET_NUMHOOKS, XT_ERROR_TARGET, XT_RETURN, XT_STANDARD_TARGET};
use crate::{Text, TextRef};

/// The hooks and sizes of a table (`struct ipt_getinfo`, `IPT_SO_GET_INFO`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The table's name.
    pub name: Text,
    /// Bit n is set if hook n has a built-in chain here.
    pub valid_hooks: u32,
    /// Offset of each built-in chain's first entry; meaningful for valid hooks only.
    pub hook_entry: [u32; NF_INET_NUMHOOKS],
    /// Offset of each built-in chain's policy entry.
    pub underflow: [u32; NF_INET_NUMHOOKS],
    /// Entries in the blob, chain heads and policies included.
    pub num_entries: u32,
    /// The blob's size in bytes.
    pub size: u32,
}

/// What a standard target says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The packet goes on to the next hook function.
    Accept,
    /// The packet dies.
    Drop,
    /// The packet goes to user space, queue 0.
    Queue,
    /// Back to the calling chain; in a built-in chain, its policy.
    Return,
    /// A verdict without a name, as the kernel holds it (`-NF_… - 1`).
    Other(i32),
}

impl Verdict {
    /// The verdict of a negative number in `struct xt_standard_target`.
    pub fn from_standard(raw: i32) -> Self {
        match raw {
            XT_RETURN => Self::Return,
            _ => match raw.wrapping_add(1).wrapping_neg() {
                NF_ACCEPT => Self::Accept,
                NF_DROP => Self::Drop,
                NF_QUEUE => Self::Queue,
                _ => Self::Other(raw),
            },
        }
    }

    /// The number in `struct xt_standard_target`.
    pub fn to_standard(self) -> i32 {
        match self {
            Self::Accept => -NF_ACCEPT - 1,
            Self::Drop => -NF_DROP - 1,
            Self::Queue => -NF_QUEUE - 1,
            Self::Return => XT_RETURN,
            Self::Other(raw) => raw,
        }
    }
}

/// What a rule does with a packet it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// A verdict at once.
    Verdict(Verdict),
    /// Into a chain and back behind this rule.
    Jump(TextRef<'a>),
    /// Into a chain and never back.
    Goto(TextRef<'a>),
    /// On to the next rule: a rule without a target.
    Continue,
    /// An extension.
    Target(RawTarget<'a>),
    /// A jump to an offset where no chain begins.
    Nowhere(i32),
}

/// The entries of one table.
#[derive(Debug, Clone)]
pub struct Table {
    family: Family,
    info: Info,
    blob: Vec<u8>,
    /// The offset of every entry, ascending.
    offsets: Vec<u32>,
    spans: Vec<Span>,
}

/// A chain as a range of entries.
#[derive(Debug, Clone)]
struct Span {
    name: Text,
    hook: Option<Hook>,
    /// Index of the first rule.
    first: usize,
    /// Index behind the last rule.
    end: usize,
    /// Index of the entry that ends it: the policy, or a user chain's implicit RETURN.
    last: Option<usize>,
}

impl Table {
    /// Cuts a blob (`IPT_SO_GET_ENTRIES`) into chains. Errors if its entries do not fill it exactly.
    pub fn new(family: Family, info: Info, blob: Vec<u8>) -> Result<Self, Malformed> {
        let mut offsets = Vec::new();
        let mut at = 0;
        while at < blob.len() {
            let entry = Entry::parse(family, blob.get(at..).unwrap_or(&[]))?;
            offsets.push(u32::try_from(at).map_err(|_| Malformed::Length { claimed: at, available: blob.len() })?);
            at += entry.size();
        }
        let mut table = Self { family, info, blob, offsets, spans: Vec::new() };
        table.spans = table.find_chains()?;
        Ok(table)
    }

    /// Whose packets it filters.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Its name.
    pub fn name(&self) -> &Text {
        &self.info.name
    }

    /// Its hooks and sizes.
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The blob.
    pub fn as_bytes(&self) -> &[u8] {
        &self.blob
    }

    /// Does it hold the same rules as another, whatever either has counted?
    pub fn same_rules(&self, other: &Self) -> bool {
        let counters = size_of::<u64>() * 2;
        self.family == other.family
            && self.info.valid_hooks == other.info.valid_hooks
            && self.info.hook_entry == other.info.hook_entry
            && self.info.underflow == other.info.underflow
            && self.offsets == other.offsets
            && self.blob.len() == other.blob.len()
            && self.offsets.iter().enumerate().all(|(i, &at)| {
                let end = self.offsets.get(i + 1).map_or(self.blob.len(), |&n| n as usize);
                let at = at as usize;
                // The counters stand right before the elements, at the end of the fixed part.
                let head = self.entry(i).map_or(0, |e| e.head_size());
                let skip = at + head.saturating_sub(counters);
                let rest = (at + head).min(end);
                self.blob.get(at..skip) == other.blob.get(at..skip)
                    && self.blob.get(rest..end) == other.blob.get(rest..end)
            })
    }

    /// Its chains in the blob's order: built-in ones by hook, then the user's.
    pub fn chains(&self) -> impl ExactSizeIterator<Item = Chain<'_>> {
        self.spans.iter().map(|span| Chain { table: self, span })
    }

    /// The one at that place of [`chains`](Self::chains).
    pub fn nth_chain(&self, n: usize) -> Option<Chain<'_>> {
        self.spans.get(n).map(|span| Chain { table: self, span })
    }

    /// The chain of that name.
    pub fn chain(&self, name: &[u8]) -> Option<Chain<'_>> {
        self.chains().find(|c| c.span.name.as_bytes() == name)
    }

    /// The built-in chain at a hook.
    pub fn chain_at(&self, hook: Hook) -> Option<Chain<'_>> {
        self.chains().find(|c| c.span.hook == Some(hook))
    }

    /// Every entry, chain heads and policies included, with its offset.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Entry<'_>)> {
        (0..self.offsets.len()).filter_map(|i| Some((*self.offsets.get(i)?, self.entry(i)?)))
    }

    fn entry(&self, index: usize) -> Option<Entry<'_>> {
        let offset = usize::try_from(*self.offsets.get(index)?).ok()?;
        Entry::parse(self.family, self.blob.get(offset..)?).ok()
    }

    fn index_of(&self, offset: u32) -> Option<usize> {
        self.offsets.binary_search(&offset).ok()
    }

    /// The chain that begins with that entry: of the user's, which stand in the order of their entries, there may be many.
    fn chain_from(&self, first: usize) -> Option<usize> {
        let (built_in, own) = self.spans.split_at(self.spans.partition_point(|s| s.hook.is_some()));
        let at = || own.binary_search_by_key(&first, |s| s.first).ok().map(|n| built_in.len() + n);
        built_in.iter().position(|s| s.first == first).or_else(at)
    }

    fn find_chains(&self) -> Result<Vec<Span>, Malformed> {
        let mut spans = Vec::new();
        let info = &self.info;
        for (n, (&hook, (&entry, &underflow))) in
            self.family.hooks().iter().zip(info.hook_entry.iter().zip(&info.underflow)).enumerate()
        {
            if info.valid_hooks & (1 << n) == 0 {
                continue;
            }
            let first = self.index_of(entry).ok_or(Malformed::Missing("an entry where a hook begins"))?;
            let last =
                self.index_of(underflow).ok_or(Malformed::Missing("an entry where a hook's policy should be"))?;
            if last < first {
                return Err(Malformed::Missing("the rules between a hook's begin and its policy"));
            }
            let name = hook.chain_name().into();
            spans.push(Span { name, hook: Some(hook), first, end: last, last: Some(last) });
        }
        let heads: Vec<(usize, Text)> =
            (0..self.offsets.len()).filter_map(|i| Some((i, self.entry(i).and_then(|e| chain_head(&e))?))).collect();
        // The last head is not a chain but the end of the table.
        for pair in heads.windows(2) {
            let [(head, name), (next, _)] = pair else { continue };
            let (first, mut end) = (head + 1, *next);
            let last = (first..end).next_back().filter(|&i| self.entry(i).is_some_and(|e| is_plain_return(&e)));
            end = last.unwrap_or(end);
            spans.push(Span { name: name.clone(), hook: None, first, end, last });
        }
        Ok(spans)
    }

    fn action(&self, index: usize, entry: &Entry<'_>, target: RawTarget<'_>) -> Option<Jump> {
        if target.name.as_bytes() != XT_STANDARD_TARGET {
            return None;
        }
        let raw: i32 = read(target.data.0)?;
        let Ok(offset) = u32::try_from(raw) else { return Some(Jump::Verdict(Verdict::from_standard(raw))) };
        let here = usize::try_from(*self.offsets.get(index)?).ok()?;
        if usize::try_from(offset).ok()? == here + entry.size() {
            return Some(Jump::Fallthrough);
        }
        let to = self.index_of(offset).and_then(|first| self.chain_from(first));
        Some(to.map_or(Jump::Nowhere(raw), Jump::Chain))
    }
}

enum Jump {
    Verdict(Verdict),
    Fallthrough,
    Chain(usize),
    Nowhere(i32),
}

/// The name of the user chain that this entry heads.
fn chain_head(entry: &Entry<'_>) -> Option<Text> {
    let target = entry.target().ok()?;
    (target.name.as_bytes() == XT_ERROR_TARGET).then(|| Text::from_c(target.data.0))
}

fn is_plain_return(entry: &Entry<'_>) -> bool {
    entry.is_unconditional()
        && entry.target().is_ok_and(|t| {
            t.name.as_bytes() == XT_STANDARD_TARGET && read::<i32>(t.data.0).is_some_and(|v| v == XT_RETURN)
        })
}

/// A chain of a table.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    table: &'a Table,
    span: &'a Span,
}

impl<'a> Chain<'a> {
    /// Its name.
    pub fn name(&self) -> &'a Text {
        &self.span.name
    }

    /// The hook it is called from; `None` for a user-defined chain.
    pub fn hook(&self) -> Option<Hook> {
        self.span.hook
    }

    /// A built-in chain's policy. A user-defined chain has none.
    pub fn policy(&self) -> Option<Verdict> {
        self.span.hook?;
        let target = self.table.entry(self.span.last?)?.target().ok()?;
        read(target.data.0).map(Verdict::from_standard)
    }

    /// What the policy (or a user chain's implicit RETURN) has counted.
    pub fn counters(&self) -> Counters {
        self.span.last.and_then(|i| self.table.entry(i)).map(|e| e.counters).unwrap_or_default()
    }

    /// The number of its rules, without the policy.
    pub fn len(&self) -> usize {
        self.span.end - self.span.first
    }

    /// Has it no rules?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its rules in order.
    pub fn rules(&self) -> impl Iterator<Item = Rule<'a>> + use<'a> {
        let Self { table, span } = *self;
        (span.first..span.end).filter_map(move |index| {
            let entry = table.entry(index)?;
            Some(Rule { position: index - span.first + 1, table, index, entry })
        })
    }

    /// The rule at a 1-based position, as `iptables -L --line-numbers` and the kernel's TRACE count.
    pub fn rule(&self, position: usize) -> Option<Rule<'a>> {
        let index = self.span.first.checked_add(position.checked_sub(1)?)?;
        let entry = self.table.entry(index).filter(|_| index < self.span.end)?;
        Some(Rule { position, table: self.table, index, entry })
    }
}

/// A rule in its chain.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'a> {
    /// Its 1-based position in its chain.
    pub position: usize,
    /// The entry.
    pub entry: Entry<'a>,
    table: &'a Table,
    index: usize,
}

impl<'a> Rule<'a> {
    /// The family of its table.
    pub fn family(&self) -> Family {
        self.table.family
    }

    /// What it does, with jumps resolved to chain names. Errors if its target is malformed.
    pub fn action(&self) -> Result<Action<'a>, Malformed> {
        let target = self.entry.target()?;
        let Some(jump) = self.table.action(self.index, &self.entry, target) else { return Ok(Action::Target(target)) };
        Ok(match jump {
            Jump::Verdict(verdict) => Action::Verdict(verdict),
            Jump::Fallthrough => Action::Continue,
            Jump::Nowhere(offset) => Action::Nowhere(offset),
            Jump::Chain(i) => match self.table.spans.get(i) {
                Some(span) => {
                    let name = TextRef::new(span.name.as_bytes());
                    if self.entry.selector.is_goto() { Action::Goto(name) } else { Action::Jump(name) }
                }
                None => Action::Target(target),
            },
        })
    }
}
