//! IPsec policies that stop packets which did not come through IPsec.

use super::facts::Host;
use super::query::Query;
use super::refusal::{Cause, Refusal};
use super::sysctl::{Why, larger};
use crate::evaluate::Fact;
use crate::sys::rt::{Direction, Policy};

/// The policy that stops a packet of that direction (`__xfrm_policy_check`).
pub(super) fn stopped<H: Host + ?Sized>(host: &H, q: &Query, direction: Direction) -> Result<Option<Refusal>, Why> {
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
        if !policy.block {
            // The first policy that holds decides; one with templates drops what came in the clear.
            let text = format!("{} > {} priority {}", policy.src, policy.dst, policy.priority);
            let refusal = Refusal::new(Cause::IpsecPolicy).with_detail("policy: only through IPsec");
            let refusal = refusal.because("IPsec policy", text).unless("whether the packet came through IPsec", true);
            return Ok(policy.wants_ipsec.then_some(refusal));
        }
        if is_exempt(host, q)? {
            return Ok(None);
        }
        let text = format!("{} > {} priority {}", policy.src, policy.dst, policy.priority);
        return Ok(Some(Refusal::new(Cause::IpsecPolicy).because("IPsec policy: block", text)));
    }
    Ok(None)
}

/// `disable_policy` of the interface that it came in by.
fn is_exempt<H: Host + ?Sized>(host: &H, q: &Query) -> Result<bool, Why> {
    match host.link(q.iif) {
        Fact::Is(link) => Ok(larger(host, if q.is_v6() { "ipv6" } else { "ipv4" }, &link, "disable_policy")?.is_on()),
        Fact::Absent => Ok(false),
        Fact::Unknown(why) => Err(why),
    }
}
