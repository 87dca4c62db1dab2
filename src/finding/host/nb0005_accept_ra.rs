//! `NB0005`: a router whose uplink lives on router advertisements, and that does not take them any more.

use crate::finding::code::Code;
use crate::finding::fix::Fix;
use crate::finding::report::{Finding, Severity};
use crate::finding::view::View;
use crate::host::sysctl;
use crate::sys::rt::LinkFlags;

pub(super) const CODE: Code = Code {
    id: "NB0005",
    title: "router advertisements are not taken, because this host forwards",
    severity: Severity::Warning,
    meaning: "with forwarding on, accept_ra has to be 2 for an interface to go on learning its default route and addresses",
    page: include_str!("../../../docs/findings/NB0005.md"),
    check,
    why: None,
};

/// `RTPROT_RA`, and `RTPROT_KERNEL`, under which older kernels keep routes from advertisements.
const RA: u8 = 9;
/// `RTF_ADDRCONF` is not told over rtnetlink; an address that is not permanent came from advertisements.
const PERMANENT: u32 = nix::libc::IFA_F_PERMANENT;

fn check(view: &View<'_>, found: &mut Vec<Finding>) {
    let (Some(links), Some(routes)) = (view.host.links().known(), view.host.all_routes(true).known()) else { return };
    let addresses = view.host.addresses().known();
    for link in links.iter().filter(|l| l.flags.contains(LinkFlags::UP) && !l.is_loopback()) {
        let of = |name| sysctl::own(view.host, "ipv6", link, name);
        let (Ok(forwarding), Ok(accept)) = (of("forwarding"), of("accept_ra")) else { continue };
        if !forwarding.is_on() || accept.value != 1 {
            continue;
        }
        let learned = routes.iter().find(|r| r.protocol == RA && r.oif() == Some(link.index));
        let address = addresses
            .iter()
            .flat_map(|a| a.iter())
            .find(|a| a.index == link.index && a.local.addr.is_ipv6() && a.scope == 0 && a.flags & PERMANENT == 0);
        let shown = match (learned, address) {
            (Some(r), _) => format!("route {} by {} was learned from an advertisement, and expires", r.dst, link.name),
            (None, Some(a)) => {
                format!(
                    "address {} of {} is not permanent: it came from an advertisement, and expires",
                    a.local, link.name
                )
            }
            (None, None) => continue,
        };
        found.push(
            CODE.finding(format!("{} takes no router advertisements, and has lived on them", link.name))
                .seen(sysctl::file(&accept.key), "1")
                .seen(sysctl::file(&forwarding.key), "1")
                .seen("rtnetlink", shown)
                .possible("a program (NetworkManager, systemd-networkd, a DHCPv6 client) may be doing this instead of the kernel")
                .fix(Fix::sysctl(&accept.key, "2", "advertisements are taken although this host is a router")),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::testing;
    use crate::ruleset::Ruleset;
    use crate::sys::rt::{NextHop, Route, RouteKind};

    #[test]
    fn a_learned_route_and_forwarding_are_needed() {
        let mut host = testing::server();
        host.set("net.ipv6.conf.eth0.forwarding", 1).set("net.ipv6.conf.eth0.accept_ra", 1);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), [], "a router with addresses of its own");
        let hops = vec![NextHop { oif: Some(2), gateway: None, flags: 0 }];
        host.routes.push(Route { protocol: RA, hops, ..Route::bare(RouteKind::Unicast, [0u8; 16].into()) });
        let found = testing::find(&CODE, &Ruleset::default(), &host);
        assert_eq!(found[0].fix[0].commands, ["sysctl -w net.ipv6.conf.eth0.accept_ra=2"]);
        host.set("net.ipv6.conf.eth0.accept_ra", 2);
        assert_eq!(testing::find(&CODE, &Ruleset::default(), &host), []);
    }
}
