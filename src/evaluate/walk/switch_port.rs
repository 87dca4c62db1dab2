//! Which frames a bridge takes from a port, and which port it sends a frame out by (`br_handle_frame`,
//! `br_handle_frame_finish`, `br_flood`).

use crate::blame::CulpritKind;
use crate::blame::packet::device_name;
use crate::evaluate::environment::{Switch, SwitchPort};
use crate::evaluate::fact::Fact;
use crate::evaluate::headers;
use crate::evaluate::obstacle::Obstacle;
use crate::evaluate::packet::Device;

use super::switch::Crossing;
use super::{Fate, On, Way};

/// Whom a frame is for that comes in by a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// The bridge: its host, or others behind it.
    Bridge,
    /// The port itself: protocols between neighbours.
    Port,
    /// The same, past the input hook of bridges.
    PortPastInput,
}

/// `PACKET_HOST`.
const FOR_US: u8 = 0;
/// `BR_STATE_LEARNING`, `BR_STATE_FORWARDING`.
const LEARNING: u8 = 2;
const FORWARDING: u8 = 3;
/// Of so many ports each one's copy is walked.
const MOST: usize = 8;

fn refused<T>(why: impl Into<String>) -> On<T> {
    Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Unknown, why.into()))))
}

/// Does a frame of the host leave by some port, whomever it is for?
pub(super) fn surely_takes(switch: &Switch) -> bool {
    let takes = |p: &SwitchPort| p.up && p.state == FORWARDING && p.floods[0] && !p.proxy_arp;
    let taken = |index: u32| switch.ports.iter().any(|p| p.device.index == index && takes(p));
    let known = |all: &Vec<(Vec<u8>, Option<u32>)>| all.iter().all(|(_, at)| at.is_none_or(taken));
    !switch.vlan_filtering && switch.ports.iter().any(takes) && switch.stations.value().is_some_and(known)
}

impl Way<'_, '_> {
    fn address(&self, at: usize) -> Option<[u8; 6]> {
        self.cx.packet.link.value().and_then(|h| h.get(at..at + 6)?.try_into().ok())
    }

    /// What a bridge looks at before its first hook.
    pub(super) fn enters(&mut self, crossing: &Crossing) -> On<For> {
        let Fact::Is(switch) = &crossing.switch else { return Ok(For::Bridge) };
        let Some(iif) = self.cx.packet.iif.value().map(|d| d.index) else { return Ok(For::Bridge) };
        let Some(port) = switch.ports.iter().find(|p| p.device.index == iif) else { return Ok(For::Bridge) };
        if self.address(6).is_some_and(|from| from == [0; 6] || from[0] & 1 != 0) {
            return refused("source hardware address that nobody has");
        }
        if let Some([1, 0x80, 0xc2, 0, 0, n @ 0..=15]) = self.address(0) {
            let bit = 1u16 << n;
            let mask = if n == 0 { 0 } else { switch.group_forward };
            match n {
                1 => return refused("pause frame of the link layer"),
                0 if !switch.stp => {}
                _ if (mask | switch.group_forward | port.group_forward) & bit != 0 => {}
                0 | 14 => return Ok(For::Port),
                _ => return Ok(For::PortPastInput),
            }
        }
        let name = device_name(&crossing.bridge);
        match port.state {
            LEARNING | FORWARDING => {
                if self.address(0).is_some_and(|to| crossing.address == to) {
                    self.cx.packet.pkttype = Fact::Is(FOR_US);
                }
                Ok(For::Bridge)
            }
            _ => refused(format!("port {} of {name} does not forward", device_name(&port.device))),
        }
    }

    /// What it looks at behind the first hook.
    pub(super) fn may_send(&mut self, crossing: &Crossing) -> On {
        let Fact::Is(switch) = &crossing.switch else { return Ok(()) };
        let Some(iif) = self.cx.packet.iif.value().map(|d| d.index) else { return Ok(()) };
        let Some(port) = switch.ports.iter().find(|p| p.device.index == iif) else { return Ok(()) };
        let name = device_name(&port.device);
        let from = self.address(6);
        if port.locked {
            let behind = |all: &Vec<(Vec<u8>, Option<u32>)>| {
                all.iter()
                    .any(|(address, at)| Some(address.as_slice()) == from.as_ref().map(|f| &f[..]) && *at == Some(iif))
            };
            let allowed = switch.stations.as_ref().map(behind);
            if !self.cx.test(allowed, b"locked port", |a| *a) {
                return refused(format!("port {name} is locked, and its sender is not known behind it"));
            }
        }
        // `br_multicast_rcv`, which looks for IGMP and MLD.
        let many = self.address(0).is_some_and(|to| to[0] & 1 != 0 && to != [0xff; 6]);
        if many
            && switch.snoops
            && let Some(why) = headers::broken(&self.cx.packet)
        {
            return refused(why);
        }
        if port.state == LEARNING { refused(format!("port {name} only learns yet")) } else { Ok(()) }
    }

    /// The port that it leaves by. What leaves by several is walked once for each of them.
    pub(super) fn port_out(&mut self, crossing: &Crossing) -> On<Fact<Device>> {
        let unknown = || Ok(Fact::unknown("bridge port that it leaves by"));
        let Fact::Is(switch) = &crossing.switch else { return unknown() };
        let name = device_name(&crossing.bridge);
        if switch.vlan_filtering
            && !self.cx.ask(format!("whether the VLANs of the ports of {name} let it pass"), b"vlan filtering", true)
        {
            return refused(format!("VLAN filtering of {name}"));
        }
        let iif = self.cx.packet.iif.value().map(|d| d.index);
        if self.cx.packet.iif.is_unknown() {
            return unknown();
        }
        let from = iif.and_then(|i| switch.ports.iter().find(|p| p.device.index == i));
        let to = self.address(0);
        let able = |p: &&SwitchPort| {
            (p.hairpin || Some(p.device.index) != iif)
                && p.state == FORWARDING
                && p.up
                && !(p.isolated && from.is_some_and(|f| f.isolated))
        };
        if to.is_none() || switch.stations.is_unknown() {
            // To whom it is nobody said: nothing is in doubt where one port at most can take it, and nobody is behind another.
            let mut all = switch.ports.iter().filter(able);
            let only = all.next().map(|p| p.device.index);
            let elsewhere = |s: &(Vec<u8>, Option<u32>)| s.1.is_some() && s.1 != only && s.1 != iif;
            let doubtful = switch.stations.value().is_some_and(|s| only.is_some() && s.iter().any(elsewhere));
            if all.next().is_some() || doubtful {
                return unknown();
            }
        }
        // Its sender is learned before anything is looked for.
        let sender = self.address(6).filter(|_| from.is_some_and(|f| f.learns));
        let own = |all: &[(Vec<u8>, Option<u32>)], who: [u8; 6]| all.iter().any(|(a, at)| at.is_none() && a[..] == who);
        let known = match (&switch.stations, to) {
            (_, Some(to)) if to[0] & 1 != 0 => None,
            (Fact::Is(all), Some(to)) if sender == Some(to) && !own(all, to) => iif,
            (Fact::Is(all), Some(to)) => all.iter().find(|(address, _)| address[..] == to).and_then(|s| s.1),
            _ => None,
        };
        if let Some(index) = known {
            return match switch.ports.iter().find(|p| p.device.index == index) {
                Some(port) if able(&port) => Ok(Fact::Is(port.device.clone())),
                Some(_) if Some(index) == iif => {
                    refused(format!("{name} knows its destination behind the port that it came in by"))
                }
                Some(port) if port.isolated && from.is_some_and(|f| f.isolated) => {
                    refused(format!("the ports of {name} are isolated"))
                }
                Some(port) => refused(format!("port {} of {name} does not forward", device_name(&port.device))),
                None => unknown(),
            };
        }
        let kind = match to {
            Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => 2,
            Some(to) if to[0] & 1 != 0 => 1,
            _ => 0,
        };
        // What the host sends to many goes to all ports.
        let flooded = |p: &&SwitchPort| p.floods[kind] || (iif.is_none() && kind != 0);
        let all: Vec<&SwitchPort> = switch.ports.iter().filter(|p| able(p) && flooded(p) && !p.proxy_arp).collect();
        let others = || switch.ports.iter().filter(|p| Some(p.device.index) != iif);
        match all.split_last() {
            None if from.is_some_and(|f| f.isolated) && others().any(|p| p.up && p.state == FORWARDING) => {
                refused(format!("the ports of {name} are isolated"))
            }
            None if others().any(|p| able(&p)) => {
                refused(format!("no other port of {name} takes what is for many, or for nobody known"))
            }
            None => refused(format!("no other port of {name} forwards")),
            Some((last, others)) if others.len() < MOST => {
                for port in others {
                    let copy = format!("which port of {name} a copy of it leaves by: {}", device_name(&port.device));
                    if self.cx.ask(copy.clone(), copy.as_bytes(), true) {
                        return Ok(Fact::Is(port.device.clone()));
                    }
                }
                Ok(Fact::Is(last.device.clone()))
            }
            Some(_) => unknown(),
        }
    }
}
