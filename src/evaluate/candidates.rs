//! Which rules of a long chain can match a packet at all. Every rule is filed under its most telling condition, so that
//! a packet finds the rules that ask for what it is, and those that ask for nothing of the kind, without trying the rest.

mod ranges;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use ranges::Ranges;

/// Chains shorter than this are tried rule by rule.
pub const WORTHWHILE: usize = 16;
/// Fewer rules than this are not worth a look-up of their own.
const MIN_GROUP: usize = 4;

/// Something of a packet that rules ask for, by a number that means it to whoever files the rules.
pub type Field = u16;

/// What a condition wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The field, under the mask, is one of these values, which are masked, too.
    OneOf {
        /// The mask.
        mask: u128,
        /// The values.
        values: SmallVec<[u128; 1]>,
    },
    /// The field is a number from the first to the last.
    Between(u128, u128),
}

/// A condition that a rule cannot match without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What is looked at.
    pub field: Field,
    /// What it has to be.
    pub wanted: Wanted,
}

impl Key {
    /// One value.
    pub fn new(field: Field, mask: u128, value: u128) -> Self {
        Self { field, wanted: Wanted::OneOf { mask, values: SmallVec::from_slice(&[value]) } }
    }

    /// Nothing is asked: every packet is so.
    fn is_empty(&self) -> bool {
        matches!(self.wanted, Wanted::OneOf { mask: 0, .. })
    }

    fn kind(&self) -> Kind {
        match self.wanted {
            Wanted::OneOf { mask, .. } => (self.field, Some(mask)),
            Wanted::Between(..) => (self.field, None),
        }
    }
}

/// Conditions that one look-up answers: the field, and the mask unless they are ranges.
type Kind = (Field, Option<u128>);

/// What a packet has in a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Have {
    /// This.
    Is(u128),
    /// Nothing that a rule could ask for: no rule that does can match.
    #[default]
    Nothing,
    /// It cannot be told: any rule that asks for it may match.
    Unknown,
    /// Asking for it has consequences of its own: all rules have to be tried, whatever they ask for.
    Entangled,
}

/// The rules of a chain, filed.
#[derive(Debug, Default)]
pub struct Candidates {
    groups: Vec<Group>,
    /// Rules that are tried always, ascending.
    always: Vec<u32>,
}

/// Rules with a condition of one kind.
#[derive(Debug)]
struct Group {
    field: Field,
    rules: Filed,
    /// All of them, ascending.
    members: Vec<u32>,
}

#[derive(Debug)]
enum Filed {
    Values(u128, FxHashMap<u128, Vec<u32>>),
    Ranges(Ranges),
}

/// How many rules ask for the same: the fewer, the more telling the condition is.
#[derive(Default)]
struct Census {
    kinds: FxHashMap<Kind, usize>,
    values: FxHashMap<(Field, u128, u128), u32>,
}

impl Census {
    fn count(&mut self, key: &Key) {
        *self.kinds.entry(key.kind()).or_default() += 1;
        if let Wanted::OneOf { mask, values } = &key.wanted {
            for value in values {
                *self.values.entry((key.field, *mask, lowest(*value, *mask))).or_default() += 1;
            }
        }
    }

    /// How many rules a packet that meets the condition has to try because of it, more or less.
    fn company(&self, key: &Key) -> usize {
        let kind = self.kinds.get(&key.kind()).copied().unwrap_or(0);
        if kind < MIN_GROUP {
            return usize::MAX;
        }
        match &key.wanted {
            Wanted::OneOf { mask, values } => values
                .iter()
                .filter_map(|v| self.values.get(&(key.field, *mask, lowest(*v, *mask))))
                .max()
                .map_or(0, |&n| (n as usize).saturating_add(values.len() - 1)),
            // Ranges overlap one does not know how much.
            Wanted::Between(from, to) => match to.checked_sub(*from) {
                Some(0..=255) => 2 + kind / 64,
                Some(256..=4095) => 2 + kind / 8,
                _ => kind,
            },
        }
    }
}

impl Candidates {
    /// Files rules, given the conditions that each cannot do without.
    pub fn new(rules: &[SmallVec<[Key; 4]>]) -> Self {
        let mut census = Census::default();
        rules.iter().flatten().filter(|k| !k.is_empty()).for_each(|k| census.count(k));
        let mut filed: FxHashMap<Kind, Vec<(u32, &Key)>> = FxHashMap::default();
        let mut always = Vec::new();
        for (n, keys) in (0u32..).zip(rules) {
            match keys.iter().filter(|k| !k.is_empty()).min_by_key(|k| census.company(k)) {
                Some(key) => filed.entry(key.kind()).or_default().push((n, key)),
                None => always.push(n),
            }
        }
        let mut groups = Vec::new();
        for ((field, mask), members) in filed {
            if members.len() < MIN_GROUP {
                always.extend(members.iter().map(|m| m.0));
                continue;
            }
            let all = members.iter().map(|m| m.0).collect();
            let rules = match mask {
                Some(mask) => Filed::Values(mask, by_value(&members)),
                None => Filed::Ranges(Ranges::new(members.iter().filter_map(|(n, key)| match key.wanted {
                    Wanted::Between(from, to) => Some((*n, from, to)),
                    Wanted::OneOf { .. } => None,
                }))),
            };
            groups.push(Group { field, rules, members: all });
        }
        always.sort_unstable();
        Self { groups, always }
    }

    /// The rules that can match a packet that has these fields.
    pub fn of(&self, mut have: impl FnMut(Field) -> Have) -> Matching<'_> {
        let mut matching = Matching { lists: SmallVec::new(), all: false };
        matching.lists.push(self.always.as_slice());
        for group in &self.groups {
            match have(group.field) {
                Have::Is(value) => match &group.rules {
                    Filed::Values(mask, rules) => {
                        matching.lists.extend(rules.get(&lowest(value & mask, *mask)).map(Vec::as_slice));
                    }
                    Filed::Ranges(ranges) => ranges.around(value, |rules| matching.lists.push(rules)),
                },
                Have::Nothing => {}
                Have::Unknown => matching.lists.push(&group.members),
                Have::Entangled => return Matching::all(),
            }
        }
        matching
    }
}

/// A value without the zeros behind its mask: of numbers that differ in their highest bits alone, the hashes differ in few.
fn lowest(value: u128, mask: u128) -> u128 {
    value.checked_shr(mask.trailing_zeros()).unwrap_or(0)
}

fn by_value(members: &[(u32, &Key)]) -> FxHashMap<u128, Vec<u32>> {
    let mut rules: FxHashMap<u128, Vec<u32>> = FxHashMap::default();
    for (n, key) in members {
        let Wanted::OneOf { mask, values } = &key.wanted else { continue };
        for value in values {
            let list = rules.entry(lowest(*value, *mask)).or_default();
            if list.last() != Some(n) {
                list.push(*n);
            }
        }
    }
    rules
}

/// Rules to try, in their order.
#[derive(Debug)]
pub struct Matching<'c> {
    lists: SmallVec<[&'c [u32]; 12]>,
    all: bool,
}

impl Matching<'_> {
    /// Every rule.
    pub fn all() -> Self {
        Self { lists: SmallVec::new(), all: true }
    }

    /// The first of them from this one on. None: no more. What it is asked for never goes back.
    pub fn next(&mut self, from: usize) -> Option<usize> {
        if self.all {
            return Some(from);
        }
        let from = u32::try_from(from).ok()?;
        let mut first = None;
        for list in &mut self.lists {
            // Mostly the next is near.
            let near = list.iter().take(8).position(|&n| n >= from);
            let skip = near.unwrap_or_else(|| list.partition_point(|&n| n < from));
            *list = list.get(skip..).unwrap_or(&[]);
            if let Some(&n) = list.first() {
                first = Some(first.map_or(n, |f: u32| f.min(n)));
            }
        }
        first.map(|n| n as usize)
    }
}

#[cfg(test)]
mod tests;
