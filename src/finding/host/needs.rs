//! What needs forwarding, and whether it is on.

use std::net::IpAddr;

use crate::analysis::{Axes, Region, What};
use crate::blame::CulpritKind;
use crate::evaluate::{Hook, Place};
use crate::finding::act::{self, Act};
use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::selects::NEW;
use crate::finding::view::View;
use crate::finding::why::Case;
use crate::host::sysctl;
use crate::listing::chains;
use crate::manager;

/// The switch for the forwarding of one protocol.
pub(super) struct Forwarding {
    /// The code that tells of it.
    pub code: &'static Code,
    /// IPv6, not IPv4.
    pub v6: bool,
    /// The setting.
    pub key: &'static str,
    /// What setting it does.
    pub does: &'static str,
    /// Where packets for others are counted, and how many were, while it is off.
    pub counted: (&'static str, fn(&View<'_>) -> Option<u64>),
    /// What else there is to say; empty for nothing.
    pub note: &'static str,
}

impl Forwarding {
    /// Tells that it is off, where a rule needs it, or packets came that did.
    pub fn check(&self, view: &View<'_>, found: &mut Vec<Finding>) {
        if !sysctl::number(view.host, self.key.into()).is_ok_and(|s| !s.is_on()) {
            return;
        }
        let ip = if self.v6 { "IPv6 " } else { "" };
        let finding = |message: String| {
            let fix = Fix::sysctl(self.key, "1", self.does);
            self.code.finding(message).seen(sysctl::file(self.key), "0").note(self.note).fix(fix)
        };
        if let Some((at, act)) = translation(view, self.v6) {
            let to_others = matches!(act, Act::Dnat(_));
            let what = if to_others { "sends packets on to another host" } else { "translates packets of other hosts" };
            let finding = finding(format!("a rule {what}, and {ip}forwarding is off: none of them leaves this host"))
                .rule(view.rule(at).label("it needs forwarding").translation());
            found.push(match to_others {
                true => finding,
                // This host may translate what it sends itself.
                false => finding
                    .severity(Severity::Warning)
                    .possible("packets that this host sends itself are translated all the same"),
            });
            return;
        }
        if let Some(at) = accepting(view, self.v6) {
            found.push(
                finding(format!("a rule lets packets through this host, and {ip}forwarding is off: none gets so far"))
                    .severity(Severity::Warning)
                    .rule(view.rule(at).label("it needs forwarding").verdict())
                    .possible("whether anybody is to send through this host, or the rule is left over"),
            );
            return;
        }
        let (source, count) = self.counted;
        if let Some(n) = count(view).filter(|n| *n > 0) {
            found.push(
                finding(format!("{ip}packets for other hosts came in, and forwarding is off"))
                    .severity(Severity::Warning)
                    .seen(source, n.to_string())
                    .possible("hosts may be sending packets here that are none of its business"),
            );
        }
    }

    /// Is it the reason for which this packet was lost?
    pub fn why(&self, case: &Case<'_, '_>) -> Option<String> {
        let c = case.culprit();
        let s = c.sysctl.as_ref().filter(|s| s.key == self.key && c.kind == CulpritKind::Sysctl)?;
        let ip = if self.v6 { "IPv6" } else { "IPv4" };
        Some(format!("{} is {}: this host forwards no {ip} packets", s.key, s.value))
    }
}

/// A rule that translates what has to be forwarded afterwards: to another host, if there is one such.
pub(super) fn translation(view: &View<'_>, v6: bool) -> Option<(Place, Act)> {
    let to_others = |act: &Act| matches!(act, Act::Dnat(Some((to, _))) if to.is_ipv6() == v6 && view.is_elsewhere(*to));
    if let Some(way) = view.translations().all.iter().find(|way| to_others(&way.act)) {
        return Some((way.at, way.act.clone()));
    }
    let mut found = None;
    for chain in chains(view.rules).filter(|c| !view.bases(*c).is_empty()) {
        act::each(view.rules, chain, |at, acts| {
            let sources = acts.into_iter().find(|act| match act {
                // A table of both families masquerades IPv6 whether anybody wants that or not.
                Act::Masquerade => (view.rule(at).entry.family == Some("ip6")) == v6,
                Act::Snat(Some((to, _))) => to.is_ipv6() == v6,
                _ => false,
            });
            found = found.take().or_else(|| Some((at, sources?)));
        });
    }
    found
}

/// A rule of nobody's that lets new connections through this host, and names whose: an interface or an address.
fn accepting(view: &View<'_>, v6: bool) -> Option<Place> {
    let mut found = None;
    for chain in view.chains_at(if v6 { "ip6" } else { "ip" }, Hook::Forward) {
        // A rule for both families may be meant for the other one.
        let meant = view.listing.chain(chain).family == if v6 { "ip6" } else { "ip" };
        if !meant {
            continue;
        }
        let names = |at| view.shape(at).is_some_and(|(axes, s)| s.regions.iter().any(|r| names_somebody(axes, r)));
        act::each(view.rules, chain, |at, acts| {
            let is_it = || acts.contains(&Act::Accept) && names(at) && manager::of_rule(view.rules, at).is_none();
            found = found.or_else(|| is_it().then_some(at));
        });
    }
    found
}

fn names_somebody(axes: &Axes, region: &Region) -> bool {
    let mut names = false;
    for (axis, ranges) in region.iter() {
        match axes.what(axis) {
            Some(What::State) if !ranges.contains(u128::from(NEW.trailing_zeros())) => return false,
            Some(What::Input | What::Output) => names = true,
            Some(What::Source4 | What::Destination4 | What::Source6 | What::Destination6) => names = true,
            _ => {}
        }
    }
    names
}

/// Where destinations are translated to, other than this host, by rules and elements of maps that name one address.
pub(super) fn servers(view: &View<'_>) -> Vec<(IpAddr, Place)> {
    let own = view.translations_at(Hook::Output);
    let ways = view.translations().all.iter().chain(&own.all);
    let all = ways.filter_map(|way| match way.act {
        Act::Dnat(Some((low, high))) if low == high && view.is_elsewhere(low) => Some((low, way.at)),
        _ => None,
    });
    all.collect()
}
