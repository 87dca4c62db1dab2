//! Whose is it?

use super::sign::{Sign, fits, is_like};
use super::{MANAGERS, Manager};
use crate::blame::describe::Describer;
use crate::evaluate::{ChainRef, Place, TableRef};
use crate::listing::chains;
use crate::ruleset::{Backend, Ruleset, nft as nft_table};
use crate::sys::nft::{self, Expr, Verdict};
use crate::sys::xt::{self, Action};

/// The administrator's own chains, though a manager makes them.
const GIVEN_AWAY: [&[u8]; 2] = [b"DOCKER-USER", b"CNI-ADMIN"];

/// The names in a rule, or about a chain, that may tell whose it is.
#[derive(Default)]
struct Names<'a> {
    table: &'a [u8],
    /// The chain it stands in.
    chain: &'a [u8],
    /// The chains that it leads to.
    leads_to: Vec<&'a [u8]>,
    sets: Vec<Vec<u8>>,
    comments: Vec<Vec<u8>>,
}

/// Who keeps a rule, or with no position a chain with its policy.
pub fn of_rule(rules: &Ruleset, at: Place) -> Option<&'static Manager> {
    match at.position {
        Some(position) => by_names(rules, at.chain, position, || marked(rules, at.chain.table)),
        None => of_chain(rules, at.chain),
    }
}

/// Who keeps a rule by its own names, or else by the marks in its table.
pub(super) fn by_names(
    rules: &Ruleset,
    chain: ChainRef,
    position: usize,
    marks: impl FnOnce() -> Vec<&'static Manager>,
) -> Option<&'static Manager> {
    let names = of_position(rules, chain, position)?;
    if let Some(m) = tell(rules, chain.table, &names) {
        return Some(m);
    }
    let marks = marks();
    if marks.is_empty() {
        return None;
    }
    let at = Place { chain, position: Some(position) };
    let text = Describer { rules, history: None, keepers: None }.text(at).unwrap_or_default();
    let given_away = GIVEN_AWAY.contains(&names.chain);
    marks.into_iter().find(|m| keeps_all(m) && !given_away || reads(m, &text))
}

/// Does it keep whole tables?
fn keeps_all(m: &Manager) -> bool {
    m.signs.iter().any(|s| matches!(s, Sign::Marks(_)))
}

/// Is it one of the rules that the program writes without a name of its own?
fn reads(m: &Manager, text: &str) -> bool {
    m.signs.iter().any(|s| matches!(s, Sign::Reads(_, known) if known.iter().any(|k| is_like(k, text))))
}

/// The names in a rule.
fn of_position(rules: &Ruleset, chain: ChainRef, position: usize) -> Option<Names<'_>> {
    let about = about(rules, chain)?;
    Some(match chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            of_nft(rules, about, table.chains.get(chain.chain)?.rule(position)?)
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            of_xt(rules, about, table.family(), &table.nth_chain(chain.chain)?.rule(position)?)
        }
    })
}

/// Who keeps a chain. A base chain with its policy is theirs who alone have hung chains of their own into it, if they set policies.
pub fn of_chain(rules: &Ruleset, chain: ChainRef) -> Option<&'static Manager> {
    let about = about(rules, chain)?;
    if GIVEN_AWAY.contains(&about.chain) {
        return None;
    }
    if let Some(m) = tell(rules, chain.table, &about) {
        return Some(m);
    }
    let mut keepers: Vec<&'static Manager> = Vec::new();
    each(rules, chain, |names| {
        let keeper = if names.leads_to.is_empty() { None } else { tell(rules, chain.table, names) };
        keepers.extend(keeper.filter(|k| k.sets_policies() && !keepers.contains(k)));
    });
    let stops = |s: &Sign| matches!(s, Sign::Stops(mark) if has(rules, chain.table, mark) && all_drop(rules, chain.table, mark));
    if let Some(stopped) = MANAGERS.iter().find(|m| drops(rules, chain).is_some() && m.signs.iter().any(stops)) {
        return Some(stopped);
    }
    match keepers[..] {
        [only] => Some(only),
        [] => marked(rules, chain.table).into_iter().find(|m| keeps_all(m)),
        _ => None,
    }
}

/// All that have left signs in a ruleset, by name.
pub fn present(rules: &Ruleset) -> Vec<&'static Manager> {
    present_in(rules, |_| true)
}

/// All that have left signs in the tables of one variant of iptables for one family.
pub fn in_iptables(rules: &Ruleset, backend: Backend, v6: bool) -> Vec<&'static Manager> {
    let (nft, xt) = if v6 { (nft::Family::Ip6, xt::Family::Ip6) } else { (nft::Family::Ip, xt::Family::Ip) };
    present_in(rules, |table| match table {
        TableRef::Nft(t) => rules.nft.get(t).is_some_and(|t| t.backend == backend && t.def.family == nft),
        TableRef::Xt(t) => backend == Backend::Xtables && rules.xt.get(t).is_some_and(|t| t.family() == xt),
    })
}

fn present_in(rules: &Ruleset, within: impl Fn(TableRef) -> bool) -> Vec<&'static Manager> {
    let mut all: Vec<&'static Manager> = Vec::new();
    for chain in chains(rules).filter(|c| within(c.table)) {
        let mut add = |m: Option<&'static Manager>| all.extend(m.filter(|m| !all.contains(m)));
        marked(rules, chain.table).into_iter().for_each(|m| add(Some(m)));
        add(about(rules, chain).and_then(|n| tell(rules, chain.table, &n)));
        each(rules, chain, |names| add(tell(rules, chain.table, names)));
    }
    all.sort_by_key(|m| m.name);
    all
}

/// The manager of whom most is seen: by what the rule itself names, or else by where it stands.
fn tell(rules: &Ruleset, table: TableRef, names: &Names<'_>) -> Option<&'static Manager> {
    let most = |weight: &dyn Fn(&Sign) -> Option<usize>| {
        let seen = MANAGERS.iter().filter_map(|m| Some((m, m.signs.iter().filter_map(weight).max()?)));
        seen.max_by_key(|(_, weight)| *weight).map(|(m, _)| m)
    };
    let leads = |p| names.leads_to.iter().filter_map(|n| fits(p, n)).max();
    let own = most(&|sign| match *sign {
        Sign::Chain(p) => leads(p),
        Sign::Beside(mark, p) => leads(p).filter(|_| has(rules, table, mark)),
        Sign::Set(p) => names.sets.iter().filter_map(|n| fits(p, n)).max(),
        Sign::Comment(p) => names.comments.iter().filter_map(|n| fits(p, n)).max(),
        Sign::Table(_) | Sign::Reads(..) | Sign::Marks(_) | Sign::Stops(_) => None,
    });
    if own.is_some() || GIVEN_AWAY.contains(&names.chain) {
        return own;
    }
    most(&|sign| match *sign {
        Sign::Table(p) => fits(p, names.table),
        Sign::Chain(p) => fits(p, names.chain),
        Sign::Beside(mark, p) => fits(p, names.chain).filter(|_| has(rules, table, mark)),
        _ => None,
    })
}

/// Who has a mark in the table: keeps it as a whole, or writes known rules without a name into it.
pub(super) fn marked(rules: &Ruleset, table: TableRef) -> Vec<&'static Manager> {
    let mark = |s: &Sign| match s {
        Sign::Marks(name) | Sign::Reads(name, _) => siblings(rules, table).into_iter().any(|t| has(rules, t, name)),
        _ => false,
    };
    MANAGERS.iter().filter(|m| m.signs.iter().any(mark)).collect()
}

/// Do all base chains drop in the tables of a family that have a chain of that name?
fn all_drop(rules: &Ruleset, table: TableRef, mark: &str) -> bool {
    let marked: Vec<TableRef> = siblings(rules, table).into_iter().filter(|t| has(rules, *t, mark)).collect();
    chains(rules).filter(|c| marked.contains(&c.table)).all(|c| drops(rules, c) != Some(false))
}

/// Is it a base chain whose policy drops? None: it is no base chain, or one that only translates.
fn drops(rules: &Ruleset, chain: ChainRef) -> Option<bool> {
    match chain.table {
        TableRef::Nft(t) => {
            let base = rules.nft.get(t)?.chains.get(chain.chain)?.def.base.as_ref()?;
            (base.kind != nft::ChainKind::Nat).then_some(base.policy == Verdict::Drop)
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t).filter(|t| *t.name() != "nat")?;
            Some(table.nth_chain(chain.chain)?.policy()? == xt::Verdict::Drop)
        }
    }
}

/// The tables of iptables beside this one, which programs load together, and itself.
fn siblings(rules: &Ruleset, table: TableRef) -> Vec<TableRef> {
    match table {
        TableRef::Nft(at) => {
            let of = |t: &nft_table::Table| (t.backend, t.def.family);
            let this = rules.nft.get(at).map(of).filter(|(backend, _)| *backend == Backend::NftCompat);
            let same = rules.nft.iter().enumerate().filter(|(t, other)| *t == at || this == Some(of(other)));
            same.map(|(t, _)| TableRef::Nft(t)).collect()
        }
        TableRef::Xt(at) => {
            let family = rules.xt.get(at).map(|t| t.family());
            let same = rules.xt.iter().enumerate().filter(|(_, other)| family == Some(other.family()));
            same.map(|(t, _)| TableRef::Xt(t)).collect()
        }
    }
}

/// Is there a chain of that name?
fn has(rules: &Ruleset, table: TableRef, name: &str) -> bool {
    match table {
        TableRef::Nft(t) => rules.nft.get(t).is_some_and(|t| t.chains.iter().any(|c| c.def.name == *name)),
        TableRef::Xt(t) => rules.xt.get(t).is_some_and(|t| t.chains().any(|c| *c.name() == *name)),
    }
}

/// What is known of a chain itself.
fn about(rules: &Ruleset, chain: ChainRef) -> Option<Names<'_>> {
    let (table, chain) = match chain.table {
        TableRef::Nft(t) => {
            let table = rules.nft.get(t)?;
            (table.def.name.as_bytes(), table.chains.get(chain.chain)?.def.name.as_bytes())
        }
        TableRef::Xt(t) => {
            let table = rules.xt.get(t)?;
            (table.name().as_bytes(), table.nth_chain(chain.chain)?.name().as_bytes())
        }
    };
    Some(Names { table, chain, ..Names::default() })
}

/// Hands on what is known of each rule of a chain.
fn each(rules: &Ruleset, chain: ChainRef, mut look: impl FnMut(&Names<'_>)) {
    let fresh = || about(rules, chain).unwrap_or_default();
    match chain.table {
        TableRef::Nft(t) => {
            let found = rules.nft.get(t).and_then(|t| t.chains.get(chain.chain));
            for rule in found.map_or(&[][..], |c| &c.rules) {
                look(&of_nft(rules, fresh(), rule));
            }
        }
        TableRef::Xt(t) => {
            let Some(table) = rules.xt.get(t) else { return };
            for rule in table.nth_chain(chain.chain).into_iter().flat_map(|c| c.rules()) {
                look(&of_xt(rules, fresh(), table.family(), &rule));
            }
        }
    }
}

fn of_nft<'a>(rules: &Ruleset, mut names: Names<'a>, rule: &'a nft::Rule) -> Names<'a> {
    names.comments.extend(rule.comment().map(|c| c.as_bytes().to_vec()));
    let family = xt::Family::from_nfproto(rule.family.code()).unwrap_or(xt::Family::Ip);
    for e in &rule.exprs {
        match e {
            Expr::Immediate(i) => {
                if let Some(Verdict::Jump(to) | Verdict::Goto(to)) = i.verdict() {
                    names.leads_to.push(to.as_bytes());
                }
            }
            Expr::Lookup(l) => names.sets.push(l.set.as_bytes().to_vec()),
            Expr::Dynset(d) => names.sets.push(d.set.as_bytes().to_vec()),
            Expr::Match(m) => extension(rules, family, (m.name.as_bytes(), m.revision, &m.data), &mut names),
            _ => {}
        }
    }
    names
}

fn of_xt<'a>(rules: &Ruleset, mut names: Names<'a>, family: xt::Family, rule: &xt::Rule<'a>) -> Names<'a> {
    if let Ok(Action::Jump(to) | Action::Goto(to)) = rule.action() {
        names.leads_to.push(to.as_bytes());
    }
    for m in rule.entry.matches().flatten() {
        extension(rules, family, (m.name.as_bytes(), m.revision, m.data.0), &mut names);
    }
    names
}

/// Comments and sets of a match of xtables.
fn extension(rules: &Ruleset, family: xt::Family, of: (&[u8], u8, &[u8]), names: &mut Names<'_>) {
    let (name, revision, data) = of;
    if !matches!(name, b"comment" | b"set") {
        return;
    }
    match xt::matches::decode(family, name, revision, data) {
        xt::Match::Comment(c) => names.comments.push(c.comment.as_bytes().to_vec()),
        xt::Match::Set(s) => {
            names.sets.extend(rules.ipsets.by_index(s.set.index).map(|s| s.header().name.as_bytes().to_vec()));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::nft::Table;
    use crate::sys::nft::{BaseChain, Family, Hook};

    /// A table with the base chain `INPUT`, whose rules jump to those chains.
    fn table(name: &str, to: &[&str]) -> Table {
        let jump = |to: &&str| vec![testing::says(Verdict::Jump((*to).into()))];
        let base = BaseChain { policy: Verdict::Drop, ..BaseChain::filter(Hook::Input, 0) };
        let mut table = testing::table(Family::Ip, "INPUT", Some(base), to.iter().map(jump).collect());
        table.def.name = name.into();
        table
    }

    fn owner(table: Table, position: Option<usize>) -> Option<&'static str> {
        let chain = ChainRef { table: TableRef::Nft(0), chain: 0 };
        of_rule(&testing::with(table), Place { chain, position }).map(|m| m.name)
    }

    #[test]
    fn a_rule_is_theirs_to_whose_chain_it_leads() {
        assert_eq!(owner(table("filter", &["ufw-before-input", "mine"]), Some(1)), Some("ufw"));
        assert_eq!(owner(table("filter", &["ufw-before-input", "mine"]), Some(2)), None);
        assert_eq!(owner(table("filter", &["KUBE-ROUTER-INPUT"]), Some(1)), Some("kube-router"), "the longer name");
        assert_eq!(owner(table("firewalld", &["anything"]), Some(1)), Some("firewalld"));
    }

    #[test]
    fn a_policy_is_theirs_who_are_alone_in_the_chain() {
        assert_eq!(owner(table("filter", &["ufw-before-input", "ufw-user-input", "mine"]), None), Some("ufw"));
        assert_eq!(owner(table("filter", &["ufw-before-input", "DOCKER-FORWARD"]), None), None);
        assert_eq!(owner(table("filter", &["mine"]), None), None);
    }

    #[test]
    fn what_is_hung_into_a_chain_says_nothing_of_its_policy_if_others_leave_policies_alone() {
        assert_eq!(owner(table("filter", &["f2b-sshd"]), Some(1)), Some("fail2ban"));
        assert_eq!(owner(table("filter", &["f2b-sshd"]), None), None);
    }

    #[test]
    fn the_administrators_chain_is_nobodys_else() {
        let mut docker = table("filter", &["DOCKER-USER", "f2b-sshd"]);
        assert_eq!(owner(docker.clone(), Some(1)), Some("docker"), "the jump is Docker's");
        docker.chains[0].def.name = "DOCKER-USER".into();
        assert_eq!(owner(docker.clone(), Some(1)), Some("docker"));
        assert_eq!(owner(docker.clone(), Some(2)), Some("fail2ban"), "others may use it");
        assert_eq!(owner(docker.clone(), None), None);
        docker.chains[0].rules[0].exprs.clear();
        assert_eq!(owner(docker, Some(1)), None);
    }

    #[test]
    fn what_a_rule_names_says_more_than_where_it_stands() {
        let mut ufw = table("filter", &["f2b-sshd", "mine"]);
        ufw.chains[0].def.name = "ufw-before-input".into();
        assert_eq!(owner(ufw.clone(), Some(1)), Some("fail2ban"));
        assert_eq!(owner(ufw, Some(2)), Some("ufw"));
    }

    #[test]
    fn names_that_others_may_use_too_need_a_chain_beside_them() {
        let zone = table("filter", &["IN_dmz"]);
        assert_eq!(owner(zone.clone(), Some(1)), None);
        let mut firewalld = zone;
        let mut direct = firewalld.chains[0].clone();
        (direct.def.name, direct.rules) = ("OUTPUT_direct".into(), Vec::new());
        firewalld.chains.push(direct);
        assert_eq!(owner(firewalld.clone(), Some(1)), Some("firewalld"));
        firewalld.chains[0].rules[0].exprs = vec![testing::says(Verdict::Drop)];
        assert_eq!(owner(firewalld, Some(1)), None, "a rule without a name that firewalld does not write");
    }

    #[test]
    fn a_mark_claims_what_nobody_else_does() {
        let mut marked = table("filter", &["net-fw", "DOCKER"]);
        assert_eq!(owner(marked.clone(), Some(1)), None);
        let mut mark = marked.chains[0].clone();
        (mark.def.name, mark.rules) = ("shorewall".into(), Vec::new());
        marked.chains.push(mark);
        assert_eq!(owner(marked.clone(), Some(1)), Some("shorewall"));
        assert_eq!(owner(marked.clone(), Some(2)), Some("docker"));
        let names: Vec<&str> = present(&testing::with(marked)).iter().map(|m| m.name).collect();
        assert_eq!(names, ["docker", "shorewall"]);
    }
}
