//! Routes, routing rules and IPsec policies that lose packets, and a host without them.

use crate::evaluate::DeadEnd;
use crate::sys::rt::{Direction, Policy, Route, Rule, TableName};

use super::rule::is_plain;

/// What is taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A route.
    Route(Box<Route>),
    /// A routing rule.
    Rule(Box<Rule>),
    /// An IPsec policy.
    Policy(Box<Policy>),
}

/// What could be taken away, what is about the fewest packets first.
pub fn ways(end: &DeadEnd) -> Vec<Entry> {
    let rule = end.rule.clone().map(|r| Entry::Rule(Box::new(r)));
    let route = end.route.clone().map(|r| Entry::Route(Box::new(r)));
    // A default route is about everything that is looked up in its table, and a routing rule about what it asks for.
    if end.route.as_ref().is_none_or(|r| r.dst.len == 0) {
        rule.into_iter().chain(route).collect()
    } else {
        route.into_iter().chain(rule).collect()
    }
}

impl Entry {
    /// The command that takes it away. None: there is a name that no command line can hold safely.
    pub fn command(&self) -> Option<String> {
        Some(match self {
            Self::Route(r) => {
                let mut command = format!("{} route del {}", tool(r.dst.addr.is_ipv6()), named(r));
                if r.tos != 0 {
                    command += &format!(" tos {:#x}", r.tos);
                }
                if r.table != 254 {
                    command += &format!(" table {}", TableName(r.table));
                }
                if r.priority != 0 {
                    command += &format!(" metric {}", r.priority);
                }
                command
            }
            Self::Rule(r) => {
                if !r.unknown.is_empty() || ![&r.iif, &r.oif].into_iter().flatten().all(is_plain) {
                    return None;
                }
                let text = r.to_string();
                let (priority, what) = text.split_once(": ")?;
                format!("{} rule del priority {priority} {what}", tool(i32::from(r.family) == nix::libc::AF_INET6))
            }
            Self::Policy(p) => {
                let direction = match p.direction {
                    Direction::In => "in",
                    Direction::Out => "out",
                    Direction::Forward => "fwd",
                    Direction::Unknown(_) => return None,
                };
                format!("ip xfrm policy delete dir {direction} index {}", p.index)
            }
        })
    }

    /// For people: what is done, and whether it lasts.
    pub fn message(&self) -> String {
        match self {
            Self::Route(r) => {
                let origin = r.origin().map_or_else(String::new, |by| format!(" ({by} added it, and may do so again)"));
                format!("remove the route {}, if it is not meant{origin}", named(r))
            }
            Self::Rule(r) => format!("remove the routing rule {r}, if it is not meant"),
            Self::Policy(_) => {
                "remove it, unless it is there so that nothing goes out in the clear while the tunnel is down".into()
            }
        }
    }

    /// What else would go another way then.
    pub fn also(&self) -> String {
        match self {
            Self::Route(r) => format!("everything else to {} that has another route", r.dst),
            Self::Rule(_) => "everything else that the routing rule is about, by the rules behind it".into(),
            Self::Policy(p) => format!("everything else from {} to {} that the policy is about", p.src, p.dst),
        }
    }
}

fn tool(v6: bool) -> &'static str {
    if v6 { "ip -6" } else { "ip" }
}

/// `blackhole 10.0.0.0/8`, as ip-route(8) takes it.
fn named(r: &Route) -> String {
    if r.dst.len == 0 { format!("{} default", r.kind) } else { format!("{} {}", r.kind, r.dst) }
}
