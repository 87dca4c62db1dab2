//! IPsec policies that stop packets: which did not come through IPsec, or cannot leave through it.

use super::facts::Host;
use super::query::Query;
use super::refusal::{Cause, Refusal};
use super::sysctl::{Why, larger};
use crate::evaluate::Fact;
use crate::sys::rt::{Direction, Policy};

/// The policy that stops a packet of that direction (`__xfrm_policy_check`).
pub(super) fn stopped<H: Host + ?Sized>(host: &H, q: &Query, direction: Direction) -> Result<Option<Refusal>, Why> {
    let Some(policy) = decides(host, q, direction)? else { return Ok(None) };
    if !policy.block {
        // One with templates drops what came in the clear.
        let refusal = refused(&policy, "IPsec policy").with_detail("policy: only through IPsec");
        let refusal = refusal.unless("whether the packet came through IPsec", true);
        return Ok(policy.wants_ipsec.then_some(refusal));
    }
    if is_on(host, q, q.iif, "disable_policy")? {
        return Ok(None);
    }
    Ok(Some(refused(&policy, "IPsec policy: block")))
}

/// The policy that keeps a packet from leaving by an interface (`xfrm_lookup`).
pub(super) fn kept_in<H: Host + ?Sized>(host: &H, q: &Query, oif: u32) -> Result<Option<Refusal>, Why> {
    let q = &Query { oif, ..q.clone() };
    let Some(policy) = decides(host, q, Direction::Out)? else { return Ok(None) };
    // IPv6 has no such setting.
    if (!policy.block && !policy.wants_ipsec) || (!q.is_v6() && is_on(host, q, oif, "disable_xfrm")?) {
        return Ok(None);
    }
    if policy.block {
        return Ok(Some(refused(&policy, "IPsec policy: block")));
    }
    let refusal = refused(&policy, "IPsec policy").with_detail("policy: only through IPsec");
    Ok(Some(match host.has_ipsec_states() {
        Fact::Is(false) => refusal.because("IPsec states", "none"),
        _ => refusal.unless("whether an IPsec state fits the policy", true),
    }))
}

fn refused(policy: &Policy, what: &str) -> Refusal {
    let text = format!("{} > {} priority {}", policy.src, policy.dst, policy.priority);
    Refusal::new(Cause::IpsecPolicy).because(what, text)
}

/// The first policy that holds decides.
fn decides<H: Host + ?Sized>(host: &H, q: &Query, direction: Direction) -> Result<Option<Policy>, Why> {
    let policies = match host.policies() {
        Fact::Is(all) => all,
        Fact::Absent => return Ok(None),
        Fact::Unknown(why) => return Err(why),
    };
    if policies.is_empty() {
        return Ok(None);
    }
    let Some(protocol) = q.protocol else { return Err("protocol of the packet".into()) };
    let (sport, dport) = q.ports().unwrap_or((0, 0));
    let about = |p: &&Policy| {
        p.direction == direction
            && p.kind == 0
            && p.if_id == 0
            && (p.interface == 0 || [q.iif, q.oif].contains(&p.interface))
            && p.selects(q.src, q.dst, protocol, sport, dport)
    };
    for policy in policies.iter().filter(about) {
        if let Some((value, mask)) = policy.mark {
            match &q.mark {
                Fact::Unknown(why) => return Err(why.clone()),
                mark if (mark.value().copied().unwrap_or(0) & mask) != value => continue,
                _ => {}
            }
        }
        return Ok(Some(policy.clone()));
    }
    Ok(None)
}

/// Does an interface's setting take its packets out of this?
fn is_on<H: Host + ?Sized>(host: &H, q: &Query, interface: u32, name: &str) -> Result<bool, Why> {
    match host.link(interface) {
        Fact::Is(link) => Ok(larger(host, if q.is_v6() { "ipv6" } else { "ipv4" }, &link, name)?.is_on()),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    }
}
