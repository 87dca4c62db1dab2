//! Which rules of a long chain can match a packet at all. Every rule is filed under its most telling condition, so that
//! a packet finds the rules that ask for what it is, and those that ask for nothing of the kind, without trying the rest.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

/// Chains shorter than this are tried rule by rule.
pub const WORTHWHILE: usize = 16;
/// Fewer rules than this are not worth a look-up of their own.
const MIN_GROUP: usize = 4;

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Source address.
    Source,
    /// Destination address.
    Destination,
    /// Name of the interface of arrival.
    Input,
    /// Name of the interface of departure.
    Output,
    /// Transport protocol.
    Protocol,
    /// Transport protocol and source port: `protocol << 16 | port`.
    SourcePort,
    /// Transport protocol and destination port.
    DestinationPort,
}

/// How many kinds of [`Field`] there are.
const FIELDS: usize = 7;

/// A condition that a rule cannot match without: the field, under the mask, is one of these values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// What is looked at.
    pub field: Field,
    /// Under this mask.
    pub mask: u128,
    /// What it may be, masked.
    pub values: SmallVec<[u128; 1]>,
}

impl Key {
    /// One value.
    pub fn new(field: Field, mask: u128, value: u128) -> Self {
        Self { field, mask, values: SmallVec::from_slice(&[value]) }
    }

    /// How much the condition tells packets apart.
    fn weight(&self) -> u32 {
        let of_field = match self.field {
            // Half of an IPv6 address is as telling as an IPv4 address.
            Field::Source | Field::Destination => self.mask.count_ones().min(64),
            Field::SourcePort | Field::DestinationPort => 20,
            Field::Input | Field::Output => 10,
            Field::Protocol => 2,
        };
        of_field.saturating_sub(self.values.len() as u32 - 1)
    }
}

/// What a packet has in a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Have {
    /// This.
    Is(u128),
    /// Nothing that a rule could ask for: no rule that does can match.
    #[default]
    Nothing,
    /// It cannot be told, or asking has consequences: all rules have to be tried.
    Unknown,
}

/// The fields of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fields([Have; FIELDS]);

impl Fields {
    /// Notes a field.
    pub fn set(&mut self, field: Field, have: Have) {
        if let Some(f) = self.0.get_mut(field as usize) {
            *f = have;
        }
    }

    fn get(&self, field: Field) -> Have {
        self.0.get(field as usize).copied().unwrap_or(Have::Unknown)
    }
}

/// The rules of a chain, filed.
#[derive(Debug, Default)]
pub struct Candidates {
    groups: Vec<Group>,
    /// Rules that are tried always, ascending.
    always: Vec<u32>,
}

/// Rules with a condition on one field under one mask.
#[derive(Debug)]
struct Group {
    field: Field,
    mask: u128,
    rules: FxHashMap<u128, Vec<u32>>,
}

impl Candidates {
    /// Files rules, given the conditions that each cannot do without.
    pub fn new<I: IntoIterator<Item = Key>>(rules: impl IntoIterator<Item = I>) -> Self {
        let mut filed: FxHashMap<(Field, u128), Vec<(u32, Key)>> = FxHashMap::default();
        let mut always = Vec::new();
        for (n, keys) in (0u32..).zip(rules) {
            match keys.into_iter().filter(|k| k.mask != 0).max_by_key(Key::weight) {
                Some(key) => filed.entry((key.field, key.mask)).or_default().push((n, key)),
                None => always.push(n),
            }
        }
        let mut groups = Vec::new();
        for ((field, mask), members) in filed {
            if members.len() < MIN_GROUP {
                always.extend(members.iter().map(|m| m.0));
                continue;
            }
            let mut rules: FxHashMap<u128, Vec<u32>> = FxHashMap::default();
            for (n, key) in members {
                for value in key.values {
                    let list = rules.entry(value).or_default();
                    if list.last() != Some(&n) {
                        list.push(n);
                    }
                }
            }
            groups.push(Group { field, mask, rules });
        }
        always.sort_unstable();
        Self { groups, always }
    }

    /// The rules that can match a packet.
    pub fn of(&self, fields: &Fields) -> Matching<'_> {
        let mut lists = SmallVec::new();
        lists.push(self.always.as_slice());
        for group in &self.groups {
            match fields.get(group.field) {
                Have::Is(value) => {
                    if let Some(rules) = group.rules.get(&(value & group.mask)) {
                        lists.push(rules.as_slice());
                    }
                }
                Have::Nothing => {}
                Have::Unknown => return Matching { lists: SmallVec::new(), all: true },
            }
        }
        Matching { lists, all: false }
    }
}

/// Rules to try, in their order.
#[derive(Debug)]
pub struct Matching<'c> {
    lists: SmallVec<[&'c [u32]; 8]>,
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
mod tests {
    use super::*;

    #[test]
    fn a_packet_finds_what_asks_for_it_and_what_asks_for_nothing() {
        let key = |n: u128| (!n.is_multiple_of(10)).then(|| Key::new(Field::Source, 0xff00, (n % 7) << 8));
        let filed = Candidates::new((0..100).map(key));
        let tried = |have| {
            let mut fields = Fields::default();
            fields.set(Field::Source, have);
            let mut matching = filed.of(&fields);
            let mut all = Vec::new();
            let mut from = 0;
            while let Some(n) = matching.next(from).filter(|&n| n < 100) {
                all.push(n);
                from = n + 1;
            }
            all
        };
        let expected: Vec<usize> = (0..100).filter(|n| n % 10 == 0 || n % 7 == 3).collect();
        assert_eq!(tried(Have::Is(0x3ab)), expected);
        assert_eq!(tried(Have::Nothing), (0..100).step_by(10).collect::<Vec<_>>());
        assert_eq!(tried(Have::Unknown), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn the_most_telling_condition_is_chosen() {
        let rule = |n: u128| {
            [
                Key::new(Field::Protocol, 0xff, 6),
                Key::new(Field::DestinationPort, u128::MAX, 6 << 16 | n),
                Key::new(Field::Source, 0xff00_0000, 0x0a00_0000),
            ]
        };
        let filed = Candidates::new((0..50).map(rule));
        let mut fields = Fields::default();
        fields.set(Field::Source, Have::Is(0x0a00_0001));
        fields.set(Field::Protocol, Have::Is(6));
        fields.set(Field::DestinationPort, Have::Is(6 << 16 | 7));
        let mut matching = filed.of(&fields);
        assert_eq!((matching.next(0), matching.next(8)), (Some(7), None));
    }
}
