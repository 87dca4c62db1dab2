//! What a NAT rule does with the first packet of a connection (`nf_nat_setup_info`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::evaluate::packet::CtState;
use crate::sys::ct::{Status, Tuple};

use super::choose::{COUNTED, choose, single};
use super::{CHOSEN, Manip, Range, SCARCE, address, port_of, rewrite, rewrite_to, set, tuple_of};

/// What a NAT rule does (`nf_nat_setup_info`): binds the connection and rewrites this packet of it. The rule's verdict
/// is what is returned.
pub fn setup(cx: &mut Context, manip: Manip, range: &Range) -> Decision {
    match cx.packet.ct.state {
        Fact::Is(CtState::New | CtState::Related) | Fact::Unknown(_) => {}
        // Only new connections meet NAT rules.
        _ => return Decision::Accept,
    }
    // A confirmed one keeps what it has; rules that came later are asked in vain, each time anew.
    if matches!(cx.packet.ct.status, Fact::Is(status) if status & Status::CONFIRMED.bits() != 0) {
        return Decision::Accept;
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
            let few = range.ports.is_some_and(|(min, max)| u32::from(max.abs_diff(min)) < COUNTED);
            if now.is_none() && few && manip == Manip::Source {
                cx.packet.ct.answers = Fact::unknown(SCARCE);
            }
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
