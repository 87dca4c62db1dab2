//! What the conntrack hook makes of a packet (`nf_conntrack_in`, net/netfilter/nf_conntrack_core.c), from the live table.

mod icmp;
mod sctp;
mod tcp;

use std::sync::Arc;

use super::facts::Host;
use super::refusal::{Cause, Refusal};
use super::sysctl::{Why, number};
use crate::evaluate::nat::{transport, tuple_of};
use crate::evaluate::packet::{Ct, CtState};
use crate::evaluate::{Fact, Network, Packet, Tracked, checksum};
use crate::sys::ct::{Flow, Status, Tuple, Zone};

/// Newer kernels have no such tracker.
const DCCP: &str = "what the tracker of DCCP says";

/// What a protocol's tracker says about a packet.
enum Says {
    /// It fits.
    Fits,
    /// It is let pass as part of the connection, without being counted or refreshing anything.
    Ignored,
    /// It fits, and whether it is counted hangs on windows.
    Perhaps,
    /// It does not: the packet is invalid.
    Invalid,
    /// It ends the connection that is there and begins another one.
    Reopens,
    /// One or the other, depending on what the evidence does not hold.
    Either(&'static str, Box<Says>, Box<Says>),
}

/// What conntrack makes of a packet that is not tracked yet. Absent: this kernel does not track connections.
pub fn track<H: Host + ?Sized>(host: &H, packet: &Packet) -> Fact<Tracked> {
    told(host, packet, false)
}

/// What it has made of a packet that it let pass, and whose addresses may have been translated since.
pub fn track_behind<H: Host + ?Sized>(host: &H, packet: &Packet) -> Fact<Tracked> {
    told(host, packet, true)
}

fn told<H: Host + ?Sized>(host: &H, packet: &Packet, behind: bool) -> Fact<Tracked> {
    match host.conntrack_usage() {
        Fact::Absent => Fact::Absent,
        _ => decide(host, packet, behind).map_or_else(Fact::Unknown, Fact::Is),
    }
}

fn decide<H: Host + ?Sized>(host: &H, packet: &Packet, behind: bool) -> Result<Tracked, Why> {
    let headers = packet.headers();
    if headers.more_fragments || headers.fragment_offset != 0 {
        return Err("conntrack state of the packet that its fragments make".into());
    }
    let cut = packet.bytes.len() < packet.length;
    let Some((protocol, at)) = transport(packet) else {
        return if cut { Err("transport header of the packet".into()) } else { Ok(invalid()) };
    };
    let zone = match packet.ct.zone {
        Fact::Is(zone) => zone,
        Fact::Absent => Zone::default(),
        Fact::Unknown(ref why) => return Err(why.clone()),
    };
    let look = Look { host, packet, protocol, at, zone, cut };
    if let Some(done) = icmp::special(&look)? {
        return Ok(done);
    }
    // The calls of PPTP are told apart by keys that nothing tells of.
    if i32::from(protocol) == nix::libc::IPPROTO_GRE && look.header::<2>()?.is_some_and(|[_, version]| version & 7 == 1)
    {
        return Err("connection of a PPTP packet".into());
    }
    let Some(tuple) = tuple_of(packet) else {
        return if cut { Err("ports of the packet".into()) } else { Ok(invalid()) };
    };
    let Some(inverted) = tuple.inverted() else {
        return Ok(invalid()); // nothing answers it, so nothing of its kind is in the table
    };
    match host.flow(&tuple, zone) {
        Fact::Is(flow) => known(&look, &tuple, &flow),
        // Translation makes one direction of a connection the opposite of how the other one is filed.
        Fact::Absent if behind && let Fact::Is(flow) = host.flow(&inverted, zone) => {
            let came_as = if flow.orig == inverted { flow.reply } else { flow.orig };
            known(&look, &came_as, &flow)
        }
        Fact::Absent => new(&look, &tuple),
        Fact::Unknown(why) => Err(why),
    }
}

/// A packet being looked at.
struct Look<'a, H: ?Sized> {
    host: &'a H,
    packet: &'a Packet,
    /// The transport protocol.
    protocol: u8,
    /// Where its header is.
    at: usize,
    zone: Zone,
    /// Is the packet longer than what is captured of it?
    cut: bool,
}

impl<H: Host + ?Sized> Look<'_, H> {
    fn is_v6(&self) -> bool {
        self.packet.network == Network::Ip6
    }

    /// Does it come in? Packets that this host sends are not checksummed yet.
    fn comes_in(&self) -> bool {
        !matches!(self.packet.iif, Fact::Absent)
    }

    /// Does the tracker look at checksums? Packets that this host sends are not summed up yet.
    fn sums_up(&self) -> Result<bool, Why> {
        Ok(self.comes_in() && number(self.host, "net.netfilter.nf_conntrack_checksum".into())?.is_on())
    }

    /// `nf_checksum`, where the kernel asks for it.
    fn checksum_is_wrong(&self) -> Result<bool, Why> {
        // Of a packet that is cut the sum cannot be told; nearly all sums on a wire are right.
        let right = || checksum::transport_is_right(self.packet, self.protocol, self.at);
        Ok(self.sums_up()? && right() == Fact::Is(false))
    }

    /// Bytes of the transport header. None: the packet ends before.
    fn header<const N: usize>(&self) -> Result<Option<[u8; N]>, Why> {
        match self.packet.array(self.at) {
            Fact::Is(bytes) => Ok(Some(bytes)),
            Fact::Absent => Ok(None),
            Fact::Unknown(why) => Err(why),
        }
    }

    /// Bytes from the transport header to the end of the packet.
    fn transport_length(&self) -> usize {
        let end = match self.packet.network {
            Network::Ip4 => self.packet.headers().total_length.min(self.packet.length),
            _ => self.packet.length,
        };
        end.saturating_sub(self.at)
    }
}

/// A packet of a connection that is in the table.
fn known<H: Host + ?Sized>(look: &Look<'_, H>, tuple: &Tuple, flow: &Arc<Flow>) -> Result<Tracked, Why> {
    // A packet to its own sender is both; the kernel files the answers in front.
    let reply = flow.orig == flow.reply || flow.is_reply(tuple).unwrap_or(false);
    let status = flow.status.unwrap_or_default();
    let state = match reply {
        true => CtState::Established,
        false if status.contains(Status::SEEN_REPLY) => CtState::Established,
        false if status.contains(Status::EXPECTED) => CtState::Related,
        false => CtState::New,
    };
    let says = match i32::from(look.protocol) {
        nix::libc::IPPROTO_TCP => tcp::known(look, flow, reply)?,
        nix::libc::IPPROTO_UDP | nix::libc::IPPROTO_UDPLITE if udp_is_broken(look)? => Says::Invalid,
        nix::libc::IPPROTO_ICMP | nix::libc::IPPROTO_ICMPV6 => icmp::known(look, flow),
        nix::libc::IPPROTO_SCTP => sctp::known(look, flow, reply)?,
        nix::libc::IPPROTO_DCCP => return Err(DCCP.into()),
        _ => Says::Fits,
    };
    // An answer counts as seen before rules see it.
    let seen = if reply { Status::SEEN_REPLY } else { Status::empty() };
    outcome(look, tuple, says, Some(flow), &|ignored| part_of(flow, reply, state, seen, ignored))
}

/// A packet of no connection: it may begin one.
fn new<H: Host + ?Sized>(look: &Look<'_, H>, tuple: &Tuple) -> Result<Tracked, Why> {
    let Some(answers) = tuple.inverted() else { return Ok(invalid()) };
    // The entry is made first, whatever the tracker says then: a full table also stops what would be invalid.
    let full = match look.host.conntrack_usage() {
        Fact::Is(usage) => (usage.max != 0 && usage.count >= usage.max).then_some(usage),
        Fact::Absent => None,
        Fact::Unknown(why) => return Err(why),
    };
    let begun = begins(look, tuple, answers)?;
    let Some(usage) = full else { return Ok(begun) };
    let lost = Refusal::new(Cause::TableFull)
        .because("net.netfilter.nf_conntrack_count", usage.count.to_string())
        .because("net.netfilter.nf_conntrack_max", usage.max.to_string());
    let lost = Tracked::Lost(lost.into());
    // `early_drop` looks for a connection that is not assured in a few buckets near the new one's.
    if look.host.has_unassured_flows() == Fact::Is(false) {
        return Ok(lost);
    }
    let what = "no connection makes room in the full conntrack table".into();
    Ok(Tracked::Either { what, likely: Box::new(lost), otherwise: Box::new(begun) })
}

/// What it would be if there is room for it.
fn begins<H: Host + ?Sized>(look: &Look<'_, H>, tuple: &Tuple, answers: Tuple) -> Result<Tracked, Why> {
    let says = match i32::from(look.protocol) {
        nix::libc::IPPROTO_TCP => tcp::new(look)?,
        nix::libc::IPPROTO_UDP | nix::libc::IPPROTO_UDPLITE if udp_is_broken(look)? => Says::Invalid,
        nix::libc::IPPROTO_ICMP | nix::libc::IPPROTO_ICMPV6 => icmp::new(look, tuple),
        nix::libc::IPPROTO_SCTP => sctp::new(look)?,
        nix::libc::IPPROTO_DCCP => return Err(DCCP.into()),
        _ => Says::Fits,
    };
    let announced = match look.host.expectations() {
        Fact::Is(all) => all.iter().find(|e| e.zone.unwrap_or(0) == look.zone.id && e.expects(tuple)).cloned(),
        Fact::Absent => None,
        Fact::Unknown(why) => return Err(why),
    };
    let (state, status, mark) = match announced {
        // It takes over the mark of the connection that announced it.
        Some(e) => match look.host.flow(&e.master, look.zone) {
            Fact::Is(master) => (CtState::Related, Status::EXPECTED, Fact::Is(master.mark.unwrap_or(0))),
            _ => (CtState::Related, Status::EXPECTED, Fact::unknown("mark of the announcing connection")),
        },
        None => (CtState::New, Status::empty(), Fact::Is(0)),
    };
    outcome(look, tuple, says, None, &|ignored| {
        Tracked::As(Box::new(Ct {
            state: Fact::Is(state),
            reply: Fact::Is(false),
            mark: mark.clone(),
            status: Fact::Is(status.bits()),
            zone: Fact::Is(look.zone),
            template: false,
            original: Fact::Is(*tuple),
            answers: Fact::Is(answers),
            flow: Fact::Absent,
            told: false,
            labels: 0,
            ignored,
            replaces: None,
        }))
    })
}

fn outcome<H: Host + ?Sized>(
    look: &Look<'_, H>,
    tuple: &Tuple,
    says: Says,
    there: Option<&Arc<Flow>>,
    fits: &dyn Fn(Fact<bool>) -> Tracked,
) -> Result<Tracked, Why> {
    Ok(match says {
        Says::Fits => fits(Fact::Is(false)),
        Says::Ignored => fits(Fact::Is(true)),
        Says::Perhaps => fits(Fact::unknown("whether the tracker counts the packet")),
        Says::Invalid => invalid(),
        Says::Reopens => match tuple.inverted() {
            Some(answers) => match begins(look, tuple, answers)? {
                Tracked::As(ct) => Tracked::As(Box::new(Ct { replaces: there.cloned(), ..*ct })),
                other => other,
            },
            None => invalid(),
        },
        Says::Either(what, likely, otherwise) => Tracked::Either {
            what: what.into(),
            likely: Box::new(outcome(look, tuple, *likely, there, fits)?),
            otherwise: Box::new(outcome(look, tuple, *otherwise, there, fits)?),
        },
    })
}

/// A packet of a known connection, which changes its status so.
fn part_of(flow: &Arc<Flow>, reply: bool, state: CtState, seen: Status, ignored: Fact<bool>) -> Tracked {
    Tracked::As(Box::new(Ct {
        state: Fact::Is(state),
        reply: Fact::Is(reply),
        mark: Fact::Is(flow.mark.unwrap_or(0)),
        status: flow.status.map(|s| (s | seen).bits()).into(),
        zone: Fact::Is(flow.in_zone()),
        template: false,
        original: Fact::Is(flow.orig),
        answers: Fact::Is(flow.reply),
        flow: Fact::Is(flow.clone()),
        told: false,
        labels: 0,
        ignored,
        replaces: None,
    }))
}

fn invalid() -> Tracked {
    Tracked::As(Box::new(Ct { state: Fact::Is(CtState::Invalid), ..Ct::default() }))
}

fn untracked() -> Tracked {
    Tracked::As(Box::new(Ct { state: Fact::Is(CtState::Untracked), ..Ct::default() }))
}

/// `udp_error`, `udplite_error`: the length field, and the checksum.
fn udp_is_broken<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<bool, Why> {
    let Some(h) = look.header::<8>()? else { return Ok(true) };
    let length = usize::from(u16::from_be_bytes([h[4], h[5]]));
    let sum = u16::from_be_bytes([h[6], h[7]]);
    if look.protocol == nix::libc::IPPROTO_UDPLITE as u8 {
        // The field is the part that is covered, 0 for all; a packet without a sum is refused.
        if (length != 0 && length < 8) || length > look.transport_length() || sum == 0 {
            return Ok(true);
        }
        // Kernels were seen that refuse sums which are right.
        return if look.sums_up()? { Err("what the tracker says of a UDP-Lite checksum".into()) } else { Ok(false) };
    }
    Ok(length < 8 || length > look.transport_length() || (sum != 0 && look.checksum_is_wrong()?))
}

#[cfg(test)]
mod tests;
