//! `meta`: what the kernel knows about the packet.

use crate::evaluate::environment::Link;
use crate::evaluate::nft::machine::{Machine, Step};
use crate::evaluate::nft::registers::Unknown;
use crate::evaluate::packet::Device;
use crate::evaluate::{Context, Fact, Hook, Network};
use crate::sys::nft::expr::{Meta, MetaKey};
use crate::sys::nft::{Family, Reg};

/// `IFNAMSIZ`
const NAME: usize = 16;
const PACKET_BROADCAST: u8 = 1;
const PACKET_MULTICAST: u8 = 2;
const PACKET_LOOPBACK: u8 = 5;
/// `ARPHRD_ETHER`, `ARPHRD_LOOPBACK`, `ARPHRD_NONE`
const ETHER: u16 = 1;
const LOOPBACK: u16 = 772;
const NO_HEADER: u16 = 65534;
/// The header of an Ethernet frame, which the loopback has too.
const ETHERNET: usize = 14;
const DAY: i64 = 86_400;

/// `nft_meta_get_eval`, `nft_meta_bridge_get_eval`
pub fn eval(cx: &mut Context<'_>, m: &mut Machine<'_>, e: &Meta) -> Step {
    let d = e.dreg;
    match e.key {
        MetaKey::Length => always(m, d, length(cx)),
        MetaKey::Protocol => m.regs.write(d, &cx.packet.network.ethertype().to_be_bytes()),
        MetaKey::Nfproto => m.regs.write_u8(d, m.info.family.code()),
        MetaKey::L4proto => {
            let protocol = m.info.transport.as_ref().map(|t| t.protocol);
            return byte(m, d, protocol);
        }
        MetaKey::Priority => always(m, d, cx.packet.priority.clone()),
        MetaKey::Mark => always(m, d, cx.packet.mark.clone()),
        MetaKey::Iif => always(m, d, input(cx).map(|d| d.index)),
        MetaKey::Oif => always(m, d, output(cx).map(|d| d.index)),
        MetaKey::Iifname => return name(m, d, input(cx)),
        MetaKey::Oifname => return name(m, d, output(cx)),
        MetaKey::Iiftype => return hardware(m, d, link(cx, device(cx))),
        MetaKey::Oiftype => return hardware(m, d, link(cx, output(cx))),
        MetaKey::Iifgroup => return word(m, d, link(cx, input(cx)).map(|l| l.group)),
        MetaKey::Oifgroup => return word(m, d, link(cx, output(cx)).map(|l| l.group)),
        MetaKey::Iifkind => return kind(m, d, link(cx, input(cx))),
        MetaKey::Oifkind => return kind(m, d, link(cx, output(cx))),
        MetaKey::Skuid => {
            let uid = cx.packet.owner.clone().map(|o| o.uid);
            return word(m, d, flat(uid));
        }
        MetaKey::Skgid => {
            let gid = cx.packet.owner.clone().map(|o| o.gid);
            return word(m, d, flat(gid));
        }
        MetaKey::Rtclassid => return word(m, d, cx.packet.route.as_ref().map(|r| r.realm.unwrap_or(0))),
        MetaKey::Pkttype => return pkttype(cx, m, d),
        MetaKey::Secpath => {
            let under = cx.env.under_ipsec().map(u8::from);
            return byte(m, d, some(under, 0));
        }
        MetaKey::Random => {
            m.regs.write_unknown(d, 4, Unknown::fresh("a random number").between(0, u64::from(u32::MAX), 4));
        }
        MetaKey::TimeNs | MetaKey::TimeDay | MetaKey::TimeHour => time(cx, m, e),
        MetaKey::Sdif => always(m, d, under_vrf(cx, m).map(|l| l.map_or(0, |l| l.index))),
        MetaKey::Sdifname => match under_vrf(cx, m) {
            Fact::Is(Some(l)) => m.regs.write_name(d, l.name.as_bytes(), NAME),
            Fact::Is(None) | Fact::Absent => m.regs.write_name(d, b"", NAME),
            Fact::Unknown(w) => m.regs.write_unknown(d, NAME, Unknown::fact(w)),
        },
        MetaKey::BriIifname => bridge_name(m, d, bridge(cx, input(cx))),
        MetaKey::BriOifname => bridge_name(m, d, bridge(cx, output(cx))),
        MetaKey::BriIifhwaddr => match bridge(cx, input(cx)) {
            Fact::Is(b) if b.address.len() == 6 => m.regs.write(d, &b.address),
            Fact::Is(_) => unknown(m, d, 6, "address of the bridge"),
            Fact::Absent => return Step::Break,
            Fact::Unknown(w) => m.regs.write_unknown(d, 6, Unknown::fact(w).perhaps_absent()),
        },
        MetaKey::BriIifpvid => unknown(m, d, 2, "VLAN id of the bridge port"),
        MetaKey::BriIifvproto => unknown(m, d, 2, "VLAN protocol of the bridge"),
        MetaKey::Cpu => unknown(m, d, 4, "processor"),
        MetaKey::Cgroup => unknown(m, d, 4, "net_cls class of the socket"),
        MetaKey::Secmark => unknown(m, d, 4, "security mark"),
        MetaKey::Nftrace | MetaKey::BriBroute => unknown(m, d, 1, "a value that cannot be read"),
        MetaKey::Unknown(n) => {
            // Longer than any: whatever is read of it is unknown.
            m.regs.write_unknown(d, NAME, Unknown::fact(format!("meta key {n}")).perhaps_absent());
        }
    }
    Step::Go
}

/// `skb->len`: at egress the link layer header is part of it.
pub fn length(cx: &Context<'_>) -> Fact<u32> {
    let link = match (&cx.packet.link, cx.hook) {
        (Fact::Is(h), Hook::Egress) => h.len(),
        (_, Hook::Egress) => match link(cx, output(cx)) {
            Fact::Is(l) if l.hardware == NO_HEADER => 0,
            Fact::Is(l) if matches!(l.hardware, ETHER | LOOPBACK) && l.kind != "vlan" => ETHERNET,
            _ => return Fact::unknown("length of the link layer header"),
        },
        _ => 0,
    };
    Fact::Is(u32::try_from(cx.packet.length + link).unwrap_or(u32::MAX))
}

fn unknown(m: &mut Machine<'_>, d: Reg, len: usize, what: &'static str) {
    m.regs.write_unknown(d, len, Unknown::fact(what).perhaps_absent());
}

/// An optional value inside a fact.
fn flat<T>(f: Fact<Option<T>>) -> Fact<T> {
    match f {
        Fact::Is(v) => v.into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}

/// A value that the kernel always has.
fn some<T>(f: Fact<T>, otherwise: T) -> Fact<T> {
    match f {
        Fact::Absent => Fact::Is(otherwise),
        f => f,
    }
}

fn byte(m: &mut Machine<'_>, d: Reg, f: Fact<u8>) -> Step {
    match f {
        Fact::Is(v) => m.regs.write_u8(d, v),
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => m.regs.write_unknown(d, 1, Unknown::fact(w).perhaps_absent()),
    }
    Step::Go
}

/// A word in host order; what the kernel does not have ends the rule.
pub fn word(m: &mut Machine<'_>, d: Reg, f: Fact<u32>) -> Step {
    match f {
        Fact::Is(v) => m.regs.write_u32(d, v),
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => m.regs.write_unknown(d, 4, Unknown::fact(w).perhaps_absent()),
    }
    Step::Go
}

/// `nft_in`: locally made packets have none, until they come in again.
pub fn input<'c>(cx: &'c Context<'_>) -> Fact<&'c Device> {
    if matches!(cx.hook, Hook::Output | Hook::Egress) {
        return Fact::Absent;
    }
    cx.packet.iif.as_ref()
}

/// `skb->dev`, of which `iiftype` tells (`NFT_META_IFTYPE`): where it came in, and from routing on where it leaves. At the
/// output hook what this host sends has none yet.
fn device<'c>(cx: &'c Context<'_>) -> Fact<&'c Device> {
    match cx.hook {
        Hook::Output => Fact::Absent,
        Hook::Postrouting | Hook::Egress => cx.packet.oif.as_ref(),
        _ => cx.packet.iif.as_ref(),
    }
}

/// `nft_out`: known once the packet was routed.
pub fn output<'c>(cx: &'c Context<'_>) -> Fact<&'c Device> {
    if matches!(cx.hook, Hook::Ingress | Hook::Prerouting | Hook::Input) {
        return Fact::Absent;
    }
    cx.packet.oif.as_ref()
}

/// A word in host order that the kernel always has, be it 0.
fn always(m: &mut Machine<'_>, d: Reg, f: Fact<u32>) {
    match f {
        Fact::Is(v) => m.regs.write_u32(d, v),
        Fact::Absent => m.regs.write_u32(d, 0),
        Fact::Unknown(w) => m.regs.write_unknown(d, 4, Unknown::fact(w)),
    }
}

fn name(m: &mut Machine<'_>, d: Reg, device: Fact<&Device>) -> Step {
    let name = match device {
        Fact::Is(device) => device.name.clone(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    };
    match name {
        Fact::Is(name) => m.regs.write_name(d, name.as_bytes(), NAME),
        Fact::Absent => m.regs.write_name(d, b"", NAME),
        Fact::Unknown(w) => m.regs.write_unknown(d, NAME, Unknown::fact(w)),
    }
    Step::Go
}

/// What is known of a device.
pub fn link(cx: &Context<'_>, device: Fact<&Device>) -> Fact<Link> {
    match device {
        Fact::Is(d) => match cx.env.link(d.index) {
            // The packet came by it: it was there.
            Fact::Absent => Fact::unknown("a device that is gone"),
            link => link,
        },
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}

fn hardware(m: &mut Machine<'_>, d: Reg, link: Fact<Link>) -> Step {
    match link {
        Fact::Is(l) => m.regs.write_u16(d, l.hardware),
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => m.regs.write_unknown(d, 2, Unknown::fact(w).changed("type")),
    }
    Step::Go
}

fn kind(m: &mut Machine<'_>, d: Reg, link: Fact<Link>) -> Step {
    match link {
        Fact::Is(l) if l.kind.is_empty() => return Step::Break,
        Fact::Is(l) => m.regs.write_name(d, l.kind.as_bytes(), NAME),
        Fact::Absent => return Step::Break,
        Fact::Unknown(w) => m.regs.write_unknown(d, NAME, Unknown::fact(w).changed("kind").perhaps_absent()),
    }
    Step::Go
}

/// The bridge that a device is a port of; absent if it is none.
fn bridge(cx: &Context<'_>, device: Fact<&Device>) -> Fact<Link> {
    match link(cx, device) {
        Fact::Is(l) if l.master == 0 => Fact::Absent,
        Fact::Is(l) => match cx.env.link(l.master) {
            Fact::Is(master) if master.kind != "bridge" => Fact::Absent,
            master => master,
        },
        other => other,
    }
}

fn bridge_name(m: &mut Machine<'_>, d: Reg, bridge: Fact<Link>) {
    match bridge {
        Fact::Is(b) => m.regs.write_name(d, b.name.as_bytes(), NAME),
        Fact::Absent => m.regs.write_name(d, b"", NAME),
        Fact::Unknown(w) => m.regs.write_unknown(d, NAME, Unknown::fact(w).changed("bridge")),
    }
}

/// The device under a VRF that the packet came in by (`inet_sdif`), where the kernel shows the VRF as input device.
fn under_vrf(cx: &Context<'_>, m: &Machine<'_>) -> Fact<Option<Link>> {
    if !matches!(m.info.family, Family::Ip | Family::Ip6) {
        return Fact::Is(None);
    }
    match link(cx, input(cx)) {
        Fact::Is(l) if l.kind == "vrf" => Fact::unknown("the device under the VRF"),
        Fact::Is(_) | Fact::Absent => Fact::Is(None),
        Fact::Unknown(w) => Fact::Unknown(w),
    }
}

/// `nft_meta_get_eval_pkttype_lo` for what this host sends to itself.
fn pkttype(cx: &Context<'_>, m: &mut Machine<'_>, d: Reg) -> Step {
    let kind = match &cx.packet.pkttype {
        Fact::Is(PACKET_LOOPBACK) => match (m.info.family, cx.packet.network) {
            (Family::Ip | Family::Netdev, Network::Ip4) => match cx.packet.array(16) {
                Fact::Is::<[u8; 1]>([first]) if first >> 4 == 0xe => Fact::Is(PACKET_MULTICAST),
                Fact::Is(_) => Fact::Is(PACKET_BROADCAST),
                Fact::Absent => Fact::Absent,
                Fact::Unknown(w) => Fact::Unknown(w),
            },
            (Family::Ip6, _) | (Family::Netdev, Network::Ip6) => Fact::Is(PACKET_MULTICAST),
            _ => Fact::Absent,
        },
        other => some(other.clone(), 0),
    };
    byte(m, d, kind)
}

fn time(cx: &Context<'_>, m: &mut Machine<'_>, e: &Meta) {
    let d = e.dreg;
    match cx.env.clock() {
        Fact::Is((seconds, offset)) => match e.key {
            MetaKey::TimeNs => {
                // The second is known, not the nanosecond.
                let low = u64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000);
                let now = Unknown::fact("the nanosecond").between(low, low.saturating_add(999_999_999), 8);
                m.regs.write_unknown(d, 8, now);
            }
            // Thursday was the first.
            MetaKey::TimeDay => {
                let days = seconds.saturating_add(i64::from(offset)).div_euclid(DAY);
                m.regs.write_u8(d, (days + 4).rem_euclid(7) as u8);
            }
            _ => m.regs.write_u32(d, seconds.rem_euclid(DAY) as u32),
        },
        Fact::Absent => m.regs.write_unknown(d, 8, Unknown::fact("time of day")),
        Fact::Unknown(w) => m.regs.write_unknown(d, 8, Unknown::fact(w).changed(e.key.code())),
    }
}

#[cfg(test)]
mod tests;
