//! Elements of sets that have a rule match a packet: without them it would not.

use std::net::IpAddr;

use crate::blame::describe::family_name;
use crate::blame::packet::address;
use crate::evaluate::walk::{Run, Step};
use crate::evaluate::{Place, TableRef};
use crate::ruleset::{Ruleset, nft, render};
use crate::sys::Text;
use crate::sys::ipset::Element as Member;
use crate::sys::nft::{Element, Expr, SetFlags};
use crate::sys::xt;

use super::rule::is_plain;

/// A set with no more elements than that is tried element by element, whatever they mean.
const FEW: usize = 16;

/// An element of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// Of a set or map of nf_tables.
    Nft {
        /// The table's position in [`Ruleset::nft`].
        table: usize,
        /// The set's position in [`nft::Table::sets`].
        set: usize,
        /// The element; of an interval where it begins.
        element: Element,
    },
    /// Of an ipset.
    Ipset {
        /// The set.
        set: Text,
        /// What the element matches.
        element: Member,
    },
}

impl Listed {
    /// Takes it out of its set. False: it is not there.
    pub fn take_out(&self, rules: &mut Ruleset) -> bool {
        match self {
            Self::Ipset { set, element } => rules.ipsets.remove(set.as_bytes(), element),
            Self::Nft { table, set, element } => {
                let Some(set) = rules.nft.get_mut(*table).and_then(|t| t.sets.get_mut(*set)) else { return false };
                let Some(at) = set.elements.iter().position(|e| e == element) else { return false };
                set.elements.remove(at);
                if is_of_intervals(set) {
                    let behind =
                        set.elements.iter().enumerate().filter(|(_, e)| e.key.as_bytes() > element.key.as_bytes());
                    let next = behind.min_by_key(|(_, e)| (e.key.as_bytes().to_vec(), !e.is_interval_end()));
                    if let Some((end, _)) = next.filter(|(_, e)| e.is_interval_end()) {
                        set.elements.remove(end);
                    }
                }
                true
            }
        }
    }

    /// What it matches, in the words of its tool.
    pub fn key(&self, rules: &Ruleset) -> Option<String> {
        let text = match self {
            Self::Nft { table, set, element } => {
                let table = rules.nft.get(*table)?;
                render::nft::key(table, &table.sets.get(*set)?.def.name, element)?
            }
            Self::Ipset { element, .. } => {
                let mut out = render::Out::new();
                render::ipset::element(element, &mut out);
                out.into_text()
            }
        };
        let text = text.as_str()?;
        let ok = |c: char| c.is_ascii_alphanumeric() || " ./:,-_*\"@".contains(c);
        text.chars().all(ok).then(|| text.to_owned())
    }

    /// Is it about a single address, whatever else it names?
    pub fn is_about_one(&self, rules: &Ruleset) -> bool {
        self.key(rules).is_some_and(|key| key.split([' ', ',']).any(|part| part.parse::<IpAddr>().is_ok()))
    }

    /// The name of its set.
    pub fn set<'a>(&'a self, rules: &'a Ruleset) -> Option<&'a Text> {
        match self {
            Self::Nft { table, set, .. } => Some(&rules.nft.get(*table)?.sets.get(*set)?.def.name),
            Self::Ipset { set, .. } => Some(set),
        }
    }

    /// The command that takes it out. None: there is a name that no command line can hold safely.
    pub fn command(&self, rules: &Ruleset) -> Option<String> {
        let (key, name) = (self.key(rules)?, self.set(rules).filter(|n| is_plain(n))?);
        Some(match self {
            Self::Nft { table, .. } => {
                let def = &rules.nft.get(*table)?.def;
                let table = Some(&def.name).filter(|n| is_plain(n))?;
                format!("nft 'delete element {} {table} {name} {{ {key} }}'", family_name(def.family))
            }
            Self::Ipset { .. } => format!("ipset del {name} {key}"),
        })
    }

    /// The command that makes it last. None: elements of that set are not meant to.
    pub fn persistent(&self, rules: &Ruleset) -> Option<String> {
        match self {
            Self::Nft { table, set, .. } => {
                let flags = rules.nft.get(*table)?.sets.get(*set)?.def.flags;
                let lasts = !flags.intersects(SetFlags::TIMEOUT | SetFlags::EVAL);
                lasts.then(|| super::change::save(rules, &[], super::change::NFTABLES))
            }
            Self::Ipset { set, .. } => {
                let lasts = rules.ipsets.by_name(set.as_bytes())?.header().options.timeout.is_none();
                lasts.then(|| "ipset save > /etc/iptables/ipsets".into())
            }
        }
    }
}

/// The elements by which the packet of a run may have ended at `at`, those of the rule itself first.
pub(super) fn suspects(rules: &Ruleset, run: &Run, at: Place) -> Vec<Listed> {
    // A map may have led there.
    let led = run.steps.iter().rev().filter_map(|s| match s {
        Step::Rule { tried, .. } if tried.matched && tried.at.chain.table == at.chain.table => Some(tried.at),
        _ => None,
    });
    let mut places = vec![at];
    places.extend(led.filter(|p| *p != at));
    let addresses: Vec<IpAddr> =
        run.packet.addresses().into_iter().flat_map(|(s, d)| [s, d]).filter_map(address).collect();
    let mut all = Vec::new();
    for place in places {
        let before = all.len();
        of_rule(rules, place, &addresses, &mut all);
        // An accept on the way is no reason.
        if all.len() > before && place != at {
            break;
        }
    }
    all
}

fn of_rule(rules: &Ruleset, at: Place, addresses: &[IpAddr], all: &mut Vec<Listed>) -> Option<()> {
    let position = at.position?;
    match at.chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            let family = xt::Family::from_nfproto(table.def.family.code()).unwrap_or(xt::Family::Ip);
            for e in &table.chains.get(at.chain.chain)?.rule(position)?.exprs {
                match e {
                    Expr::Lookup(l) => of_nft(table, t, &l.set, addresses, all),
                    Expr::Match(m) => of_match(rules, family, (m.name.as_bytes(), m.revision, &m.data), addresses, all),
                    _ => {}
                }
            }
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            for m in table.nth_chain(at.chain.chain)?.rule(position)?.entry.matches().flatten() {
                of_match(rules, table.family(), (m.name.as_bytes(), m.revision, m.data.0), addresses, all);
            }
        }
    }
    Some(())
}

fn of_nft(table: &nft::Table, t: usize, name: &Text, addresses: &[IpAddr], all: &mut Vec<Listed>) {
    let Some((at, set)) = table.sets.iter().enumerate().find(|(_, s)| s.def.name == *name) else { return };
    // What stands in the rule itself is no element that could be taken out.
    if set.def.flags.intersects(SetFlags::ANONYMOUS | SetFlags::CONSTANT) {
        return;
    }
    let begins = || set.elements.iter().filter(|e| !e.is_interval_end());
    let found: Vec<&Element> = if set.elements.len() <= FEW {
        begins().collect()
    } else if is_of_intervals(set) {
        // The last one that begins before the address, if that is not behind its end.
        let last = |a: &IpAddr| {
            begins().filter(|e| e.key.as_bytes() <= octets(*a).as_slice()).max_by_key(|e| e.key.as_bytes())
        };
        addresses.iter().filter_map(last).collect()
    } else {
        begins().filter(|e| addresses.iter().any(|a| names(e, *a))).collect()
    };
    all.extend(found.into_iter().map(|e| Listed::Nft { table: t, set: at, element: e.clone() }));
}

fn is_of_intervals(set: &nft::Set) -> bool {
    set.def.flags.contains(SetFlags::INTERVAL) && !set.def.flags.contains(SetFlags::CONCAT)
}

/// Is the address in one of the fields of the key, which begin at every fourth byte?
fn names(element: &Element, a: IpAddr) -> bool {
    let (address, low) = (octets(a), element.key.as_bytes());
    let high = element.key_end.as_ref().map_or(low, |k| k.as_bytes());
    let field = |of: &[u8], at: usize| of.get(at..at + address.len()).map(<[u8]>::to_vec);
    let holds = |at| Some((field(low, at)? <= address) && (address <= field(high, at)?));
    (0..low.len()).step_by(4).any(|at| holds(at) == Some(true))
}

fn octets(a: IpAddr) -> Vec<u8> {
    match a {
        IpAddr::V4(a) => a.octets().into(),
        IpAddr::V6(a) => a.octets().into(),
    }
}

fn of_match(
    rules: &Ruleset,
    family: xt::Family,
    (name, revision, data): (&[u8], u8, &[u8]),
    addresses: &[IpAddr],
    all: &mut Vec<Listed>,
) {
    if name != b"set" {
        return;
    }
    let xt::Match::Set(asked) = xt::matches::decode(family, name, revision, data) else { return };
    let Some(set) = rules.ipsets.by_index(asked.set.index) else { return };
    // A list has other sets for elements.
    let lists = set.members().iter().filter_map(|m| match &m.element {
        Member::Set(name) => rules.ipsets.by_name(name.as_bytes()),
        _ => None,
    });
    for set in std::iter::once(set).chain(lists) {
        let few = set.members().len() <= FEW;
        let is_it = |e: &Member| !matches!(e, Member::Set(_)) && (few || addresses.iter().any(|a| covers(e, *a)));
        let found = set.members().iter().filter(|m| !m.nomatch && is_it(&m.element));
        let name = &set.header().name;
        all.extend(found.map(|m| Listed::Ipset { set: name.clone(), element: m.element.clone() }));
    }
}

/// Is the address one that the element names?
fn covers(element: &Member, a: IpAddr) -> bool {
    let net = |n: &crate::sys::ipset::Net| crate::sys::rt::Prefix { addr: n.address, len: n.prefix }.contains(a);
    match element {
        Member::Ip(b) | Member::IpMac(b, _) | Member::IpMark(b, _) | Member::IpPort(b, _) => a == *b,
        Member::IpPortIp(b, _, c) => a == *b || a == *c,
        Member::IpPortNet(b, _, n) => a == *b || net(n),
        Member::Net(n) | Member::NetIface(n, _) | Member::NetPort(n, _) => net(n),
        Member::NetNet(n, m) | Member::NetPortNet(n, _, m) => net(n) || net(m),
        _ => false,
    }
}
