//! Tables under construction.

use std::collections::HashMap;

use zerocopy::IntoBytes;

use super::entry::Counters;
use super::family::{Family, Hook};
use super::selector::Selector;
use super::table::{Action, Info, Table, Verdict};
use super::wire::{ArptEntry, Ip6tEntry, IptEntry, XtHeader};
use crate::Text;
use crate::error::Malformed;
use crate::uapi::x_tables::{
    IP6T_F_GOTO, IPT_F_GOTO, NF_INET_NUMHOOKS, XT_ERROR_TARGET, XT_EXTENSION_MAXNAMELEN, XT_FUNCTION_MAXNAMELEN,
    XT_STANDARD_TARGET, XT_TABLE_MAXNAMELEN,
};

/// A table that can be changed, to be turned into the kernel's form by [`build`](Self::build).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Whose packets it filters.
    pub family: Family,
    /// Its name, at most 31 bytes.
    pub name: Text,
    /// Its chains: the built-in ones must be those the kernel's table has.
    pub chains: Vec<DraftChain>,
}

/// A chain of a [`Draft`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftChain {
    /// Its name, at most 29 bytes.
    pub name: Text,
    /// The hook and policy of a built-in chain; `None` for a user-defined one.
    pub base: Option<(Hook, Verdict)>,
    /// Its rules in order.
    pub rules: Vec<DraftRule>,
}

/// A rule of a [`Draft`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftRule {
    /// The built-in conditions. The goto flag is set by the target.
    pub selector: Selector,
    /// Its matches in order.
    pub matches: Vec<Extension>,
    /// What it does.
    pub target: DraftTarget,
}

/// A match or target with its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name, at most 28 bytes.
    pub name: Text,
    /// The payload's revision.
    pub revision: u8,
    /// The payload; padded to eight bytes when it is written.
    pub data: Vec<u8>,
}

impl Extension {
    /// An extension of that name and payload.
    pub fn new(name: &str, revision: u8, data: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), revision, data: data.into() }
    }
}

/// What a rule of a [`Draft`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftTarget {
    /// A verdict at once.
    Verdict(Verdict),
    /// Into a user chain and back.
    Jump(Text),
    /// Into a user chain for good.
    Goto(Text),
    /// On to the next rule.
    Continue,
    /// An extension.
    Extension(Extension),
}

impl DraftRule {
    /// A rule that does this to every packet.
    pub fn new(family: Family, target: DraftTarget) -> Self {
        Self { selector: Selector::any(family), matches: Vec::new(), target }
    }
}

impl Draft {
    /// An empty table with the built-in chains that the kernel's has ([`Legacy::instantiate`](super::Legacy::instantiate)),
    /// all with policy ACCEPT.
    pub fn new(family: Family, info: &Info) -> Self {
        let valid = |n: usize| info.valid_hooks & (1 << n) != 0;
        let chains = family.hooks().iter().enumerate().filter(|(n, _)| valid(*n)).map(|(_, &hook)| DraftChain {
            name: hook.chain_name().into(),
            base: Some((hook, Verdict::Accept)),
            rules: Vec::new(),
        });
        Self { family, name: info.name.clone(), chains: chains.collect() }
    }

    /// The chain of that name, made if it is not there.
    pub fn chain(&mut self, name: &str) -> &mut DraftChain {
        let index = self.chains.iter().position(|c| c.name == name).unwrap_or_else(|| {
            self.chains.push(DraftChain { name: name.into(), base: None, rules: Vec::new() });
            self.chains.len() - 1
        });
        &mut self.chains[index]
    }

    /// Lays the table out as the kernel wants it.
    ///
    /// # Errors
    /// If a jump leads to no chain, a name does not fit its field, or the whole does not fit its offsets.
    pub fn build(&self) -> Result<Table, Malformed> {
        fits(&self.name, XT_TABLE_MAXNAMELEN)?;
        let mut chains: Vec<&DraftChain> = self.chains.iter().collect();
        let hooks = self.family.hooks();
        let hook_number = |hook: Hook| hooks.iter().position(|&h| h == hook);
        chains.sort_by_key(|c| match c.base {
            Some((hook, _)) => (0, hook_number(hook)),
            None => (1, None),
        });
        let starts = self.starts(&chains)?;
        let mut info = Info {
            name: self.name.clone(),
            valid_hooks: 0,
            hook_entry: [u32::MAX; NF_INET_NUMHOOKS],
            underflow: [u32::MAX; NF_INET_NUMHOOKS],
            num_entries: 0,
            size: 0,
        };
        let mut blob = Vec::new();
        for chain in chains {
            fits(&chain.name, XT_FUNCTION_MAXNAMELEN)?;
            let hook = match chain.base {
                Some((hook, _)) => Some(hook_number(hook).ok_or(Malformed::Missing("a hook of that family"))?),
                None => {
                    self.push_error(&chain.name, &mut blob)?;
                    info.num_entries += 1;
                    None
                }
            };
            if let Some(slot) = hook.and_then(|n| info.hook_entry.get_mut(n)) {
                *slot = offset(blob.len())?;
            }
            for rule in &chain.rules {
                self.push_rule(rule, &starts, &mut blob)?;
                info.num_entries += 1;
            }
            if let Some((n, slot)) = hook.and_then(|n| Some((n, info.underflow.get_mut(n)?))) {
                *slot = offset(blob.len())?;
                info.valid_hooks |= 1 << n;
            }
            let last = chain.base.map_or(Verdict::Return, |(_, policy)| policy);
            self.push_rule(&DraftRule::new(self.family, DraftTarget::Verdict(last)), &starts, &mut blob)?;
            info.num_entries += 1;
        }
        self.push_error(&"ERROR".into(), &mut blob)?;
        info.num_entries += 1;
        info.size = offset(blob.len())?;
        Table::new(self.family, info, blob)
    }

    /// The offset of each user chain's first rule.
    fn starts(&self, chains: &[&DraftChain]) -> Result<HashMap<Text, usize>, Malformed> {
        let mut at = 0;
        let mut starts = HashMap::new();
        let head = self.head();
        let verdict = head + size_of::<XtHeader>() + align(size_of::<i32>());
        for chain in chains {
            if chain.base.is_none() {
                at += head + size_of::<XtHeader>() + align(XT_FUNCTION_MAXNAMELEN);
                if starts.insert(chain.name.clone(), at).is_some() {
                    return Err(Malformed::Missing("a name of its own for each chain"));
                }
            }
            for rule in &chain.rules {
                let payload = |e: &Extension| size_of::<XtHeader>() + align(e.data.len());
                at += rule.matches.iter().map(payload).sum::<usize>();
                at += match &rule.target {
                    DraftTarget::Extension(e) => head + payload(e),
                    _ => verdict,
                };
            }
            at += verdict;
        }
        Ok(starts)
    }

    fn head(&self) -> usize {
        match self.family {
            Family::Ip | Family::Bridge => size_of::<IptEntry>(),
            Family::Ip6 => size_of::<Ip6tEntry>(),
            Family::Arp => size_of::<ArptEntry>(),
        }
    }

    fn push_error(&self, name: &Text, blob: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut data = name.as_bytes().to_vec();
        data.resize(XT_FUNCTION_MAXNAMELEN, 0);
        let target = payload(XT_ERROR_TARGET, 0, &data)?;
        self.push_entry(&Selector::any(self.family), &[], &target, blob)
    }

    fn push_rule(&self, rule: &DraftRule, starts: &HashMap<Text, usize>, blob: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut selector = rule.selector;
        let mut matches = Vec::new();
        for m in &rule.matches {
            matches.extend(payload(m.name.as_bytes(), m.revision, &m.data)?);
        }
        let start = |chain: &Text| {
            let at = starts.get(chain).ok_or(Malformed::Missing("the chain that a rule jumps to"))?;
            i32::try_from(*at).map_err(|_| Malformed::Length { claimed: *at, available: i32::MAX as usize })
        };
        let standard = |verdict: i32| payload(XT_STANDARD_TARGET, 0, &verdict.to_ne_bytes());
        let target = match &rule.target {
            DraftTarget::Verdict(verdict) => standard(verdict.to_standard())?,
            DraftTarget::Jump(chain) => standard(start(chain)?)?,
            DraftTarget::Goto(chain) => {
                match &mut selector {
                    Selector::Ip(s) => s.flags |= IPT_F_GOTO,
                    Selector::Ip6(s) => s.flags |= IP6T_F_GOTO,
                    Selector::Arp(_) => return Err(Malformed::Missing("a goto in the arp family")),
                }
                standard(start(chain)?)?
            }
            DraftTarget::Continue => {
                let next = blob.len() + self.head() + matches.len() + size_of::<XtHeader>() + align(size_of::<i32>());
                let next = i32::try_from(next)
                    .map_err(|_| Malformed::Length { claimed: next, available: i32::MAX as usize })?;
                standard(next)?
            }
            DraftTarget::Extension(e) => payload(e.name.as_bytes(), e.revision, &e.data)?,
        };
        self.push_entry(&selector, &matches, &target, blob)
    }

    fn push_entry(
        &self,
        selector: &Selector,
        matches: &[u8],
        target: &[u8],
        blob: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        let to_target = self.head() + matches.len();
        let whole = to_target + target.len();
        let too_long = Malformed::Length { claimed: whole, available: usize::from(u16::MAX) };
        let target_offset = u16::try_from(to_target).map_err(|_| too_long)?;
        let next_offset = u16::try_from(whole).map_err(|_| too_long)?;
        let Counters { packets: pcnt, bytes: bcnt } = Counters::default();
        let (nfcache, comefrom, pad) = (0, 0, [0; 4]);
        match (self.family, selector) {
            (Family::Ip, Selector::Ip(s)) => {
                let entry = IptEntry { ip: s.into(), nfcache, target_offset, next_offset, comefrom, pcnt, bcnt };
                blob.extend_from_slice(entry.as_bytes());
            }
            (Family::Ip6, Selector::Ip6(s)) => {
                let ipv6 = s.into();
                let entry = Ip6tEntry { ipv6, nfcache, target_offset, next_offset, comefrom, pad, pcnt, bcnt };
                blob.extend_from_slice(entry.as_bytes());
            }
            (Family::Arp, Selector::Arp(s)) => {
                let entry = ArptEntry { arp: s.into(), target_offset, next_offset, comefrom, pad, pcnt, bcnt };
                blob.extend_from_slice(entry.as_bytes());
            }
            _ => return Err(Malformed::Missing("conditions of the table's own family")),
        }
        blob.extend_from_slice(matches);
        blob.extend_from_slice(target);
        Ok(())
    }
}

impl TryFrom<&Table> for Draft {
    type Error = Malformed;

    /// The table as it is, counters aside.
    fn try_from(table: &Table) -> Result<Self, Malformed> {
        let mut draft = Self { family: table.family(), name: table.name().clone(), chains: Vec::new() };
        for chain in table.chains() {
            let base = chain.hook().map(|hook| (hook, chain.policy().unwrap_or(Verdict::Accept)));
            let mut rules = Vec::with_capacity(chain.len());
            for rule in chain.rules() {
                let own = |name: crate::TextRef<'_>, revision, data: super::Bytes<'_>| Extension {
                    name: name.to_text(),
                    revision,
                    data: data.0.to_vec(),
                };
                let mut matches = Vec::new();
                for m in rule.entry.matches() {
                    let m = m?;
                    matches.push(own(m.name, m.revision, m.data));
                }
                let target = match rule.action()? {
                    Action::Verdict(verdict) => DraftTarget::Verdict(verdict),
                    Action::Jump(chain) => DraftTarget::Jump(chain.to_text()),
                    Action::Goto(chain) => DraftTarget::Goto(chain.to_text()),
                    Action::Continue => DraftTarget::Continue,
                    Action::Nowhere(_) => return Err(Malformed::Missing("the chain that a rule jumps to")),
                    Action::Target(t) => DraftTarget::Extension(own(t.name, t.revision, t.data)),
                };
                rules.push(DraftRule { selector: rule.entry.selector, matches, target });
            }
            draft.chains.push(DraftChain { name: chain.name().clone(), base, rules });
        }
        Ok(draft)
    }
}

/// `XT_ALIGN`
const fn align(size: usize) -> usize {
    (size + 7) & !7
}

fn offset(at: usize) -> Result<u32, Malformed> {
    u32::try_from(at).map_err(|_| Malformed::Length { claimed: at, available: u32::MAX as usize })
}

/// Does a name fit its field, with the NUL?
fn fits(name: &Text, field: usize) -> Result<(), Malformed> {
    if name.len() < field { Ok(()) } else { Err(Malformed::Length { claimed: name.len(), available: field - 1 }) }
}

/// A match or target with its header, padded.
fn payload(name: &[u8], revision: u8, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    fits(&Text::new(name), XT_EXTENSION_MAXNAMELEN)?;
    let whole = size_of::<XtHeader>() + align(data.len());
    let size =
        u16::try_from(whole).map_err(|_| Malformed::Length { claimed: whole, available: usize::from(u16::MAX) })?;
    let mut header = XtHeader { size, name: [0; XT_EXTENSION_MAXNAMELEN], revision };
    header.name.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(data);
    bytes.resize(whole, 0);
    Ok(bytes)
}
