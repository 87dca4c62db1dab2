//! `-m recent`: lists of addresses with the times at which they were seen (net/netfilter/xt_recent.c), which the
//! kernel shows in `/proc/net/xt_recent`.

use std::fmt::Write as _;
use std::net::IpAddr;

use super::{Checked, ask, kept, known};
use crate::evaluate::context::Context;
use crate::evaluate::effect::Effect;
use crate::evaluate::fact::Fact;
use crate::evaluate::nat::address;
use crate::sys::Text;
use crate::sys::xt::matches::Recent;

/// What is known of an address in a list: the times at which it was seen, in jiffies; absent: it is not there.
type Seen = Fact<Vec<u64>>;

/// What the packet itself changed in lists on its way.
#[derive(Debug, Default)]
pub struct Memory(Vec<(Text, IpAddr, Seen)>);

pub(super) fn check(cx: &mut Context, m: &Recent<'_>) -> Checked {
    let put = m.what & Recent::SET != 0;
    if put {
        // Setting always works: an old entry makes room.
        cx.effects.push(Effect::State(format!("address goes into recent list {}", m.name).into()));
    }
    let Some(address) = counted(cx, m) else {
        return if put { Ok(!m.invert) } else { ask(cx, question(m), m) };
    };
    let seen = seen(cx, m, address);
    if put {
        see(cx, m, address, seen);
        return Ok(!m.invert);
    }
    let Some(times) = known(cx, seen, m)? else {
        cx.miss("-m recent", || (Some(format!("{address} in list {}", m.name)), Some("not there".into())));
        return Ok(m.invert);
    };
    if m.what & Recent::REMOVE != 0 {
        remember(cx, m, address, Fact::Absent);
        return Ok(!m.invert);
    }
    let hits = match hits(cx, m, &times) {
        Fact::Is(hits) => hits,
        _ => return ask(cx, question(m), m),
    };
    let met = (hits >= m.hits.max(1) as usize) != m.invert;
    if !met {
        let within = if m.seconds == 0 { String::new() } else { format!(" within {} s", m.seconds) };
        cx.miss("-m recent", || {
            let wanted = format!("{address} seen {} times{within} in list {}", m.hits.max(1), m.name);
            (Some(wanted), Some(format!("{hits} times")))
        });
    }
    if m.what & Recent::REAP != 0 {
        remember(cx, m, address, Fact::unknown(question(m)));
    } else if m.what & Recent::UPDATE != 0 && met {
        see(cx, m, address, Fact::Is(times));
    }
    Ok(met)
}

fn question(m: &Recent<'_>) -> String {
    format!("addresses in recent list {}", m.name)
}

/// The address that counts.
fn counted(cx: &Context, m: &Recent<'_>) -> Option<IpAddr> {
    let (source, destination) = cx.packet.addresses()?;
    let address = address(if m.side == Recent::DESTINATION { destination } else { source })?;
    Some(m.mask.map_or(address, |mask| under_mask(address, mask)))
}

fn under_mask(address: IpAddr, mask: IpAddr) -> IpAddr {
    match (address, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => (a & m).into(),
        (IpAddr::V6(a), IpAddr::V6(m)) => (a & m).into(),
        _ => address,
    }
}

/// When the list has seen the address.
fn seen(cx: &Context, m: &Recent<'_>, address: IpAddr) -> Seen {
    let unknown = || Fact::unknown(question(m));
    if let Some((.., seen)) =
        cx.recent.0.iter().find(|(list, a, _)| list.as_bytes() == m.name.as_bytes() && *a == address)
    {
        return seen.clone();
    }
    // The TTL is compared with that before forwarding, which depends on the socket.
    if m.what & Recent::TTL != 0 || cx.env.since_ruleset() != Fact::Is(0) {
        return unknown();
    }
    match kept(cx, "xt_recent", m.name) {
        Fact::Is(text) => match line(&text, address) {
            Some(line) => stamps(line).map_or_else(unknown, Fact::Is),
            None => Fact::Absent,
        },
        Fact::Absent => unknown(),
        Fact::Unknown(why) => Fact::Unknown(why),
    }
}

/// What follows the address in its line of the list.
fn line(text: &str, address: IpAddr) -> Option<&str> {
    let mut start = "src=".to_owned();
    match address {
        IpAddr::V4(a) => _ = write!(start, "{a} "),
        IpAddr::V6(a) => {
            for (i, segment) in a.segments().iter().enumerate() {
                _ = write!(start, "{}{segment:04x}", if i == 0 { "" } else { ":" });
            }
            start.push(' ');
        }
    }
    text.lines().find_map(|l| l.strip_prefix(&start))
}

/// The times of `ttl: 64 last_seen: 4298 oldest_pkt: 2 4296, 4298`.
fn stamps(line: &str) -> Option<Vec<u64>> {
    let (_, rest) = line.split_once("oldest_pkt: ")?;
    let (_, times) = rest.split_once(' ')?;
    times.split(',').map(|t| t.trim().parse().ok()).collect()
}

/// How many of the times count.
fn hits(cx: &Context, m: &Recent<'_>, times: &[u64]) -> Fact<usize> {
    if m.seconds == 0 || times.is_empty() {
        return Fact::Is(times.len());
    }
    let (now, hz) = match cx.env.jiffies() {
        Fact::Is(clock) => clock,
        Fact::Absent => return Fact::unknown("jiffies"),
        Fact::Unknown(why) => return Fact::Unknown(why),
    };
    // Where a second more or less decides, nobody can say.
    let within = |seconds: u64| times.iter().filter(|&&t| now.wrapping_sub(t) <= seconds * hz || t > now).count();
    let seconds = u64::from(m.seconds);
    let (least, most) = (within(seconds.saturating_sub(1)), within(seconds + 1));
    let wanted = m.hits.max(1) as usize;
    if (least >= wanted) == (most >= wanted) { Fact::Is(least) } else { Fact::unknown(question(m)) }
}

/// The address is seen now.
fn see(cx: &mut Context, m: &Recent<'_>, address: IpAddr, before: Seen) {
    // The clock is asked for only where it is of use: reading it is not cheap.
    let seen = match before {
        Fact::Unknown(why) => Fact::Unknown(why),
        before => match cx.env.jiffies() {
            Fact::Is((now, _)) => {
                let mut times = before.known().unwrap_or_default();
                times.push(now);
                Fact::Is(times)
            }
            _ => Fact::unknown(question(m)),
        },
    };
    remember(cx, m, address, seen);
}

fn remember(cx: &mut Context, m: &Recent<'_>, address: IpAddr, seen: Seen) {
    let list = m.name.to_text();
    cx.recent.0.retain(|(l, a, _)| *l != list || *a != address);
    cx.recent.0.push((list, address, seen));
}
