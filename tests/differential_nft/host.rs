//! The host of the lab, as far as rules may ask.

use std::net::IpAddr;

use nfblame::evaluate::environment::{FibAnswer, FibQuery, Link, SocketFacts};
use nfblame::evaluate::{Environment, Fact};
use nfblame_sys::ct::{Tuple, Zone};

/// Its devices.
pub struct Host {
    pub v1: u32,
    pub v2: u32,
    pub mac: [u8; 6],
}

impl Environment for Host {
    fn link(&self, index: u32) -> Fact<Link> {
        let (name, kind, hardware, address) = match index {
            1 => ("lo", "", 772, vec![0; 6]),
            i if i == self.v1 => ("v1", "veth", 1, self.mac.to_vec()),
            i if i == self.v2 => ("v2", "veth", 1, Vec::new()),
            _ => return Fact::Absent,
        };
        Fact::Is(Link {
            index,
            name: name.into(),
            kind: kind.into(),
            hardware,
            mtu: 1500,
            up: true,
            address,
            ..Link::default()
        })
    }

    fn fib(&self, query: &FibQuery) -> Fact<FibAnswer> {
        // The lab's routing tables: two prefixes of each family, and the host's own addresses.
        let answer = |kind, oif| FibAnswer { kind, oif, ..FibAnswer::default() };
        let (near, far, here) = match query.to {
            IpAddr::V4(a) => match a.octets() {
                [10, 9, 0, n] => (true, false, n == 2),
                [10, 9, 1, n] => (false, true, n == 2),
                _ => (false, false, false),
            },
            IpAddr::V6(a) => match a.segments() {
                [0x2001, 0xdb8, 9, 0, rest @ ..] => (true, false, rest == [0, 0, 0, 2]),
                [0x2001, 0xdb8, 16, 0, rest @ ..] => (false, true, rest == [0, 0, 0, 2]),
                _ => (false, false, false),
            },
        };
        match (here, near, far) {
            (true, ..) => Fact::Is(answer(2, 1)),
            (_, true, _) => Fact::Is(answer(1, self.v1)),
            (_, _, true) => Fact::Is(answer(1, self.v2)),
            _ => Fact::Absent,
        }
    }

    fn way_back(&self, to: IpAddr) -> Fact<FibAnswer> {
        self.fib(&FibQuery { to, from: None, oif: None, iif: None, mark: 0, tos: 0 })
    }

    fn sysctl(&self, key: &str) -> Fact<String> {
        match key {
            "net.ipv6.conf.lo.mtu" | "net.ipv6.conf.v1.mtu" | "net.ipv6.conf.v2.mtu" => Fact::Is("1500".into()),
            _ => Fact::unknown("sysctl"),
        }
    }

    fn address_type(&self, address: IpAddr, _: Option<u32>) -> Fact<u8> {
        let text = address.to_string();
        let here = ["10.9.0.2", "10.9.1.2", "2001:db8:9::2", "2001:db8:10::2"].contains(&text.as_str());
        let broadcast = ["10.9.0.255", "10.9.1.255"].contains(&text.as_str());
        // IPv4 looks into the local table only: what that does not know is unicast. IPv6 looks for a route.
        let routed = address.is_ipv4() || text.starts_with("2001:db8:9::") || text.starts_with("2001:db8:10::");
        Fact::Is(match (here, broadcast, routed) {
            (true, ..) => 2,
            (_, true, _) => 3,
            (.., true) => 1,
            _ => 7,
        })
    }

    fn masquerade_address(&self, device: u32, towards: IpAddr) -> Fact<IpAddr> {
        let address = match (device == self.v1, towards.is_ipv4()) {
            (true, true) => "10.9.0.2",
            (false, true) => "10.9.1.2",
            (true, false) => "2001:db8:9::2",
            (false, false) => "2001:db8:10::2",
        };
        Fact::Is(address.parse().unwrap())
    }

    fn redirect_address(&self, device: u32, destination: IpAddr) -> Fact<IpAddr> {
        self.masquerade_address(device, destination)
    }

    fn tuple_taken(&self, _: &Tuple, _: Zone) -> Fact<bool> {
        // Each packet has a source port of its own.
        Fact::Is(false)
    }

    fn socket(&self, _: u8, _: (IpAddr, u16), _: (IpAddr, u16)) -> Fact<SocketFacts> {
        Fact::Absent
    }

    fn under_ipsec(&self) -> Fact<bool> {
        Fact::Is(false)
    }

    fn since_ruleset(&self) -> Fact<i64> {
        // Elements that rules add come between.
        Fact::Is(1000)
    }
}
