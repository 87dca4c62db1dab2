//! A client, a router and a server, and what is asked about them.

use nfblame::evaluate::Fact;
use nfblame::host::route::{self, Outcome};
use nfblame::host::{Host, KernelHost, Query, Refusal};
use nfblame::sys::ct::L4;
use nfblame::sys::rt::{Address, Link, NewRoute, Route, RouteKind, Rule};

use crate::common::{Netns, veth};
use std::net::IpAddr;
use std::rc::Rc;

/// A client, a router, and a server behind it; forwarding is on.
pub struct Lab {
    pub client: Netns,
    pub router: Netns,
    pub server: Netns,
}

impl Lab {
    pub fn new() -> Self {
        let lab = Self { client: Netns::new(), router: Netns::new(), server: Netns::new() };
        veth(&lab.client, "eth0", "192.0.2.2/24", &lab.router, "eth0", "192.0.2.1/24");
        veth(&lab.router, "eth1", "10.0.5.1/24", &lab.server, "eth0", "10.0.5.2/24");
        lab.client.route("0.0.0.0/0", "192.0.2.1");
        lab.server.route("0.0.0.0/0", "10.0.5.1");
        for (key, value) in [("ip_forward", "1"), ("conf.all.rp_filter", "0"), ("conf.default.rp_filter", "0")] {
            lab.router.sysctl(&format!("net.ipv4.{key}"), value);
        }
        for link in ["eth0", "eth1"] {
            lab.router.sysctl(&format!("net.ipv4.conf.{link}.rp_filter"), "0");
        }
        lab
    }

    pub fn rt_route(&self, to: &str, kind: RouteKind) {
        let route = NewRoute::kind(to.parse().unwrap(), kind.raw());
        self.router.rt(|rt| rt.add_route(route)).unwrap();
    }

    /// Where a TCP packet that comes in by an interface of the router goes.
    pub fn route(&self, iif: &str, src: &str, dst: &str) -> Outcome {
        self.route_marked(iif, src, dst, 0)
    }

    pub fn route_marked(&self, iif: &str, src: &str, dst: &str, mark: u32) -> Outcome {
        let query = Query { mark: Fact::Is(mark), ..tcp(src, dst).via(self.router.index(iif)) };
        self.router.run(|| {
            let host = KernelHost::open().unwrap();
            let asked = route::input(&host, &query);
            let walked = route::input(&Tables(&host), &query);
            assert_eq!(summary(&asked), summary(&walked), "{src} > {dst} by {iif}: the kernel and the walk disagree");
            asked
        })
    }

    pub fn refused(&self, iif: &str, src: &str, dst: &str) -> Refusal {
        refusal(self.route(iif, src, dst))
    }
}

pub fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => *refusal,
        other => panic!("not refused: {other:?}"),
    }
}

/// The part of an outcome that the kernel and the walk have to agree on.
pub fn summary(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Local(_) => "local".into(),
        Outcome::Onward(way) => format!("by {} via {:?}", way.oif, way.gateway),
        Outcome::Refused(r) => format!("refused: {}", r.cause),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    }
}

/// The same host without the kernel's lookup.
pub struct Tables<'a>(pub &'a KernelHost);

impl Host for Tables<'_> {
    fn sysctl(&self, key: &str) -> Fact<String> {
        Host::sysctl(self.0, key)
    }
    fn links(&self) -> Fact<Rc<[Link]>> {
        self.0.links()
    }
    fn addresses(&self) -> Fact<Rc<[Address]>> {
        self.0.addresses()
    }
    fn rules(&self, v6: bool) -> Fact<Rc<[Rule]>> {
        self.0.rules(v6)
    }
    fn routes_to(&self, table: u32, to: IpAddr) -> Fact<Rc<[Route]>> {
        self.0.routes_to(table, to)
    }
    fn proc_net(&self, name: &str) -> Fact<String> {
        self.0.proc_net(name)
    }
}

pub fn tcp(src: &str, dst: &str) -> Query {
    let l4 = L4::Ports { src: 40000, dst: 80 };
    Query {
        tcp_flags: Some(2),
        ttl: Some(64),
        length: Some(60),
        ..Query::new(src.parse().unwrap(), dst.parse().unwrap(), 6, l4)
    }
}

pub fn setting(r: &Refusal) -> (String, String, String) {
    let (s, wanted) = r.setting.clone().unwrap_or_else(|| panic!("no setting: {r:?}"));
    (s.key, s.value.to_string(), wanted)
}

pub fn triple(key: &str, value: &str, wanted: &str) -> (String, String, String) {
    (key.into(), value.into(), wanted.into())
}
