//! One walk through rules and tables (`fib_lookup`, `fib_rules_lookup`), without the checks around it.

use std::net::IpAddr;

use super::super::facts::Host;
use super::super::query::Query;
use super::super::sysctl::Why;
use crate::evaluate::Fact;
use crate::sys::rt::{Link, Lookup, Route, RouteKind, Rule, TableName};
use crate::sys::uapi::rtnetlink::{FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_PROHIBIT, FR_ACT_TO_TBL, FR_ACT_UNREACHABLE};

/// What rules and tables say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A route, of any kind but throw.
    Route(Box<Route>),
    /// A rule that answers by itself.
    Rule(Box<Rule>),
    /// Nothing.
    Nothing,
}

impl Found {
    /// The errno that `fib_lookup` returns for it (`fib_props`, `fib4_rule_action`); None: a usable route.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Self::Nothing => Some(nix::libc::ENETUNREACH),
            Self::Rule(rule) => Some(match rule.action {
                FR_ACT_UNREACHABLE => nix::libc::ENETUNREACH,
                FR_ACT_PROHIBIT => nix::libc::EACCES,
                _ => nix::libc::EINVAL,
            }),
            Self::Route(route) => match route.kind {
                RouteKind::Blackhole | RouteKind::Unknown(_) => Some(nix::libc::EINVAL),
                RouteKind::Unreachable => Some(nix::libc::EHOSTUNREACH),
                RouteKind::Prohibit => Some(nix::libc::EACCES),
                _ => None,
            },
        }
    }

    /// In words, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::Nothing => "no route".into(),
            Self::Rule(rule) => format!("rule {rule}"),
            // The kernel names no table where it only refuses.
            Self::Route(route) if route.table == 0 => format!("{} {}", route.kind, route.dst),
            Self::Route(route) => {
                let by = route.origin().map_or_else(String::new, |by| format!(" proto {by}"));
                format!("{} {} table {}{by}", route.kind, route.dst, TableName(route.table))
            }
        }
    }
}

/// Looks an address up as the packet's path does, with `iif` as the interface that rules see.
///
/// # Errors
/// What is not known and would have to be.
pub fn resolve<H: Host + ?Sized>(host: &H, q: &Query, iif: Option<&Link>) -> Result<Found, Why> {
    let rules = match host.rules(q.is_v6()) {
        Fact::Is(rules) => rules,
        Fact::Absent => return Ok(Found::Nothing),
        Fact::Unknown(why) => return Err(why),
    };
    // With nothing but unconditional rules the kernel can be asked for the bare lookup: as if the packet began here.
    // With an interface to leave by it would answer even without a route, so that is not asked.
    if rules.iter().all(|r| r.is_unconditional() && r.action == FR_ACT_TO_TBL && plain(r)) {
        let question = Lookup { tos: q.tos, fib_match: true, ..Lookup::to(q.dst) };
        match host.lookup(&question) {
            Fact::Is(Ok(route)) if q.oif == 0 || leaves_by(&route, q.oif) => {
                return Ok(Found::Route(Box::new((*route).clone())));
            }
            Fact::Is(Ok(_)) => {} // a shorter prefix may lead there
            Fact::Is(Err(errno)) => {
                if let Some(found) = from_errno(errno, q.dst) {
                    return Ok(found);
                }
                return Err(format!("the kernel answers a route lookup with errno {errno}").into());
            }
            Fact::Absent => {}
            Fact::Unknown(why) => return Err(why),
        }
    }
    Ok(walk(host, &rules, q, iif)?.0)
}

/// The same by the tables alone, with the rule that answered or sent it to the table of the answer.
///
/// # Errors
/// What is not known and would have to be.
pub(super) fn answering<H: Host + ?Sized>(
    host: &H,
    q: &Query,
    iif: Option<&Link>,
) -> Result<(Found, Option<Rule>), Why> {
    let rules = match host.rules(q.is_v6()) {
        Fact::Is(rules) => rules,
        Fact::Absent => return Ok((Found::Nothing, None)),
        Fact::Unknown(why) => return Err(why),
    };
    let (found, rule) = walk(host, &rules, q, iif)?;
    Ok((found, rule.cloned()))
}

fn walk<'r, H: Host + ?Sized>(
    host: &H,
    rules: &'r [Rule],
    q: &Query,
    iif: Option<&Link>,
) -> Result<(Found, Option<&'r Rule>), Why> {
    let mut after = None;
    for rule in rules {
        if after.is_some_and(|target| rule.priority < target) {
            continue;
        }
        after = None;
        if !holds(host, rule, q, iif)? {
            continue;
        }
        match rule.action {
            FR_ACT_NOP => {}
            // One that leads to no rule is passed over (`FIB_RULE_UNRESOLVED`).
            FR_ACT_GOTO => after = rule.goto.filter(|target| rules.iter().any(|r| r.priority == *target)),
            FR_ACT_TO_TBL => {
                if let Some(route) = in_table(host, rule, q)? {
                    return Ok((Found::Route(Box::new(route)), Some(rule)));
                }
            }
            _ => return Ok((Found::Rule(Box::new(rule.clone())), Some(rule))),
        }
    }
    Ok((Found::Nothing, None))
}

/// Is it one of the rules that every host has?
pub(super) fn is_usual(rule: &Rule) -> bool {
    const USUAL: [u32; 3] = [255, 254, 253];
    rule.is_unconditional() && rule.action == FR_ACT_TO_TBL && plain(rule) && USUAL.contains(&rule.table)
}

/// Does a rule take every answer of its table?
fn plain(rule: &Rule) -> bool {
    rule.suppress_prefixlen.is_none() && rule.suppress_ifgroup.is_none()
}

/// The bare lookup's errno names the kind of route, since no source was checked.
fn from_errno(errno: i32, dst: IpAddr) -> Option<Found> {
    let kind = match errno {
        nix::libc::ENETUNREACH => return Some(Found::Nothing),
        nix::libc::EHOSTUNREACH => RouteKind::Unreachable,
        nix::libc::EACCES => RouteKind::Prohibit,
        nix::libc::EINVAL => RouteKind::Blackhole,
        _ => return None,
    };
    Some(Found::Route(Box::new(Route::bare(kind, dst))))
}

/// `fib_rule_match` and `fib4_rule_match` / `fib6_rule_match`.
fn holds<H: Host + ?Sized>(host: &H, rule: &Rule, q: &Query, iif: Option<&Link>) -> Result<bool, Why> {
    if !rule.unknown.is_empty() {
        return Err(format!("routing rule {} with unknown selectors", rule.priority).into());
    }
    if rule.l3mdev {
        // Holds for interfaces that are enslaved to a VRF.
        return match iif.and_then(|l| l.slave_kind.as_ref()) {
            Some(kind) if *kind == "vrf" => Err("routing in a VRF".into()),
            _ => Ok(rule.invert),
        };
    }
    let mark = || match &q.mark {
        Fact::Is(mark) => Ok(*mark),
        Fact::Absent => Ok(0),
        Fact::Unknown(why) => Err(why.clone()),
    };
    let uid = || match &q.uid {
        Fact::Is(uid) => Ok(*uid),
        // A packet that nobody here sends is root's (`sock_net_uid`).
        _ if q.iif != 0 => Ok(0),
        Fact::Absent => Ok(0),
        Fact::Unknown(why) => Err(why.clone()),
    };
    let name = iif.map_or(b"lo".as_slice(), |l| l.name.as_bytes());
    let (sport, dport) = q.ports().unwrap_or((0, 0));
    let within = |range: Option<(u16, u16)>, port: u16| range.is_none_or(|(from, to)| (from..=to).contains(&port));
    let all = rule.iif.as_ref().is_none_or(|i| i.as_bytes() == name)
        && match &rule.oif {
            Some(name) => q.oif != 0 && host.link_named(name.as_bytes()).known().is_some_and(|l| l.index == q.oif),
            None => true,
        }
        && rule.tunnel.is_none()
        && match rule.mark {
            Some((value, mask)) => (mark()? ^ value) & mask == 0,
            None => true,
        }
        && match rule.uid {
            Some((from, to)) => (from..=to).contains(&uid()?),
            None => true,
        }
        && rule.src.is_none_or(|p| p.contains(q.src))
        && rule.dst.is_none_or(|p| p.contains(q.dst))
        && tos_matches(rule, q.tos)
        && rule.protocol.is_none_or(|p| Some(p) == q.protocol)
        && within(rule.sport, sport)
        && within(rule.dport, dport);
    Ok(all != rule.invert)
}

/// A `tos` selector sees the old three bits of the TOS only, a `dscp` selector all six.
fn tos_matches(rule: &Rule, tos: u8) -> bool {
    const OLD: u8 = 0x1c;
    rule.dscp.is_none_or(|d| d == tos >> 2) && (rule.tos == 0 || rule.tos == tos & OLD)
}

/// `fib_table_lookup`, then `fib4_rule_suppress`.
fn in_table<H: Host + ?Sized>(host: &H, rule: &Rule, q: &Query) -> Result<Option<Route>, Why> {
    const DEAD: u32 = 1; // RTNH_F_DEAD (include/uapi/linux/rtnetlink.h)
    let routes = match host.routes_to(rule.table, q.dst) {
        Fact::Is(routes) => routes,
        Fact::Absent => return Ok(None),
        Fact::Unknown(why) => return Err(why),
    };
    let best = routes.iter().find(|r| {
        (r.tos == 0 || r.tos == q.tos & 0x1c)
            && (r.hops.is_empty() || r.hops.iter().any(|h| h.flags & DEAD == 0))
            && (q.oif == 0 || r.hops.is_empty() || leaves_by(r, q.oif))
            && r.src.is_none_or(|p| p.len == 0 || p.contains(q.src))
    });
    let Some(best) = best else { return Ok(None) };
    if best.kind == RouteKind::Throw || rule.suppress_prefixlen.is_some_and(|n| u32::from(best.dst.len) <= n) {
        return Ok(None);
    }
    if let (Some(group), Some(oif)) = (rule.suppress_ifgroup, best.oif()) {
        match host.link(oif) {
            Fact::Is(link) if link.group == group => return Ok(None),
            Fact::Unknown(why) => return Err(why),
            _ => {}
        }
    }
    Ok(Some(best.clone()))
}

fn leaves_by(route: &Route, oif: u32) -> bool {
    route.hops.iter().any(|h| h.oif == Some(oif))
}
