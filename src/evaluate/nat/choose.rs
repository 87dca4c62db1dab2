//! Which address and port a connection gets (`get_unique_tuple`).

use std::net::IpAddr;

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::jhash;
use crate::sys::ct::{L4, Tuple, Zone};

use super::{CHOSEN, Manip, Range, address, octets, port_of, set};

/// Ranges of so many ports are looked at whole.
pub(super) const COUNTED: u32 = 256;

/// The address of a range of one.
pub(super) fn single(addresses: &Fact<(IpAddr, IpAddr)>) -> Fact<IpAddr> {
    match addresses {
        Fact::Is((min, max)) if min == max => Fact::Is(*min),
        Fact::Absent => Fact::Absent,
        _ => Fact::unknown(CHOSEN),
    }
}

/// `get_unique_tuple`: the new address and port; absent where it stays.
pub(super) fn choose(cx: &mut Context, manip: Manip, range: &Range, now: &Tuple) -> (Fact<IpAddr>, Fact<u16>) {
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
        Fact::Is((min, max)) if min != max => {
            let kept =
                if manip == Manip::Source && !range.random { kept(cx, range, now, (*min, *max)) } else { Fact::Absent };
            match kept {
                Fact::Is((to, port)) => return (Fact::Is(to), port.into()),
                Fact::Absent => pick_address(cx, manip, range.persistent, now, *min, *max),
                Fact::Unknown(why) => Fact::Unknown(why),
            }
        }
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
        None if size > 1 && (range.random || manip == Manip::Source) => {
            // Of which port it begins with nothing is known; when all of them are taken it keeps one that is.
            let all_taken = !to.is_unknown() && size <= COUNTED && (0..size).all(|n| is_taken(cx, &new, manip, min, n));
            return (to, if all_taken { Fact::Is(min) } else { Fact::unknown(CHOSEN) });
        }
        None => 0,
    };
    let port = min.wrapping_add((u32::from(offset) % size) as u16);
    set(&mut new, manip, None, Some(port));
    let port = if size == 1 || free(cx, &new) { Fact::Is(port) } else { Fact::unknown(CHOSEN) };
    (to, port)
}

/// `find_appropriate_src`: the address that other connections from the same source have got from the range, and the port where
/// it is another one.
fn kept(cx: &mut Context, range: &Range, now: &Tuple, (min, max): (IpAddr, IpAddr)) -> Fact<(IpAddr, Option<u16>)> {
    let zone = match &cx.packet.ct.zone {
        Fact::Is(zone) => *zone,
        Fact::Absent => Zone::default(),
        Fact::Unknown(why) => return Fact::Unknown(why.clone()),
    };
    let mut all = match cx.env.same_source(now, zone) {
        Fact::Is(all) => all,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    let ports = |t: &Tuple| match (range.ports, port_of(t, Manip::Source)) {
        (Some((low, high)), Some(port)) => (low..=high).contains(&port),
        _ => true,
    };
    all.retain(|t| (min..=max).contains(&t.src) && ports(t));
    let [far] = all[..] else {
        // Which of several is found first is not known.
        return if all.is_empty() { Fact::Absent } else { Fact::unknown(CHOSEN) };
    };
    let port = port_of(&far, Manip::Source);
    let mut new = *now;
    set(&mut new, Manip::Source, Some(far.src), port);
    if taken(cx, &new) {
        return Fact::Absent;
    }
    Fact::Is((far.src, port.filter(|_| port != port_of(now, Manip::Source))))
}

/// Is the n-th port of a range certainly taken?
fn is_taken(cx: &Context, tuple: &Tuple, manip: Manip, min: u16, n: u32) -> bool {
    let mut tuple = *tuple;
    set(&mut tuple, manip, None, Some(min.wrapping_add(n as u16)));
    tuple.inverted().is_some_and(|answers| cx.packet.ct.is_taken(&answers, cx.env) == Fact::Is(true))
}

/// Would answers to packets of this tuple be taken for packets of another connection?
fn taken(cx: &mut Context, tuple: &Tuple) -> bool {
    let Some(answers) = tuple.inverted() else { return false };
    match cx.packet.ct.is_taken(&answers, cx.env) {
        Fact::Is(taken) => taken,
        Fact::Absent => false,
        Fact::Unknown(what) => cx.ask(what, format!("taken {tuple:?}").as_bytes(), false),
    }
}

/// `find_best_ips_proto`: one address of several, by a hash of both ends.
fn pick_address(cx: &Context, manip: Manip, persistent: bool, now: &Tuple, min: IpAddr, max: IpAddr) -> Fact<IpAddr> {
    let zone = match cx.packet.ct.zone {
        Fact::Is(z) => u32::from(z.id),
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
