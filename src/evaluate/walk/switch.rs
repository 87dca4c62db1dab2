//! Through a bridge: up to the host behind it, or from port to port, past the rules for bridges and those for IP that
//! br_netfilter calls (net/bridge/br_input.c, br_forward.c, br_netfilter_hooks.c).

use std::net::IpAddr;

use crate::blame::CulpritKind;
use crate::blame::packet::{address, device_name};
use crate::evaluate::environment::{Environment, FibQuery, Link, Switch};
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::{self, Network};
use crate::evaluate::hook::Hook;
use crate::evaluate::obstacle::Obstacle;
use crate::evaluate::packet::Device;
use crate::evaluate::release::reached;
use crate::evaluate::stations::{Stations, What};
use crate::evaluate::traversal::Begin;
use crate::sys::nft::Family;

use super::switch_port::{For, surely_takes};
use super::{Fate, On, Way};

/// `PACKET_HOST`, `PACKET_OTHERHOST`.
const FOR_US: u8 = 0;
const FOR_OTHERS: u8 = 3;
/// `VLAN_HLEN`: so much more than its MTU a port takes.
const VLAN_TAG: usize = 4;
/// `NF_BR_PRI_BRNF`: where br_netfilter calls the rules for IP.
const PRI_BRNF: i32 = 0;
/// `NF_IP_PRI_CONNTRACK`, which connection tracking of bridges has, too.
const PRI_CONNTRACK: i32 = -200;

/// `RTN_UNICAST`, `RTN_LOCAL`, `RTN_BROADCAST`, `RTN_MULTICAST`.
const UNICAST: u8 = 1;
const FOR_THE_HOST: [u8; 3] = [2, 3, 5];

/// Does a host behind a bridge reach this address without the host that the bridge is of? It does on one network; and where
/// the bridge has no address, nobody can use it as a router.
pub fn is_behind(to: IpAddr, bridge: u32, env: &dyn Environment) -> bool {
    match env.address_type(to, None) {
        Fact::Is(kind) if !FOR_THE_HOST.contains(&kind) => {}
        _ => return false,
    }
    let way = env.fib(&FibQuery { to, from: None, oif: None, iif: None, mark: 0, tos: 0 }).known();
    let routed = way.filter(|w| w.kind == UNICAST);
    match (env.redirect_address(bridge, to), routed) {
        (_, Some(way)) if way.oif == bridge => way.gateway.is_none(),
        // Routers of IPv6 need no more than an address of the link.
        (Fact::Absent, routed) => to.is_ipv4() || routed.is_none(),
        _ => false,
    }
}

/// Has a table chains at the egress of devices?
fn has_egress(table: &crate::ruleset::nft::Table) -> bool {
    let mut bases = table.chains.iter().filter_map(|c| c.def.base.as_ref());
    bases.any(|b| b.hook == crate::sys::nft::Hook::Egress)
}

/// A bridge that has a packet.
pub(super) struct Crossing {
    pub bridge: Device,
    /// Of which the bridge has one for itself.
    addresses: Vec<Vec<u8>>,
    /// Its own.
    pub address: Vec<u8>,
    pub switch: Fact<Switch>,
    /// Does br_netfilter show the packet to the rules for IP?
    calls: bool,
}

/// Do answers between hosts on one link pass this host's connection tracking? They do where the link is a bridge that shows what
/// it switches to it.
pub fn tracks_neighbours(env: &dyn Environment, network: Network, link: u32) -> bool {
    matches!(env.link(link), Fact::Is(l) if l.kind == "bridge") && shows_to_rules(env, network, link)
}

/// Does br_netfilter show what a bridge switches to the rules for IP or ARP, and to connection tracking?
fn shows_to_rules(env: &dyn Environment, network: Network, bridge: u32) -> bool {
    let (at, key) = match network {
        Network::Ip4 => (0, "net.bridge.bridge-nf-call-iptables"),
        Network::Ip6 => (1, "net.bridge.bridge-nf-call-ip6tables"),
        Network::Arp => (2, "net.bridge.bridge-nf-call-arptables"),
        Network::Other(_) => return false,
    };
    match env.sysctl(key) {
        Fact::Is(on) if on.trim() != "0" => true,
        // A bridge may ask for it by itself, where br_netfilter is loaded.
        Fact::Is(_) => env.switch(bridge).value().and_then(|s| s.calls.get(at)).copied().unwrap_or(false),
        Fact::Absent | Fact::Unknown(_) => false,
    }
}

impl Way<'_, '_> {
    /// Lets a bridge have the packet, which came in by a port. It goes on if it is for the host behind the bridge: true as
    /// what comes in by the bridge, false as what comes in by the port itself.
    pub(super) fn bridge(&mut self, port: Fact<Device>, bridge: &Link) -> On<bool> {
        let crossing = self.crossing(&port, bridge);
        self.cx.packet.iif = port;
        match self.enters(&crossing)? {
            For::Bridge => {}
            For::Port => return Ok(false),
            For::PortPastInput => {
                self.bridge_hook(Hook::Input, &crossing)?;
                return Ok(false);
            }
        }
        let before = self.destination();
        self.bridge_hook(Hook::Prerouting, &crossing)?;
        self.may_send(&crossing)?;
        let after = self.destination();
        let up = match after {
            // What was translated goes where its new destination is.
            Some(to) if before != after => !is_behind(to, crossing.bridge.index, self.walk.env),
            _ => self.is_for_host(&crossing),
        };
        if !up {
            return Err(self.switched(&crossing)?);
        }
        self.bridge_hook(Hook::Input, &crossing)?;
        // Only br_netfilter remembers the port, and then the prerouting hook was passed already (`ip_sabotage_in`).
        if crossing.calls {
            self.cx.packet.physin = self.cx.packet.iif.clone();
            self.prerouted = true;
        }
        Ok(true)
    }

    /// A question names the bridge itself: by which of its ports the packet comes in is not known.
    pub(super) fn by_any_port(&mut self) -> On {
        let Some(iif) = self.cx.packet.iif.value().cloned() else { return Ok(()) };
        let bridge = self.known(self.walk.env.link(iif.index), "network device")?;
        self.bridge(Fact::unknown("port of the bridge that it comes in by"), &bridge)?;
        self.cx.packet.iif = Fact::Is(iif);
        self.cx.hook = Hook::Ingress;
        Ok(())
    }

    /// What leaves by a bridge passes its hooks on the way to one of its ports (`br_dev_xmit`). It was shown to the rules
    /// for IP before.
    pub(super) fn out_by_port(&mut self) -> On {
        let Some(oif) = self.cx.packet.oif.value().cloned() else { return Ok(()) };
        let bridge = match self.walk.env.link(oif.index) {
            Fact::Is(link) if link.kind == "bridge" => link,
            _ => return Ok(()),
        };
        let hook = self.cx.hook;
        let crossing = Crossing { calls: false, ..self.crossing(&Fact::Absent, &bridge) };
        let iif = std::mem::replace(&mut self.cx.packet.iif, Fact::Absent);
        self.cx.packet.oif = self.port_out(&crossing)?;
        let what = "whether a port of the bridge takes it";
        let surely = crossing.switch.value().is_some_and(surely_takes);
        if self.cx.packet.oif.is_unknown() && !surely && !self.cx.ask(what, what.as_bytes(), true) {
            return Err(Fate::Unknown(what.into()));
        }
        self.bridge_hook(Hook::Output, &crossing)?;
        self.out_of_port(&crossing)?;
        (self.cx.packet.iif, self.cx.packet.oif, self.cx.hook) = (iif, Fact::Is(oif), hook);
        Ok(())
    }

    fn crossing(&self, port: &Fact<Device>, bridge: &Link) -> Crossing {
        let switch = self.walk.env.switch(bridge.index);
        let mut addresses = vec![bridge.address.clone()];
        if let Some(Fact::Is(link)) = port.value().map(|p| self.walk.env.link(p.index)) {
            addresses.push(link.address);
        }
        // What has a VLAN tag is shown to them only where that is asked for.
        let tagged = matches!(self.cx.packet.vlan, Fact::Is(_))
            && !matches!(self.walk.env.sysctl("net.bridge.bridge-nf-filter-vlan-tagged"), Fact::Is(v) if v.trim() != "0");
        let calls = !tagged && shows_to_rules(self.walk.env, self.cx.packet.network, bridge.index);
        if let Fact::Is(switch) = &switch {
            addresses.extend(switch.ports.iter().map(|p| p.address.clone()));
        }
        Crossing {
            bridge: Device { index: bridge.index, name: Fact::Is(bridge.name.clone()) },
            addresses,
            address: bridge.address.clone(),
            switch,
            calls,
        }
    }

    fn destination(&self) -> Option<IpAddr> {
        self.cx.packet.addresses().and_then(|(_, to)| address(to))
    }

    /// Does the frame go to the bridge itself, be it with others?
    fn is_for_host(&mut self, crossing: &Crossing) -> bool {
        let Some(to) = self.cx.packet.link.value().and_then(|h| h.get(..6)).map(<[u8]>::to_vec) else {
            return self.cx.packet.pkttype != Fact::Is(FOR_OTHERS);
        };
        // Of what is for all, the host gets one copy, and so it does where it listens to everything: that one is walked.
        let promiscuous = crossing.switch.value().is_some_and(|s| s.promiscuous);
        let own = match crossing.switch.value().map(|s| &s.stations) {
            Some(Fact::Is(all)) => all.iter().any(|(address, port)| port.is_none() && *address == to),
            _ => crossing.addresses.contains(&to),
        };
        promiscuous || own || (to[0] & 1 != 0 && self.cx.packet.pkttype != Fact::Is(FOR_OTHERS))
    }

    /// From port to port (`br_forward`).
    fn switched(&mut self, crossing: &Crossing) -> On<Fate> {
        let out = self.port_out(crossing)?;
        let (name, by) = (device_name(&crossing.bridge), out.value().map_or_else(|| "a port".into(), device_name));
        self.kernel(format!("{name} switches it out by {by}"));
        self.cx.packet.oif = out;
        self.bridge_hook(Hook::Forward, crossing)?;
        self.out_of_port(crossing)?;
        Ok(Fate::Left)
    }

    /// Behind the hooks of what is switched and of what the host sends (`br_forward_finish`, `br_dev_queue_push_xmit`).
    fn out_of_port(&mut self, crossing: &Crossing) -> On {
        let iif = self.cx.packet.iif.clone();
        self.bridge_hook(Hook::Postrouting, crossing)?;
        self.cx.packet.iif = iif;
        if self.walk.rules.tracks_on_bridges() {
            self.confirm()?;
        }
        if let Some(out) = self.cx.packet.oif.value().and_then(|d| self.walk.env.link(d.index).known())
            && self.cx.packet.length > out.mtu as usize + VLAN_TAG
        {
            let long =
                format!("{} bytes are too long for {}, which takes {}", self.cx.packet.length, out.name, out.mtu);
            return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Mtu, long))));
        }
        if self.cx.packet.oif.is_unknown() && self.walk.rules.rules.nft.iter().any(has_egress) {
            return Err(Fate::Unknown("egress of the port of the bridge that it leaves by".into()));
        }
        self.hook(Hook::Egress, None)?;
        self.programs(true)
    }

    /// Walks a hook of bridges, and that of IP where br_netfilter calls it.
    pub(super) fn bridge_hook(&mut self, hook: Hook, crossing: &Crossing) -> On {
        let stations = Stations::new(self.walk.rules.rules, self.cx.packet.network, hook, None, Some(Family::Bridge));
        let mut ip = crossing.calls && hook != Hook::Input;
        let mut track = hook == Hook::Prerouting && self.walk.rules.tracks_on_bridges();
        self.cx.hook = hook;
        // By then nobody tells the rules where it came in; br_netfilter alone remembers.
        let port = self.cx.packet.iif.clone();
        if hook == Hook::Postrouting {
            self.cx.packet.iif = Fact::Absent;
        }
        for station in stations.0 {
            if track && station.priority > PRI_CONNTRACK {
                self.conntrack()?;
                track = false;
            }
            // At postrouting br_netfilter comes last.
            if ip && station.priority > PRI_BRNF && hook != Hook::Postrouting {
                self.ip_hook(hook, &crossing.bridge)?;
                ip = false;
            }
            if ip && station.priority == PRI_BRNF && self.is_passed_over(hook) {
                continue;
            }
            match station.what {
                What::Chain(chain) => self.base(chain, &Begin::Start)?,
                What::Foreign(foreign) => self.foreign(&foreign)?,
                What::Defrag | What::Conntrack | What::Nat(_) => {}
            }
        }
        if track {
            self.conntrack()?;
        }
        if !ip {
            return Ok(());
        }
        if hook == Hook::Postrouting {
            self.cx.packet.iif = port;
        }
        self.ip_hook(hook, &crossing.bridge)
    }

    /// Once it has called the rules for IP, br_netfilter goes on behind all that has its own priority, also what was not met
    /// yet (`br_nf_hook_thresh`). At the forward hook that is what was there before it, and on older kernels, where it has
    /// a priority before, all; at prerouting kernels before 6.0 do so.
    fn is_passed_over(&mut self, hook: Hook) -> bool {
        let likely = match hook {
            Hook::Forward => reached(self.walk.env, (6, 12)) == Fact::Is(false),
            Hook::Prerouting if reached(self.walk.env, (6, 0)) != Fact::Is(true) => false,
            _ => return false,
        };
        let what =
            "whether br_netfilter, whose priority they share, was there before these rules (or else passes over them)";
        self.cx.ask(what, b"br_netfilter passes over", likely)
    }

    /// A hook of IP, as br_netfilter calls it: the rules see the bridge, and its ports beside it.
    fn ip_hook(&mut self, hook: Hook, bridge: &Device) -> On {
        // `br_validate_ipv4`, `br_validate_ipv6`
        if hook == Hook::Prerouting
            && !self.walk.past
            && let Some(why) = headers::broken(&self.cx.packet)
        {
            return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Unknown, why))));
        }
        let packet = &mut self.cx.packet;
        let seen = (packet.iif.clone(), packet.oif.clone(), packet.pkttype.clone());
        let shown = if hook == Hook::Postrouting { Fact::Absent } else { Fact::Is(bridge.clone()) };
        packet.physin = std::mem::replace(&mut packet.iif, shown);
        if hook != Hook::Prerouting {
            packet.physout = std::mem::replace(&mut packet.oif, Fact::Is(bridge.clone()));
        }
        if packet.pkttype == Fact::Is(FOR_OTHERS) {
            packet.pkttype = Fact::Is(FOR_US);
        }
        self.hook(hook, None)?;
        self.cx.hook = hook;
        let packet = &mut self.cx.packet;
        (packet.iif, packet.oif, packet.pkttype) = seen;
        (packet.physin, packet.physout) = (Fact::Absent, Fact::Absent);
        Ok(())
    }
}
