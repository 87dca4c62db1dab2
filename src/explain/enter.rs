//! From a question to a packet at the place where it enters.

use std::net::IpAddr;

use super::question::{Invalid, Question, Side};
use crate::blame::packet::address;
use crate::evaluate::environment::{FibQuery, Link};
use crate::evaluate::packet::Owner;
use crate::evaluate::walk::{Start, is_behind};
use crate::evaluate::{Device, Environment, Fact, Hook, Network, Packet, Routed};
use crate::sys::Text;

/// `RTN_LOCAL`.
const LOCAL: u8 = 2;
/// `ALTIFNAMSIZ`, without the zero at the end.
const LONGEST_NAME: usize = 127;
/// `ARPHRD_ETHER`, `ARPHRD_LOOPBACK`.
const ETHERNET: [u16; 2] = [1, 772];
const PACKET_HOST: u8 = 0;
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;
const PACKET_OTHERHOST: u8 = 3;

/// A packet that is ready for its walk.
#[derive(Debug)]
pub(super) struct Entered {
    pub packet: Packet,
    pub start: Start,
    /// What was assumed, for people.
    pub notes: Vec<String>,
}

/// Puts a packet where it enters this host.
pub(super) fn enter(q: &Question, env: &dyn Environment) -> Result<Entered, Invalid> {
    let mut packet = packet(q)?;
    let mut notes = Vec::new();
    let side = match &q.side {
        Side::Unsaid => guess(q, &packet, env, &mut notes)?,
        side => side.clone(),
    };
    let out = side == Side::Out;
    if !out && (q.uid.is_some() || q.gid.is_some() || q.cgroup.is_some()) {
        return Err(Invalid::new("only packets that this host sends have an owner: ask with --out"));
    }
    packet.mark = Fact::Is(q.mark);
    match side {
        Side::In(name) => come_in(q, &mut packet, &name, env, &mut notes)?,
        Side::Out | Side::Unsaid => go_out(q, &mut packet),
    }
    let hook = q.hook.unwrap_or(if out { Hook::Output } else { Hook::Ingress });
    match (out, hook) {
        (true, Hook::Ingress | Hook::Prerouting | Hook::Input | Hook::Forward) => {
            return Err(Invalid(format!(
                "a packet that this host sends does not begin at {}: say -i INTERFACE",
                hook.name()
            )));
        }
        (false, Hook::Output) => {
            return Err(Invalid::new("a packet that comes in does not begin at output: ask with --out"));
        }
        _ => {}
    }
    match &q.oif {
        Some(name) if matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting | Hook::Egress) => {
            packet.oif = Fact::Is(device(name, env)?);
        }
        Some(_) => notes.push(
            "the interface that it leaves by is routing's to choose: --oif counts from the forward and output hooks on"
                .into(),
        ),
        None if matches!(hook, Hook::Forward | Hook::Postrouting) && !out => leave_by_route(&mut packet, env),
        None if hook == Hook::Egress => {
            return Err(Invalid::new("at egress the interface that it leaves by has to be said: --oif"));
        }
        None => {}
    }
    let start = if q.hook.is_none() && is_bridge(&packet, env) {
        notes.push(
            "by which port of the bridge it comes is not said (-i PORT): what is at a port itself is left out".into(),
        );
        Start::AnyPort
    } else {
        Start::Hook(hook)
    };
    Ok(Entered { packet, start, notes })
}

/// Does it come in by a bridge? Then it came by one of its ports.
fn is_bridge(packet: &Packet, env: &dyn Environment) -> bool {
    let link = packet.iif.value().map(|d| env.link(d.index));
    matches!(link, Some(Fact::Is(l)) if l.kind == "bridge")
}

/// The packet itself.
fn packet(q: &Question) -> Result<Packet, Invalid> {
    let least = match q.network {
        Network::Ip4 => 20,
        Network::Ip6 => 40,
        _ => 0,
    };
    if q.bytes.len() < least {
        return Err(Invalid(format!(
            "the packet is cut within its network header: {} of at least {least} bytes",
            q.bytes.len()
        )));
    }
    let version = match q.network {
        Network::Ip4 => Some(4),
        Network::Ip6 => Some(6),
        _ => None,
    };
    let has = q.bytes.first().map(|b| b >> 4);
    if version.is_some() && version != has {
        return Err(Invalid(format!("the packet's version is {}, not {}", has.unwrap_or(0), version.unwrap_or(0))));
    }
    let mut packet = Packet::new(q.network, q.bytes.clone());
    let claimed = packet.headers().total_length;
    if claimed >= least && claimed < packet.bytes.len() {
        packet.bytes.truncate(claimed); // what the link layer padded
        packet.length = claimed;
    } else if let Some(length) = q.length {
        packet.length = length.max(packet.bytes.len());
    }
    packet.vlan = q.vlan.into();
    Ok(packet)
}

/// The kernel takes the first VLAN tag out of the header before anything looks at it (`skb_vlan_untag`).
fn untagged(header: &[u8], tag: Option<(u16, u16)>) -> Vec<u8> {
    let there = tag.is_some_and(|(tci, protocol)| {
        header.get(12..16) == Some(&[protocol.to_be_bytes(), tci.to_be_bytes()].concat())
    });
    match header.split_at_checked(12) {
        Some((addresses, rest)) if there => [addresses, rest.get(4..).unwrap_or(&[])].concat(),
        _ => header.to_vec(),
    }
}

/// Where a packet comes from of which nobody said it.
fn guess(q: &Question, packet: &Packet, env: &dyn Environment, notes: &mut Vec<String>) -> Result<Side, Invalid> {
    if matches!(q.hook, Some(Hook::Output | Hook::Egress)) {
        return Ok(Side::Out);
    }
    let say = || Invalid::new("say by which interface the packet comes in (-i), or that this host sends it (--out)");
    let Some(src) = packet.addresses().and_then(|(src, _)| address(src)) else { return Err(say()) };
    let own = env.address_type(src, None) == Fact::Is(LOCAL);
    if own && matches!(q.hook, None | Some(Hook::Postrouting)) {
        notes.push(format!("{src} is an address of this host: taken to be sent by it"));
        return Ok(Side::Out);
    }
    let back = env.fib(&FibQuery { to: src, from: None, oif: None, iif: None, mark: 0, tos: 0 });
    let name = match back {
        Fact::Is(way) if way.oif != 0 => env.link(way.oif).map(|l| l.name),
        _ => Fact::Absent,
    };
    let Fact::Is(name) = name else {
        return Err(Invalid(format!("no route leads back to {src}: say by which interface the packet comes in (-i)")));
    };
    notes.push(format!("taken to come in by {name}, which leads back to {src} (-i says otherwise)"));
    Ok(Side::In(name))
}

/// An interface by its name.
fn device(name: &Text, env: &dyn Environment) -> Result<Device, Invalid> {
    let length = name.as_bytes().len();
    if length > LONGEST_NAME {
        return Err(Invalid(format!("no interface has a name of {length} bytes")));
    }
    match env.link_index(name.as_bytes()) {
        Fact::Is(index) => Ok(Device { index, name: Fact::Is(name.clone()) }),
        Fact::Absent => Err(Invalid(format!("there is no interface {name} in this network namespace"))),
        Fact::Unknown(why) => Err(Invalid(format!("interface {name}: {why}"))),
    }
}

fn come_in(
    q: &Question,
    packet: &mut Packet,
    name: &Text,
    env: &dyn Environment,
    notes: &mut Vec<String>,
) -> Result<(), Invalid> {
    let iif = device(name, env)?;
    let link = env.link(iif.index).known();
    packet.iif = Fact::Is(iif);
    packet.priority = Fact::Is(0);
    packet.route = Fact::Absent;
    packet.owner = if may_have_socket(packet) { Fact::unknown("socket owner") } else { Fact::Absent };
    packet.link = match (&q.link, &q.mac, &link) {
        (Some(bytes), ..) => Fact::Is(untagged(bytes, q.vlan)),
        (None, Some(mac), Some(l)) if l.address.len() == 6 => {
            Fact::Is([l.address.as_slice(), mac, &packet.network.ethertype().to_be_bytes()].concat())
        }
        (_, _, Some(l)) if !ETHERNET.contains(&l.hardware) => Fact::Absent,
        _ => Fact::unknown("link layer header"),
    };
    packet.pkttype = q.pkttype.map_or_else(|| pkttype(q, packet, link.as_ref()), Fact::Is);
    if let Some((to, bridge)) = link.and_then(|l| switched(q, packet, &l, env)) {
        packet.pkttype = Fact::Is(PACKET_OTHERHOST);
        packet.link = Fact::unknown("link layer header");
        notes.push(format!(
            "taken to be sent to {to} itself, which is behind {bridge}, too: this host only switches it"
        ));
    }
    Ok(())
}

/// A packet that comes in by a bridge, of whose hardware addresses nothing is said: is it for another host behind that?
fn switched(q: &Question, packet: &Packet, link: &Link, env: &dyn Environment) -> Option<(IpAddr, Text)> {
    let open = q.link.is_none() && q.pkttype.is_none() && matches!(q.hook, None | Some(Hook::Ingress));
    let to = packet.addresses().and_then(|(_, to)| address(to)).filter(|_| open)?;
    let bridge = match link.master {
        0 => link.clone(),
        master => env.link(master).known()?,
    };
    (bridge.kind == "bridge" && is_behind(to, bridge.index, env)).then_some((to, bridge.name))
}

/// Packets of connections and of connected sockets may be given to their socket before the input hook.
fn may_have_socket(packet: &Packet) -> bool {
    let h = packet.headers();
    match h.protocol {
        Some(6) => {
            let flags = h.transport.and_then(|at| packet.array::<1>(at + 13).known());
            flags.is_none_or(|[f]| f & 0x12 != 0x02)
        }
        Some(17) => true,
        _ => false,
    }
}

/// Whom the link layer says that it is for; where only the network layer says it: for us, as it is taken.
fn pkttype(q: &Question, packet: &Packet, link: Option<&Link>) -> Fact<u8> {
    if let Fact::Is(header) = &packet.link
        && let Some(to) = header.first_chunk::<6>()
    {
        return match link {
            _ if *to == [0xff; 6] => Fact::Is(PACKET_BROADCAST),
            _ if to[0] & 1 != 0 => Fact::Is(PACKET_MULTICAST),
            Some(l) if l.address == to => Fact::Is(PACKET_HOST),
            // At a later hook it is for us, whatever its header has: others' packets do not get so far.
            Some(_) if matches!(q.hook, None | Some(Hook::Ingress)) => Fact::Is(PACKET_OTHERHOST),
            Some(_) => Fact::Is(PACKET_HOST),
            None => Fact::unknown("packet type"),
        };
    }
    match packet.addresses().and_then(|(_, dst)| address(dst)) {
        Some(dst) if dst.is_multicast() => Fact::Is(PACKET_MULTICAST),
        Some(IpAddr::V4(dst)) if dst.is_broadcast() => Fact::Is(PACKET_BROADCAST),
        Some(_) => Fact::Is(PACKET_HOST),
        None => Fact::unknown("packet type"),
    }
}

fn go_out(q: &Question, packet: &mut Packet) {
    packet.link = Fact::Absent;
    packet.pkttype = q.pkttype.map_or_else(|| Fact::Is(PACKET_HOST), Fact::Is);
    let tos = match packet.network {
        Network::Ip4 => packet.bytes.get(1).copied(),
        _ => Some(0),
    };
    // A socket's priority follows from its TOS, unless it is set.
    packet.priority = if tos == Some(0) { Fact::Is(0) } else { Fact::unknown("packet priority") };
    if q.uid.is_some() || q.gid.is_some() || q.cgroup.is_some() {
        packet.owner = Fact::Is(Owner { uid: q.uid, gid: q.gid, cgroup: q.cgroup.clone() });
    }
}

/// The way out of a packet that begins behind routing.
fn leave_by_route(packet: &mut Packet, env: &dyn Environment) {
    match env.route_input(packet) {
        Fact::Is(Routed::Out { oif, route }) => {
            packet.oif = Fact::Is(oif);
            packet.route = Fact::Is(route);
        }
        _ => packet.oif = Fact::unknown("interface that it leaves by"),
    }
}
