//! `NB0019`: a router that has to say "too big", and whose own rules do not let it.

use crate::evaluate::packet::CtState;
use crate::explain::{Craft, Question, Side};
use crate::finding::code::Code;
use crate::finding::probe::{self, Peer, TCP};
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::host::sysctl;
use crate::sys::rt::Link;

pub(super) const CODE: Code = Code {
    id: "NB0019",
    title: "this router's rules drop its own messages that a packet is too big",
    severity: Severity::Warning,
    meaning: "large packets for a link with a smaller MTU are dropped, and their senders never learn why: connections stall",
    page: include_str!("../../../docs/findings/NB0019.md"),
    check,
    why: None,
};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let Some(links) = view.host.links().known() else { return };
    let link = |p: &Peer| links.iter().find(|l| l.name == p.link);
    for v6 in [false, true] {
        let key = if v6 { "net.ipv6.conf.all.forwarding" } else { "net.ipv4.ip_forward" };
        if !sysctl::number(view.host, key.into()).is_ok_and(|s| s.is_on()) {
            continue;
        }
        let here: Vec<(&Peer, &Link)> = view
            .peers()
            .iter()
            .filter(|p| p.on_link && p.own.is_ipv6() == v6)
            .filter_map(|p| Some((p, link(p)?)))
            .collect();
        let Some((_, narrow)) = here.iter().min_by_key(|(_, l)| l.mtu) else { continue };
        for (peer, wide) in here.iter().filter(|(_, l)| l.mtu > narrow.mtu) {
            let Some(q) = too_big(peer) else { continue };
            let Some(at) = view.ask(&q).and_then(|e| probe::stopped_at(&e)) else { continue };
            let name = if v6 { "ICMPv6 packet-too-big" } else { "ICMP fragmentation-needed" };
            found.push(
                CODE.finding(format!("{name} from this router to {} is dropped", peer.place()))
                    .rule(view.rule(at).label("the message ends here").verdict())
                    .seen("rtnetlink: MTU", format!("{} {}, {} {}", wide.name, wide.mtu, narrow.name, narrow.mtu))
                    .seen("simulation", format!("{name}, related, out by {}: dropped", wide.name))
                    .note("accept related packets, or this type, at the output hook; TCP alone is helped by clamping its MSS to the path's MTU"),
            );
            break;
        }
    }
}

/// What this router would tell somebody on that link.
fn too_big(peer: &Peer) -> Option<Question> {
    let lost = probe::packet(TCP, (peer.remote, 45678), (peer.own, 443), CtState::New)?;
    let (protocol, icmp) = if peer.own.is_ipv6() { (ICMPV6, (2, 0)) } else { (ICMP, (3, 4)) };
    let craft = Craft { icmp, payload: Some(lost.bytes), ..Craft::new(protocol, peer.own, peer.remote) };
    let (network, bytes) = craft.plain_icmp().make().ok()?;
    Some(Question { side: Side::Out, ct: Some(CtState::Related), ..Question::new(network, bytes) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::nft::{BaseChain, Family, Hook, Verdict};

    fn output(policy: Verdict) -> Ruleset {
        let base = BaseChain { policy, ..BaseChain::filter(Hook::Output, 0) };
        testing::with(testing::table(Family::Ip, "output", Some(base), Vec::new()))
    }

    #[test]
    fn a_narrow_link_forwarding_and_a_closed_output_hook_are_needed() {
        let mut host = testing::router();
        assert_eq!(testing::find(&CODE, &output(Verdict::Drop), &host), [], "all links are equal");
        if let Some(l) = host.links.last_mut() {
            l.mtu = 1400;
        }
        assert_eq!(testing::find(&CODE, &output(Verdict::Drop), &host).len(), 1);
        assert_eq!(testing::find(&CODE, &output(Verdict::Accept), &host), []);
        host.set("net.ipv4.ip_forward", 0);
        assert_eq!(testing::find(&CODE, &output(Verdict::Drop), &host), []);
    }
}
