//! Address translation: what a NAT rule makes of the first packet of a connection (`nf_nat_setup_info`), and how any
//! packet is rewritten (`nf_nat_manip_pkt`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum;
use super::context::Context;
use super::decision::Decision;
use super::fact::Fact;
use super::headers::Network;
use super::hook::Hook;
use super::jhash;
use super::packet::{CtState, Packet};
use crate::sys::ct::{L4, Status, Tuple};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const GRE: u8 = 47;
const ICMPV6: u8 = 58;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

/// What an unknown port or address is called.
const CHOSEN: &str = "the port or address that NAT chose";

/// Which end of a connection is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manip {
    /// Source NAT.
    Source,
    /// Destination NAT.
    Destination,
}

impl Manip {
    /// Which end is rewritten at a hook (`HOOK2MANIP`).
    pub fn at(hook: Hook) -> Self {
        match hook {
            Hook::Postrouting | Hook::Input => Self::Source,
            _ => Self::Destination,
        }
    }
}

/// Where a NAT rule maps to (`struct nf_nat_range2`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Range {
    /// First and last address; absent where the address stays. Unknown where it cannot be told.
    pub addresses: Fact<(IpAddr, IpAddr)>,
    /// First and last port, or ICMP id.
    pub ports: Option<(u16, u16)>,
    /// The port is chosen at random (`NF_NAT_RANGE_PROTO_RANDOM_ALL`).
    pub random: bool,
    /// A client keeps its address (`NF_NAT_RANGE_PERSISTENT`).
    pub persistent: bool,
    /// Ports are shifted: this one becomes the first (`NF_NAT_RANGE_PROTO_OFFSET`).
    pub base: Option<u16>,
}

impl Range {
    /// One address; the port stays if it can.
    pub fn to(address: IpAddr) -> Self {
        Self { addresses: Fact::Is((address, address)), ..Self::default() }
    }
}

/// The tuple of a packet as its bytes stand (`nf_ct_get_tuple`). None for later fragments, cut packets and unknown bytes.
pub fn tuple_of(packet: &Packet) -> Option<Tuple> {
    let (src, dst) = packet.addresses()?;
    let (protocol, at) = transport(packet)?;
    let l4 = match protocol {
        TCP | UDP | UDPLITE | SCTP | DCCP => {
            let [a, b, c, d] = packet.array(at).known()?;
            L4::Ports { src: u16::from_be_bytes([a, b]), dst: u16::from_be_bytes([c, d]) }
        }
        ICMP | ICMPV6 => {
            let [kind, code, _, _, a, b, _, _] = packet.array(at).known()?;
            L4::Icmp { kind, code, id: u16::from_be_bytes([a, b]) }
        }
        // Without the keys of PPTP both are 0 (`gre_pkt_to_tuple`).
        GRE => L4::Ports { src: 0, dst: 0 },
        _ => L4::None,
    };
    Some(Tuple { src: address(src)?, dst: address(dst)?, protocol, l4, zone: None })
}

/// Does this ICMP message carry an id that NAT rewrites?
fn has_id(protocol: u8, kind: u8) -> bool {
    match protocol {
        ICMP => matches!(kind, 0 | 8 | 13..=18),
        ICMPV6 => matches!(kind, 128 | 129),
        _ => false,
    }
}

/// An address of 4 or 16 bytes.
pub fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}

fn octets(address: IpAddr) -> ([u8; 16], usize) {
    let mut all = [0; 16];
    match address {
        IpAddr::V4(a) => {
            let o = a.octets();
            all[..4].copy_from_slice(&o);
            (all, 4)
        }
        IpAddr::V6(a) => (a.octets(), 16),
    }
}

/// The transport protocol and where its header is, in a packet that has one (`get_l4proto`).
pub fn transport(packet: &Packet) -> Option<(u8, usize)> {
    match packet.network {
        Network::Ip4 => {
            let h = packet.headers();
            h.transport.filter(|_| h.first_fragment()).zip(h.protocol).map(|(at, p)| (p, at))
        }
        Network::Ip6 => super::ip6::skip_extensions(packet).filter(|f| f.fragment == 0).map(|f| (f.protocol, f.offset)),
        _ => None,
    }
}

/// Rewrites one end of a packet, checksums included. What is unknown is blurred.
///
/// `port` is the new port or ICMP id; protocols without either ignore it.
pub fn rewrite(packet: &mut Packet, manip: Manip, to: Fact<IpAddr>, port: Fact<u16>) {
    let at = match (packet.network, manip) {
        (Network::Ip4, Manip::Source) => 12,
        (Network::Ip4, Manip::Destination) => 16,
        (Network::Ip6, Manip::Source) => 8,
        (Network::Ip6, Manip::Destination) => 24,
        _ => return,
    };
    let width = if packet.network == Network::Ip4 { 4 } else { 16 };
    if let Some((protocol, header)) = transport(packet) {
        let place = match protocol {
            TCP | UDP | UDPLITE | SCTP | DCCP => Some(header + if manip == Manip::Source { 0 } else { 2 }),
            ICMP | ICMPV6 => match packet.array::<1>(header) {
                Fact::Is([kind]) if has_id(protocol, kind) => Some(header + 4),
                _ => None,
            },
            _ => None,
        };
        if let Some(place) = place {
            match port {
                Fact::Is(port) => {
                    checksum::write_transport(packet, protocol, header, place, &port.to_be_bytes());
                }
                Fact::Absent => {}
                Fact::Unknown(_) => {
                    packet.blurred.push(place..place + 2);
                    blur_checksum(packet, protocol, header);
                }
            }
        }
        if protocol == SCTP {
            packet.blurred.push(header + 8..header + 12);
        }
        if to.is_unknown() {
            blur_checksum(packet, protocol, header);
        }
    }
    match to {
        Fact::Is(to) => {
            let (bytes, n) = octets(to);
            if n == width {
                checksum::write_address(packet, at, bytes.get(..n).unwrap_or(&[]));
            }
        }
        Fact::Absent => {}
        Fact::Unknown(_) => {
            packet.blurred.push(at..at + width);
            if packet.network == Network::Ip4 {
                packet.blurred.push(10..12);
            }
        }
    }
}

/// Why `gre_manip_pkt` gives a packet up, if it does. In the other protocols, what is shorter than its header is not
/// tracked, and so not translated.
pub fn untranslatable(packet: &Packet, manip: Manip) -> Option<&'static str> {
    let Some((GRE, at)) = transport(packet) else { return None };
    if packet.length < at + 8 {
        return Some("too short to be translated");
    }
    let version = packet.array::<2>(at).known()?[1] & 7;
    (manip == Manip::Destination && version > 1).then_some("a version of GRE that cannot be translated")
}

fn blur_checksum(packet: &mut Packet, protocol: u8, header: usize) {
    if let Some(at) = checksum::place(protocol) {
        packet.blurred.push(header + at..header + at + 2);
    }
}

/// Sets one end of a tuple; ICMP has one id for both.
fn set(tuple: &mut Tuple, manip: Manip, to: Option<IpAddr>, new: Option<u16>) {
    let address = match manip {
        Manip::Source => &mut tuple.src,
        Manip::Destination => &mut tuple.dst,
    };
    *address = to.unwrap_or(*address);
    match (&mut tuple.l4, manip, new) {
        (L4::Ports { src: port, .. }, Manip::Source, Some(new))
        | (L4::Ports { dst: port, .. }, Manip::Destination, Some(new))
        | (L4::Icmp { id: port, .. }, _, Some(new)) => *port = new,
        _ => {}
    }
}

/// The port or id that a manip changes.
fn port_of(tuple: &Tuple, manip: Manip) -> Option<u16> {
    match (tuple.l4, manip) {
        // Only for PPTP's helper.
        _ if tuple.protocol == GRE => None,
        (L4::Ports { src: port, .. }, Manip::Source)
        | (L4::Ports { dst: port, .. }, Manip::Destination)
        | (L4::Icmp { id: port, .. }, _) => Some(port),
        (L4::None, _) => None,
    }
}

/// Rewrites one end of a packet to what a tuple has there (`nf_nat_manip_pkt`).
pub fn rewrite_to(packet: &mut Packet, manip: Manip, target: &Tuple) {
    let to = match manip {
        Manip::Source => target.src,
        Manip::Destination => target.dst,
    };
    rewrite(packet, manip, Fact::Is(to), port_of(target, manip).into());
}

/// One end of a packet as people write it: `10.0.5.2:80`, and a question mark for what NAT chose.
pub fn end_of(packet: &Packet, manip: Manip) -> String {
    let pick = |(source, destination): (IpAddr, IpAddr)| if manip == Manip::Source { source } else { destination };
    let ends = packet.addresses().and_then(|(s, d)| Some((address(s)?, address(d)?)));
    let port = match packet.ports() {
        Some((source, destination)) => format!(":{}", if manip == Manip::Source { source } else { destination }),
        None if transport(packet).is_some_and(|(p, _)| matches!(p, TCP | UDP | UDPLITE | SCTP | DCCP)) => ":?".into(),
        None => String::new(),
    };
    match ends.map(pick) {
        Some(IpAddr::V6(a)) if !port.is_empty() => format!("[{a}]{port}"),
        Some(a) => format!("{a}{port}"),
        None => format!("?{port}"),
    }
}

/// Has this end of the connection been decided already (`nf_nat_initialized`)? Unknown counts as not yet.
pub fn is_settled(packet: &Packet, manip: Manip) -> bool {
    let done = match manip {
        Manip::Source => Status::SRC_NAT_DONE,
        Manip::Destination => Status::DST_NAT_DONE,
    };
    packet.ct.status.value().is_some_and(|s| s & done.bits() != 0)
}

/// Rewrites one end of a packet as its connection demands (`nf_nat_packet`).
pub fn follow(packet: &mut Packet, manip: Manip) {
    if let Some(target) = rewritten_as(packet, manip) {
        rewrite_to(packet, manip, &target);
    }
}

/// The tuple that one end of a packet gets by its connection, if that end is translated.
fn rewritten_as(packet: &Packet, manip: Manip) -> Option<Tuple> {
    let (Fact::Is(status), Fact::Is(reply)) = (&packet.ct.status, &packet.ct.reply) else { return None };
    // Answers undo at one end what was done at the other.
    let bit = match (manip, reply) {
        (Manip::Source, false) | (Manip::Destination, true) => Status::SRC_NAT,
        (Manip::Destination, false) | (Manip::Source, true) => Status::DST_NAT,
    };
    if status & bit.bits() == 0 {
        return None;
    }
    let other = if *reply { &packet.ct.original } else { &packet.ct.answers };
    other.value().and_then(Tuple::inverted)
}

/// Is it an ICMP message about a connection (`IP_CT_RELATED` and ICMP)?
pub fn is_about_another(packet: &Packet) -> bool {
    packet.ct.state == Fact::Is(CtState::Related)
        && transport(packet)
            .is_some_and(|(protocol, _)| protocol == if packet.network == Network::Ip6 { ICMPV6 } else { ICMP })
}

/// Rewrites an ICMP error, and the packet that it quotes, as the connection that it is about demands
/// (`nf_nat_icmp_reply_translation`, `nf_nat_icmpv6_reply_translation`). False: too little is quoted for that, and the kernel
/// drops it.
pub fn follow_error(packet: &mut Packet, manip: Manip) -> bool {
    let Some(target) = rewritten_as(packet, manip) else { return true };
    let Some((protocol, header)) = transport(packet) else { return true };
    let at = header + 8;
    // What is quoted went the other way.
    let Some(quoted) = packet.bytes.get(at..).map(<[u8]>::to_vec) else { return true };
    let mut inner = Packet::new(packet.network, quoted);
    inner.length = packet.length.saturating_sub(at);
    // `nf_nat_manip_pkt` wants the ports and what follows them, or the whole header of an ICMP message.
    if transport(&inner).is_some_and(|(_, inside)| inner.length < inside + 8) {
        return false;
    }
    let (opposite, back) = match manip {
        Manip::Source => (Manip::Destination, target.inverted()),
        Manip::Destination => (Manip::Source, target.inverted()),
    };
    if let Some(back) = back {
        rewrite_to(&mut inner, opposite, &back);
    }
    let changed = inner.bytes.get(..packet.bytes.len() - at).is_some_and(|b| packet.write(at, b));
    packet.blurred.extend(inner.blurred.iter().map(|r| r.start + at..r.end + at));
    if changed {
        checksum::fill(packet, protocol, header);
    }
    rewrite_to(packet, manip, &target);
    true
}

/// What a NAT rule does (`nf_nat_setup_info`): binds the connection and rewrites this packet of it. The rule's verdict
/// is what is returned.
pub fn setup(cx: &mut Context, manip: Manip, range: &Range) -> Decision {
    match cx.packet.ct.state {
        Fact::Is(CtState::New | CtState::Related) | Fact::Unknown(_) => {}
        // Only new connections meet NAT rules; a confirmed one keeps what it has.
        _ => return Decision::Accept,
    }
    let now = match &cx.packet.ct.answers {
        Fact::Is(answers) => answers.inverted(),
        Fact::Absent => tuple_of(&cx.packet),
        Fact::Unknown(_) => None,
    };
    let (to, port) = match &now {
        Some(now) => choose(cx, manip, range, now),
        None => (single(&range.addresses), blind_port(manip, range)),
    };
    match bind(cx, manip, now, &to, &port) {
        // Both address and port of the packet are then those of its connection, whatever was made of them before.
        Some((new, true)) => rewrite_to(&mut cx.packet, manip, &new),
        Some((_, false)) => {}
        None => {
            let stays = now.map(|t| match manip {
                Manip::Source => t.src,
                Manip::Destination => t.dst,
            });
            let to = if to == Fact::Absent { stays.into() } else { to };
            let port = if port == Fact::Absent { now.and_then(|t| port_of(&t, manip)).into() } else { port };
            rewrite(&mut cx.packet, manip, to, port);
        }
    }
    Decision::Accept
}

/// What becomes of an end of a new connection that no rule translates (`nf_nat_alloc_null_binding`): it stays, unless it
/// would be taken for another connection then.
pub fn keep(cx: &mut Context, manip: Manip) {
    let now = match &cx.packet.ct.answers {
        Fact::Is(answers) => answers.inverted(),
        _ => None,
    };
    match now {
        Some(now) => {
            let stays = match manip {
                Manip::Source => now.src,
                Manip::Destination => now.dst,
            };
            setup(cx, manip, &Range::to(stays));
        }
        None => {
            if let Fact::Is(status) = &mut cx.packet.ct.status {
                *status |= match manip {
                    Manip::Source => Status::SRC_NAT_DONE,
                    Manip::Destination => Status::DST_NAT_DONE,
                }
                .bits();
            }
        }
    }
}

/// `masquerade`: source NAT to an address of the device that the packet leaves by (`nf_nat_masquerade_ipv4`,
/// `nf_nat_masquerade_ipv6`). Of `range` the ports and flags count.
pub fn masquerade(cx: &mut Context, range: &Range) -> Decision {
    let Some(destination) = cx.packet.addresses().and_then(|(_, to)| address(to)) else {
        return setup(cx, Manip::Source, &Range { addresses: Fact::unknown(CHOSEN), ..range.clone() });
    };
    if let Fact::Is(original) = &cx.packet.ct.original
        && original.src.is_ipv4()
        && original.src.is_unspecified()
    {
        return Decision::Accept;
    }
    let towards = match (&cx.packet.route, destination) {
        (Fact::Is(route), IpAddr::V4(_)) => route.gateway.unwrap_or(destination),
        _ => destination,
    };
    let found = match &cx.packet.oif {
        Fact::Is(device) => cx.env.masquerade_address(device.index, towards),
        Fact::Absent => Fact::unknown("output device"),
        Fact::Unknown(what) => Fact::Unknown(what.clone()),
    };
    to_local(cx, Manip::Source, found, range)
}

/// `redirect`: destination NAT to this host (`nf_nat_redirect_ipv4`, `nf_nat_redirect_ipv6`). Of `range` the ports and
/// flags count.
pub fn redirect(cx: &mut Context, range: &Range) -> Decision {
    let destination = cx.packet.addresses().and_then(|(_, to)| address(to));
    let found = match (cx.hook, cx.packet.network, &cx.packet.iif, destination) {
        (Hook::Output, Network::Ip4, ..) => Fact::Is(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        (Hook::Output, Network::Ip6, ..) => Fact::Is(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        (_, _, Fact::Is(device), Some(destination)) => cx.env.redirect_address(device.index, destination),
        _ => Fact::unknown("input device"),
    };
    to_local(cx, Manip::Destination, found, range)
}

/// To an address of this host; without one the packet dies.
fn to_local(cx: &mut Context, manip: Manip, found: Fact<IpAddr>, range: &Range) -> Decision {
    let addresses = match found {
        Fact::Is(address) => Fact::Is((address, address)),
        Fact::Absent => return Decision::Drop,
        Fact::Unknown(what) => {
            // Whether there is an address at all decides between life and death.
            if !cx.ask(what, b"nat has an address", true) {
                return Decision::Drop;
            }
            Fact::unknown(CHOSEN)
        }
    };
    setup(cx, manip, &Range { addresses, ..range.clone() })
}

/// The address of a range of one.
fn single(addresses: &Fact<(IpAddr, IpAddr)>) -> Fact<IpAddr> {
    match addresses {
        Fact::Is((min, max)) if min == max => Fact::Is(*min),
        Fact::Absent => Fact::Absent,
        _ => Fact::unknown(CHOSEN),
    }
}

/// The port for a packet whose present tuple is not known.
fn blind_port(manip: Manip, range: &Range) -> Fact<u16> {
    match range.ports {
        Some((min, max)) if min == max => Fact::Is(min),
        None if manip == Manip::Destination && !range.random => Fact::Absent,
        _ => Fact::unknown(CHOSEN),
    }
}

/// Notes at the connection what was chosen. Its tuple, where that is known, and whether it changed.
fn bind(
    cx: &mut Context,
    manip: Manip,
    now: Option<Tuple>,
    to: &Fact<IpAddr>,
    port: &Fact<u16>,
) -> Option<(Tuple, bool)> {
    let ct = &mut cx.packet.ct;
    let new = now.filter(|_| !to.is_unknown() && !port.is_unknown()).map(|mut new| {
        set(&mut new, manip, to.value().copied(), port.value().copied());
        new
    });
    let changed = new.is_none() || new != now;
    ct.answers = match new.and_then(|t| t.inverted()) {
        Some(answers) => Fact::Is(answers),
        None => Fact::unknown(CHOSEN),
    };
    let (bit, done) = match manip {
        Manip::Source => (Status::SRC_NAT, Status::SRC_NAT_DONE),
        Manip::Destination => (Status::DST_NAT, Status::DST_NAT_DONE),
    };
    if let Fact::Is(status) = &mut ct.status {
        *status |= (done | if changed { bit } else { Status::empty() }).bits();
    }
    new.map(|new| (new, changed))
}

/// `get_unique_tuple`: the new address and port; absent where it stays.
fn choose(cx: &mut Context, manip: Manip, range: &Range, now: &Tuple) -> (Fact<IpAddr>, Fact<u16>) {
    let fits = |t: &Tuple| match (range.ports, port_of(t, manip)) {
        (Some((min, max)), Some(port)) => (min..=max).contains(&port),
        _ => true,
    };
    // A source that is in the range already stays, if nobody else has it.
    if manip == Manip::Source && !range.random {
        let there = match &range.addresses {
            Fact::Is((min, max)) => (*min..=*max).contains(&now.src),
            Fact::Absent => true,
            Fact::Unknown(_) => false,
        };
        if there && fits(now) && !taken(cx, now) {
            return (Fact::Absent, Fact::Absent);
        }
    }
    let to = match &range.addresses {
        Fact::Is((min, max)) if min != max => pick_address(cx, manip, range.persistent, now, *min, *max),
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
        addresses => single(addresses),
    };
    let mut new = *now;
    set(&mut new, manip, to.value().copied(), None);
    let free = |cx: &mut Context, new: &Tuple| to.is_unknown() || !taken(cx, new);
    // An ICMP id is the source's; only ports are told apart by direction.
    let icmp = matches!(now.l4, L4::Icmp { .. });
    if !range.random {
        let stays = match range.ports {
            Some((min, max)) => range.base.is_none() && fits(&new) && (min == max || free(cx, &new)),
            // The destination port stays without being told otherwise, taken or not.
            None => (manip == Manip::Destination && !icmp) || free(cx, &new),
        };
        if stays {
            return (to, Fact::Absent);
        }
    }
    let Some(port) = port_of(now, manip) else { return (to, Fact::Absent) };
    let (min, size) = match range.ports {
        Some((a, b)) => {
            let (a, b) = if icmp { (a, b) } else { (a.min(b), a.max(b)) };
            (a, u32::from(b.wrapping_sub(a)) + 1)
        }
        None if manip == Manip::Destination && !icmp => return (to, Fact::Absent),
        None => return (to, Fact::unknown(CHOSEN)),
    };
    let offset = match range.base {
        Some(base) => port.wrapping_sub(base),
        None if size > 1 && (range.random || manip == Manip::Source) => return (to, Fact::unknown(CHOSEN)),
        None => 0,
    };
    let port = min.wrapping_add((u32::from(offset) % size) as u16);
    set(&mut new, manip, None, Some(port));
    let port = if size == 1 || free(cx, &new) { Fact::Is(port) } else { Fact::unknown(CHOSEN) };
    (to, port)
}

/// Would answers to packets of this tuple be taken for packets of another connection?
fn taken(cx: &mut Context, tuple: &Tuple) -> bool {
    let zone = cx.packet.ct.zone.value().copied().unwrap_or(0);
    let Some(answers) = tuple.inverted() else { return false };
    match cx.env.tuple_taken(&answers, zone) {
        Fact::Is(taken) => taken,
        Fact::Absent => false,
        Fact::Unknown(what) => cx.ask(what, format!("taken {tuple:?}").as_bytes(), false),
    }
}

/// `find_best_ips_proto`: one address of several, by a hash of both ends.
fn pick_address(cx: &Context, manip: Manip, persistent: bool, now: &Tuple, min: IpAddr, max: IpAddr) -> Fact<IpAddr> {
    let zone = match cx.packet.ct.zone {
        Fact::Is(z) => u32::from(z),
        Fact::Absent => 0,
        Fact::Unknown(_) if persistent => 0,
        Fact::Unknown(_) => return Fact::unknown(CHOSEN),
    };
    let words = |a: IpAddr| -> ([u32; 4], usize) {
        let (bytes, n) = octets(a);
        let mut w = [0; 4];
        for (to, from) in w.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *to = u32::from_ne_bytes(*from);
        }
        (w, n / 4)
    };
    let ((low, n), (high, m)) = (words(min), words(max));
    let ((source, k), (mut destination, l)) = (words(now.src), words(now.dst));
    if [n, m, k, l] != [n; 4] {
        return Fact::unknown(CHOSEN);
    }
    let last = n - 1;
    let seed = if persistent { 0 } else { destination.get(last).copied().unwrap_or(0) ^ zone };
    let mut j = jhash::words(&source, seed);
    let mut chosen = [0u32; 4];
    let mut full = false;
    for (i, (to, (&low, &high))) in chosen.iter_mut().zip(low.iter().zip(&high)).take(n).enumerate() {
        let (first, size) = if full {
            (0, u32::MAX)
        } else {
            let (low, high) = (u32::from_be(low), u32::from_be(high));
            (low, high.wrapping_sub(low).wrapping_add(1))
        };
        *to = first.wrapping_add(jhash::scale(j, size)).to_be();
        full |= *to != high;
        if let Some(d) = destination.get_mut(i) {
            if manip == Manip::Destination {
                *d = *to;
            }
            if !persistent {
                j ^= *d;
            }
        }
    }
    let mut bytes = [0; 16];
    for (to, from) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(chosen) {
        *to = from.to_ne_bytes();
    }
    bytes.get(..n * 4).and_then(address).map_or(Fact::unknown(CHOSEN), Fact::Is)
}
