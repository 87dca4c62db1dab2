//! Matches of ebtables that are not those of iptables: `ip`, `ip6`, `mark_m`, `pkttype` (net/bridge/netfilter).

use std::fmt::Display;
use std::net::IpAddr;

use super::{Checked, known};
use crate::evaluate::context::Context;
use crate::evaluate::ip6;
use crate::evaluate::nat::address;
use crate::evaluate::xt::Outcome;

/// `EBT_IP_SOURCE`, `EBT_IP6_SOURCE` and so on.
const SOURCE: u8 = 0x01;
const DESTINATION: u8 = 0x02;
const TOS: u8 = 0x04;
const PROTOCOL: u8 = 0x08;
const SOURCE_PORT: u8 = 0x10;
const DESTINATION_PORT: u8 = 0x20;
const ICMP: u8 = 0x40;
const IGMP: u8 = 0x80;

/// Does a match of that name match the packet? None: it is none of these, or its data are not understood.
pub fn matches(cx: &mut Context, name: &[u8], data: &[u8]) -> Option<Outcome> {
    let checked = match name {
        b"ip" => header(cx, &Asked::read(data, false)?),
        b"ip6" => header(cx, &Asked::read(data, true)?),
        b"mark_m" => mark(cx, data)?,
        b"pkttype" => {
            let [kind, inverted] = data.first_chunk().copied()?;
            let fact = cx.packet.pkttype.clone();
            known(cx, fact, &(name, data)).map(|have| {
                let have = have.unwrap_or_default();
                held(cx, (have == kind) != (inverted != 0), "--pkttype-type", kind, have)
            })
        }
        _ => return None,
    };
    Some(match checked {
        Ok(matched) => matched.into(),
        Err(outcome) => outcome,
    })
}

/// Notes a condition that is not met; gives it back.
fn held(cx: &mut Context, met: bool, field: &'static str, wanted: impl Display, have: impl Display) -> bool {
    if !met {
        cx.miss(field, || (Some(wanted.to_string()), Some(have.to_string())));
    }
    met
}

/// `struct ebt_mark_m_info`
fn mark(cx: &mut Context, data: &[u8]) -> Option<Checked> {
    /// `EBT_MARK_OR`: any bit of the mask counts.
    const ANY: u8 = 2;
    let long = |at: usize| Some(u64::from_ne_bytes(data.get(at..)?.first_chunk().copied()?) as u32);
    let (wanted, mask, inverted, how) = (long(0)?, long(8)?, *data.get(16)? != 0, *data.get(17)?);
    let fact = cx.packet.mark.clone();
    Some(known(cx, fact, &data).map(|have| {
        let have = have.unwrap_or(0);
        let met = if how & ANY != 0 { have & mask != 0 } else { have & mask == wanted };
        held(cx, met != inverted, "--mark", format_args!("{wanted:#x}/{mask:#x}"), format_args!("{have:#x}"))
    }))
}

/// `struct ebt_ip_info`, `struct ebt_ip6_info`
#[derive(Debug)]
struct Asked {
    v6: bool,
    addresses: [IpAddr; 2],
    masks: [IpAddr; 2],
    tos: u8,
    protocol: u8,
    asks: u8,
    inverts: u8,
    /// Two ranges: of source and destination ports, or of type and code, two bytes each.
    ranges: [[u8; 4]; 2],
}

impl Asked {
    fn read(data: &[u8], v6: bool) -> Option<Self> {
        let size = if v6 { 16 } else { 4 };
        let addr = |n: usize| address(data.get(n * size..(n + 1) * size)?);
        let [tos, protocol, asks, inverts] = data.get(4 * size..)?.first_chunk().copied()?;
        let range = |n: usize| data.get(4 * size + 4 + 4 * n..)?.first_chunk().copied();
        Some(Self {
            v6,
            addresses: [addr(0)?, addr(1)?],
            masks: [addr(2)?, addr(3)?],
            tos,
            protocol,
            asks,
            inverts,
            ranges: [range(0)?, range(1)?],
        })
    }

    fn ask(&self, bit: u8) -> bool {
        self.asks & bit != 0
    }

    /// Does a condition hold, turned round where it is to be?
    fn holds(
        &self,
        cx: &mut Context,
        bit: u8,
        met: bool,
        field: &'static str,
        both: impl FnOnce() -> (String, String),
    ) -> bool {
        let met = met != (self.inverts & bit != 0);
        if !met {
            cx.miss(field, || {
                let (wanted, have) = both();
                let not = if self.inverts & bit != 0 { "! " } else { "" };
                (Some(format!("{not}{wanted}")), Some(have))
            });
        }
        met
    }
}

/// Bytes of the packet; a packet that is too short does not match.
fn bytes<const N: usize>(cx: &mut Context, at: usize, m: &Asked) -> Result<[u8; N], Outcome> {
    let fact = cx.packet.array(at);
    known(cx, fact, m)?.ok_or(Outcome::No)
}

/// `ebt_ip_mt`, `ebt_ip6_mt`
fn header(cx: &mut Context, m: &Asked) -> Checked {
    let (first, len) = if m.v6 { (8, 16) } else { (12, 4) };
    if m.ask(TOS) {
        let [a, b] = bytes::<2>(cx, 0, m)?;
        let have = if m.v6 { a << 4 | b >> 4 } else { b };
        let field = if m.v6 { "--ip6-tclass" } else { "--ip-tos" };
        if !m.holds(cx, TOS, have == m.tos, field, || (format!("{:#04x}", m.tos), format!("{have:#04x}"))) {
            return Ok(false);
        }
    }
    let names = if m.v6 { ["--ip6-source", "--ip6-destination"] } else { ["--ip-source", "--ip-destination"] };
    let ends = [SOURCE, DESTINATION].into_iter().zip(names).zip(m.addresses.iter().zip(&m.masks)).enumerate();
    for (n, ((bit, field), (wanted, mask))) in ends.filter(|(_, ((bit, _), _))| m.ask(*bit)) {
        let fact = cx.packet.read(first + n * len, len).map(address);
        let Some(have) = known(cx, fact, m)?.flatten() else { return Ok(false) };
        let met = masked(have, *mask) == Some(*wanted);
        if !m.holds(cx, bit, met, field, || (format!("{wanted}/{mask}"), have.to_string())) {
            return Ok(false);
        }
    }
    if !m.ask(PROTOCOL) {
        return Ok(true);
    }
    let (protocol, at, fragment) = transport(cx, m)?;
    let field = if m.v6 { "--ip6-protocol" } else { "--ip-protocol" };
    let met = protocol == m.protocol;
    if !m.holds(cx, PROTOCOL, met, field, || (m.protocol.to_string(), protocol.to_string())) {
        return Ok(false);
    }
    if !m.ask(SOURCE_PORT | DESTINATION_PORT | ICMP | IGMP) {
        return Ok(true);
    }
    if fragment {
        cx.miss("packet", || (Some("a transport header".into()), Some("a later fragment".into())));
        return Ok(false);
    }
    let [a, b, c, d] = bytes::<4>(cx, at, m)?;
    let port = |range: [u8; 4]| {
        let [a, b, c, d] = range;
        (u16::from_ne_bytes([a, b]), u16::from_ne_bytes([c, d]))
    };
    let [source, destination] = m.ranges;
    let both = |(low, high): (u16, u16), have: u16| (format!("{low}:{high}"), have.to_string());
    for (bit, range, have, field) in [
        (DESTINATION_PORT, destination, [c, d], if m.v6 { "--ip6-destination-port" } else { "--ip-destination-port" }),
        (SOURCE_PORT, source, [a, b], if m.v6 { "--ip6-source-port" } else { "--ip-source-port" }),
    ] {
        let ((low, high), have) = (port(range), u16::from_be_bytes(have));
        if m.ask(bit) && !m.holds(cx, bit, (low..=high).contains(&have), field, || both((low, high), have)) {
            return Ok(false);
        }
    }
    // Types stand where the source ports do, codes where the destination ports do.
    let [low, high, ..] = source;
    let [first, last, ..] = destination;
    let kind = || (format!("{low}:{high}/{first}:{last}"), format!("{a}/{b}"));
    let met = (low..=high).contains(&a) && (first..=last).contains(&b);
    if m.ask(ICMP) && !m.holds(cx, ICMP, met, if m.v6 { "--ip6-icmp-type" } else { "--ip-icmp-type" }, kind) {
        return Ok(false);
    }
    Ok(!m.ask(IGMP) || m.v6 || m.holds(cx, IGMP, (low..=high).contains(&a), "--ip-igmp-type", kind))
}

/// Protocol, offset of its header, and whether it is a fragment without one.
fn transport(cx: &mut Context, m: &Asked) -> Result<(u8, usize, bool), Outcome> {
    if m.v6 {
        let found = ip6::skip_extensions(&cx.packet).ok_or(Outcome::No)?;
        // It stops at the fragment header, whose bytes are taken for the transport's.
        return Ok((found.protocol, found.offset, false));
    }
    let [first] = bytes::<1>(cx, 0, m)?;
    let [high, low] = bytes::<2>(cx, 6, m)?;
    let [protocol] = bytes::<1>(cx, 9, m)?;
    Ok((protocol, usize::from(first & 0xf) * 4, u16::from_be_bytes([high, low]) & 0x1fff != 0))
}

fn masked(a: IpAddr, mask: IpAddr) -> Option<IpAddr> {
    match (a, mask) {
        (IpAddr::V4(a), IpAddr::V4(m)) => Some((a & m).into()),
        (IpAddr::V6(a), IpAddr::V6(m)) => Some((a & m).into()),
        _ => None,
    }
}
