//! Routes and routing rules that lead nowhere: what the sender is told, and whose word it is.

use super::super::facts::Host;
use super::super::query::Query;
use super::super::refusal::{Cause, Refusal};
use super::fib::{Found, answering, is_usual};
use super::input4::route_to;
use crate::evaluate::DeadEnd;
use crate::sys::rt::Link;

/// A destination that rules and tables reject.
pub(super) fn refuse<H: Host + ?Sized>(host: &H, q: &Query, iif: Option<&Link>, found: &Found) -> Refusal {
    use nix::libc::{EACCES, EHOSTUNREACH, ENETUNREACH};
    let v6 = q.is_v6();
    let (cause, told) = match (found, found.errno()) {
        (Found::Nothing, _) => (Cause::NoRoute, Some(if v6 { "icmp6-no-route" } else { "icmp-net-unreachable" })),
        (_, Some(ENETUNREACH)) => {
            (Cause::Unreachable, Some(if v6 { "icmp6-no-route" } else { "icmp-net-unreachable" }))
        }
        (_, Some(EHOSTUNREACH)) => {
            (Cause::Unreachable, Some(if v6 { "icmp6-no-route" } else { "icmp-host-unreachable" }))
        }
        (_, Some(EACCES)) => (Cause::Prohibit, Some(if v6 { "icmp6-adm-prohibited" } else { "icmp-admin-prohibited" })),
        _ => (Cause::Blackhole, None),
    };
    let mut refusal = Refusal::new(cause);
    match source(host, q, iif, found) {
        Some((found, by)) => {
            refusal = refusal.because(route_to(q.dst), found.describe());
            if let Some(rule) = by.rule.as_ref().filter(|_| by.route.is_some()) {
                refusal = refusal.because("routing rule", rule.to_string());
            }
            refusal.dead_end = Some(Box::new(by));
        }
        None => refusal = refusal.because(route_to(q.dst), found.describe()),
    }
    match told {
        Some(told) => refusal.telling(told),
        None => refusal,
    }
}

/// What exactly rejects it: the kernel tells no more than the kind of it. None: nothing does, or it cannot be told.
fn source<H: Host + ?Sized>(host: &H, q: &Query, iif: Option<&Link>, told: &Found) -> Option<(Found, DeadEnd)> {
    let (found, rule) = answering(host, q, iif).ok().filter(|(found, _)| found.errno() == told.errno())?;
    let rule = rule.filter(|r| !is_usual(r));
    let route = match &found {
        Found::Route(route) => Some((**route).clone()),
        Found::Rule(_) => None,
        Found::Nothing => return None,
    };
    Some((found, DeadEnd { rule, route }))
}
