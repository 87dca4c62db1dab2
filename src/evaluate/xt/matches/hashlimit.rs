//! `-m hashlimit`: a token bucket for each address or port (net/netfilter/xt_hashlimit.c), which the kernel shows in
//! `/proc/net/ipt_hashlimit` and `/proc/net/ip6t_hashlimit`.

use std::net::Ipv4Addr;

use super::{Checked, kept, malformed, place};
use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip6;
use crate::evaluate::xt::Param;
use crate::sys::xt::matches::Hashlimit;

/// Fewer entries than the smallest table holds (`htable_create`: 16 buckets, 8 entries each).
const ROOM: usize = 128;

pub(super) fn check(cx: &mut Context, param: &Param, m: &Hashlimit<'_>) -> Checked {
    let mut ports = [0; 4];
    if m.mode & (Hashlimit::PER_SOURCE_PORT | Hashlimit::PER_DESTINATION_PORT) != 0 {
        // Ports that cannot be read kill the packet; fragments are not looked for.
        let header = match cx.packet.network {
            Network::Ip4 => {
                let at = place(cx, param, m)?.offset;
                cx.packet.array::<1>(9).known().map(|[protocol]| (protocol, at))
            }
            _ => ip6::skip_extensions(&cx.packet).map(|f| (f.protocol, f.offset)),
        };
        let Some((protocol, at)) = header else { return Err(malformed(cx)) };
        let at = match protocol {
            6 | 17 | 33 | 50 | 132 | 136 => Some(at),
            51 => Some(at + 4),
            _ => None,
        };
        match at.map(|at| cx.packet.array::<4>(at)) {
            None => {}
            Some(Fact::Is(bytes)) => ports = bytes,
            Some(Fact::Absent) => return Err(malformed(cx)),
            Some(Fact::Unknown(_)) => return Ok(open(cx, m)),
        }
    }
    let below = match key(cx, m, ports) {
        Some(key) => below(cx, m, &key),
        None => Fact::unknown("addresses of the packet"),
    };
    let Fact::Is(below) = below else { return Ok(open(cx, m)) };
    let met = below != inverted(m);
    if !met {
        let (wanted, have) = if below { ("above the rate", "below it") } else { ("below the rate", "above it") };
        cx.miss("-m hashlimit", || (Some(wanted.into()), Some(have.into())));
    }
    Ok(met)
}

fn inverted(m: &Hashlimit<'_>) -> bool {
    m.mode & Hashlimit::INVERT != 0
}

/// Nobody knows how much of the rate is used up.
fn open(cx: &mut Context, m: &Hashlimit<'_>) -> bool {
    let met = cx.ask(format!("rate of hashlimit {}", m.name), &[], !inverted(m));
    if !met {
        cx.miss("-m hashlimit", || (None, None));
    }
    met
}

/// The entry of the packet, as the kernel writes it: `10.0.0.1:0->0.0.0.0:53`.
fn key(cx: &Context, m: &Hashlimit<'_>, [s0, s1, d0, d1]: [u8; 4]) -> Option<String> {
    type H<'a> = Hashlimit<'a>;
    let (source, destination) = cx.packet.addresses()?;
    let asked = |bit: u32| m.mode & bit != 0;
    let end = |(per_address, prefix): (u32, u8), address: &[u8], per_port: u32, port: [u8; 2]| {
        let address = masked(address, if asked(per_address) { prefix } else { 0 });
        format!("{address}:{}", if asked(per_port) { u16::from_be_bytes(port) } else { 0 })
    };
    let source = end((H::PER_SOURCE, m.source_prefix), source, H::PER_SOURCE_PORT, [s0, s1]);
    let to = end((H::PER_DESTINATION, m.destination_prefix), destination, H::PER_DESTINATION_PORT, [d0, d1]);
    Some(format!("{source}->{to}"))
}

/// The first bits of an address, as the kernel writes addresses.
fn masked(address: &[u8], prefix: u8) -> String {
    let byte = |(i, b): (usize, &u8)| {
        let bits = usize::from(prefix).saturating_sub(8 * i).min(8);
        b & !(0xff_u8.checked_shr(bits as u32).unwrap_or(0))
    };
    let bytes: Vec<u8> = address.iter().enumerate().map(byte).collect();
    match *bytes.as_slice() {
        [a, b, c, d] => Ipv4Addr::new(a, b, c, d).to_string(),
        _ => bytes
            .chunks(2)
            .map(|pair| pair.iter().map(|b| format!("{b:02x}")).collect::<String>())
            .collect::<Vec<_>>()
            .join(":"),
    }
}

/// Is there credit left for the packet?
fn below(cx: &mut Context, m: &Hashlimit<'_>, key: &str) -> Fact<bool> {
    let unknown = || Fact::unknown("credit of the entry");
    // Bytes and measured rates are counted in units that the file does not show.
    let counted = cx.limited.iter().any(|(name, k)| name.as_bytes() == m.name.as_bytes() && k == key);
    let in_packets = m.mode & (Hashlimit::BYTES | Hashlimit::RATE_MATCH) == 0;
    if counted || !in_packets || cx.env.since_ruleset() != Fact::Is(0) {
        return unknown();
    }
    cx.limited.push((m.name.to_text(), key.to_owned()));
    let directory = if cx.packet.network == Network::Ip4 { "ipt_hashlimit" } else { "ip6t_hashlimit" };
    let Fact::Is(text) = kept(cx, directory, m.name) else { return unknown() };
    // `9 10.0.0.1:0->0.0.0.0:53 4000 8000 2000`: seconds to live, the entry, credit, its most, cost of a packet.
    let entry = text.lines().map(|l| l.split_ascii_whitespace().collect::<Vec<_>>()).find(|l| l.get(1) == Some(&key));
    match entry.as_deref() {
        Some([_, _, credit, _, cost]) => match (credit.parse::<u64>(), cost.parse::<u64>()) {
            (Ok(credit), Ok(cost)) => Fact::Is(credit >= cost),
            _ => unknown(),
        },
        Some(_) => unknown(),
        // A new entry begins with all the credit there is; a full table drops the packet.
        None if m.burst > 0 && text.lines().count() < ROOM && (m.max == 0 || m.max as usize >= ROOM) => Fact::Is(true),
        None => unknown(),
    }
}
