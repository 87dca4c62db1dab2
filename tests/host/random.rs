//! Random networks.

use nfblame::evaluate::Fact;
use nfblame::host::route::{self};
use nfblame::host::{KernelHost, Query};
use nfblame::sys::rt::{NewRoute, NewRule, RouteKind};

use crate::common::kernel_tests;
use crate::world::{Lab, Tables, summary, tcp};

kernel_tests! {
    the_walk_agrees_with_the_kernel_on_random_networks needs [];
}

/// A reproducible source of choices (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) % below as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

/// Random settings, routes and rules; random packets: the walk never contradicts the kernel, and explains its refusals.
fn the_walk_agrees_with_the_kernel_on_random_networks() {
    let networks: u64 = std::env::var("NFBLAME_TEST_NETWORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    for seed in 0..networks {
        random_network(seed, 150);
    }
}

fn random_network(seed: u64, packets: usize) {
    const ADDRESSES: [&str; 18] = [
        "192.0.2.1",
        "192.0.2.2",
        "192.0.2.255",
        "10.0.5.1",
        "10.0.5.2",
        "10.0.5.77",
        "10.0.5.255",
        "198.51.100.1",
        "198.51.100.200",
        "203.0.113.1",
        "203.0.113.129",
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "224.9.9.9",
        "240.0.0.1",
    ];
    const NETS: [&str; 9] = [
        "0.0.0.0/0",
        "198.51.100.0/24",
        "198.51.100.128/25",
        "203.0.113.0/24",
        "203.0.113.128/25",
        "10.0.5.64/26",
        "192.0.2.0/25",
        "203.0.113.1/32",
        "240.0.0.0/4",
    ];
    let (lab, mut dice) = (Lab::new(), Dice(seed));
    for interface in ["all", "eth0", "eth1"] {
        for (key, values) in
            [("rp_filter", 3), ("forwarding", 2), ("accept_local", 2), ("route_localnet", 2), ("src_valid_mark", 2)]
        {
            // Mostly as it is found in practice.
            let value = if dice.roll(3) == 0 { dice.roll(values) } else { usize::from(key == "forwarding") };
            lab.router.sysctl(&format!("net.ipv4.conf.{interface}.{key}"), &value.to_string());
        }
    }
    let via = [Some("192.0.2.2"), Some("10.0.5.2"), None];
    let kinds = [
        RouteKind::Unicast,
        RouteKind::Unicast,
        RouteKind::Blackhole,
        RouteKind::Unreachable,
        RouteKind::Prohibit,
        RouteKind::Throw,
        RouteKind::Local,
    ];
    let (eth0, eth1) = (lab.router.index("eth0"), lab.router.index("eth1"));
    lab.router.rt(|rt| {
        for _ in 0..dice.roll(8) {
            let kind = dice.pick(&kinds);
            let via = dice.pick(&via).map(|a| a.parse().unwrap()).filter(|_| kind == RouteKind::Unicast);
            let bare = via.is_none() && matches!(kind, RouteKind::Unicast | RouteKind::Local);
            let oif = bare.then(|| dice.pick(&[eth0, eth1]));
            let route = NewRoute {
                via,
                oif,
                table: dice.pick(&[254, 66, 67]),
                ..NewRoute::kind(dice.pick(&NETS).parse().unwrap(), kind.raw())
            };
            let _ = rt.add_route(route); // one that is there already is refused
        }
        for priority in 0..dice.roll(4) {
            let rule = NewRule {
                mark: dice.pick(&[None, Some(1), Some(2)]),
                from: dice.pick(&[
                    None,
                    None,
                    Some("203.0.113.0/24".parse().unwrap()),
                    Some("192.0.2.0/24".parse().unwrap()),
                ]),
                iif: dice.pick(&[None, None, Some("eth0"), Some("lo")]),
                action: dice.pick(&[1, 1, 1, 6, 7, 8]),
                ..NewRule::lookup(nix::libc::AF_INET as u8, 100 + priority as u32, dice.pick(&[66, 67, 254]))
            };
            rt.add_rule(rule).unwrap();
        }
    });
    let disagreements = lab.router.run(|| {
        let host = KernelHost::open().unwrap();
        let mut found = Vec::new();
        for _ in 0..packets {
            let (src, dst) = (dice.pick(&ADDRESSES), dice.pick(&ADDRESSES));
            let (iif, mark) = (dice.pick(&[eth0, eth1]), dice.pick(&[0, 1, 2]));
            let query = Query { mark: Fact::Is(mark), ..tcp(src, dst).via(iif) };
            let (asked, walked) = (route::input(&host, &query), route::input(&Tables(&host), &query));
            if summary(&asked) != summary(&walked) {
                found.push(format!(
                    "seed {seed}: {src} > {dst} by {iif} mark {mark}: {} / {}",
                    summary(&asked),
                    summary(&walked)
                ));
            }
        }
        found
    });
    if !disagreements.is_empty() {
        let shown = if crate::common::find_program("ip").is_some() {
            lab.router.cmd("ip", &["rule"], "") + &lab.router.cmd("ip", &["route", "show", "table", "all"], "")
        } else {
            String::new()
        };
        panic!("{}\n{shown}", disagreements.join("\n"));
    }
}
