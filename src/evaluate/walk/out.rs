//! The way of packets that this host sends, and of all packets behind the last hook.

use crate::blame::CulpritKind;
use crate::blame::packet::device_name;
use crate::evaluate::environment::{FibAnswer, Program};
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::evaluate::obstacle::{Obstacle, Routed};
use crate::evaluate::packet::Device;
use crate::evaluate::place::{ChainRef, TableRef};
use crate::evaluate::stations::Foreign;
use crate::sys::nft::ChainKind;

use super::receive::LOOPBACK;
use super::{Fate, On, Way};

/// `RTN_UNICAST`.
const UNICAST: u8 = 1;
/// `RTN_LOCAL`, `RTN_ANYCAST`: routes to this host, which lead through the loopback.
const HERE: [u8; 2] = [2, 4];

/// What rerouting goes by: addresses, mark, TOS; for IPv6 also the flow label and the hop limit.
#[derive(PartialEq, Eq)]
pub(super) struct RoutedBy(Vec<u8>, Fact<u32>);

impl Way<'_, '_> {
    pub(super) fn after_output(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        self.held_for_ipsec()?;
        self.hook(Hook::Postrouting, None)?;
        self.after_postrouting()
    }

    /// A packet that was seen was routed; one that waits for an IPsec state is given up behind the output hook for all that
    /// (`make_blackhole`).
    fn held_for_ipsec(&self) -> On {
        if self.walk.past
            && let Fact::Is(Routed::Lost(o)) = self.walk.env.route_output(&self.cx.packet)
            && o.kind == CulpritKind::Xfrm
            && o.unless.is_none()
        {
            return Err(Fate::Lost(Box::new(o)));
        }
        Ok(())
    }

    pub(super) fn after_postrouting(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Left);
        }
        self.recall_route();
        self.group_programs()?;
        let leave = self.walk.env.leave(&self.cx.packet);
        self.stopped(if self.walk.past { leave } else { leave.map(asked_again) })?;
        self.cx.packet.link = Fact::unknown("link layer header");
        self.hook(Hook::Egress, None)?;
        self.programs(true)?;
        self.out_by_port()?;
        let local = self.cx.packet.route.value().is_some_and(|r| HERE.contains(&r.kind));
        if !local && self.leaves_by_loopback() {
            return Err(Fate::Unknown("where a route by the loopback leads that is none of this host's".into()));
        }
        if !local || self.looped {
            return Ok(Fate::Left);
        }
        self.looped = true;
        self.come_back()
    }

    fn leaves_by_loopback(&self) -> bool {
        let link = self.cx.packet.oif.value().map(|d| self.walk.env.link(d.index));
        let kind = self.cx.packet.route.value().map(|r| r.kind);
        !self.walk.past && kind == Some(UNICAST) && link.and_then(Fact::known).is_some_and(|l| l.hardware == LOOPBACK)
    }

    /// A packet that was seen behind the routing decision: by what it left by, its route is the one that is found now.
    fn recall_route(&mut self) {
        let packet = &mut self.cx.packet;
        if !self.walk.past || !packet.route.is_unknown() {
            return;
        }
        // A link-local address is a neighbour on whatever link the packet leaves by.
        if let (Some((_, &[0xfe, second, ..])), Some(oif)) = (packet.addresses(), packet.oif.value())
            && packet.network == Network::Ip6
            && second & 0xc0 == 0x80
        {
            packet.route = Fact::Is(FibAnswer::on_link(oif.index));
            return;
        }
        if let Fact::Is(Routed::Out { oif, route }) = self.walk.env.route_output(packet)
            && packet.oif.value().is_some_and(|d| d.index == oif.index)
        {
            packet.route = Fact::Is(route);
        }
    }

    /// What this host sends to itself comes in again by the loopback, with its mark and its connection.
    fn come_back(&mut self) -> Result<Fate, Fate> {
        self.kept = self.cx.packet.route.value().copied();
        let packet = &mut self.cx.packet;
        packet.iif = std::mem::take(&mut packet.oif);
        packet.owner = Fact::Absent;
        let mut link = vec![0; 12];
        link.extend(packet.network.ethertype().to_be_bytes());
        packet.link = Fact::Is(link);
        self.hook(Hook::Ingress, None)?;
        self.hook(Hook::Prerouting, None)?;
        self.after_prerouting()
    }

    /// Routes a packet of this host, for the first time or again (`ip_route_me_harder`).
    pub(super) fn route_out(&mut self) -> On {
        let routed = self.walk.env.route_output(&self.cx.packet);
        let (oif, route) = match self.known(routed, "routing decision")? {
            Routed::Lost(o) => {
                return Err(match o.unless.clone() {
                    Some((what, likely)) if self.cx.ask(what.clone(), what.as_bytes(), likely) => {
                        Fate::Unknown(what.into())
                    }
                    _ => Fate::Lost(Box::new(o)),
                });
            }
            Routed::Out { oif, route } => (oif, route),
            Routed::Local(route) => {
                let name = self.walk.env.link(route.oif).map(|l| l.name);
                (Device { index: route.oif, name }, route)
            }
        };
        let there = Fact::Is(oif);
        if self.cx.packet.oif != there
            && let Fact::Is(oif) = &there
        {
            self.kernel(format!("routed out {}", device_name(oif)));
        }
        self.cx.packet.route = Fact::Is(route);
        // The hook that is under way still shows the rules the device of before (`nf_hook_state`).
        match self.under_way {
            true => self.rerouted = Some(there),
            false => self.cx.packet.oif = there,
        }
        Ok(())
    }

    /// Is this a chain behind which the kernel routes again what was changed: `type route`, or the legacy mangle table?
    pub(super) fn reroutes(&self, base: ChainRef) -> bool {
        if self.cx.hook != Hook::Output || !self.is_ip() {
            return false;
        }
        let rules = self.walk.rules.rules;
        match base.table {
            TableRef::Nft(t) => rules
                .nft
                .get(t)
                .and_then(|t| t.chains.get(base.chain)?.def.base.as_ref())
                .is_some_and(|b| b.kind == ChainKind::Route),
            TableRef::Xt(t) => rules.xt.get(t).is_some_and(|t| t.name() == "mangle"),
        }
    }

    pub(super) fn routed_by(&self) -> RoutedBy {
        let p = &self.cx.packet;
        let ranges: &[std::ops::Range<usize>] = match p.network {
            crate::evaluate::Network::Ip4 => &[1..2, 12..20],
            _ => &[0..4, 7..40],
        };
        RoutedBy(
            ranges.iter().flat_map(|r| p.bytes.range(r.start, r.len()).unwrap_or(&[])).copied().collect(),
            p.mark.clone(),
        )
    }

    /// Programs at the device that the packet comes in by, or leaves by: what they do is an open question.
    pub(super) fn programs(&mut self, out: bool) -> On {
        let device = if out { &self.cx.packet.oif } else { &self.cx.packet.iif };
        let Some(index) = device.value().map(|d| d.index) else { return Ok(()) };
        let programs = self.walk.env.programs(index, out);
        self.pass(programs, if out { "after all rules" } else { "before any rule" })
    }

    /// Programs of the control group of whoever sends a packet.
    fn group_programs(&mut self) -> On {
        if self.looped || self.cx.packet.iif.value().is_some() {
            return Ok(());
        }
        let programs = self.walk.env.sent_through(&self.cx.packet);
        self.pass(programs, "after all rules")
    }

    fn pass(&mut self, programs: Fact<Vec<Program>>, when: &str) -> On {
        match programs {
            Fact::Is(programs) => programs.iter().try_for_each(|p| self.may_take(p, when, false)),
            Fact::Absent => Ok(()),
            Fact::Unknown(_) if self.walk.past => Ok(()),
            Fact::Unknown(what) => {
                match self.cx.ask(format!("whether a program takes it: {what}"), what.as_bytes(), false) {
                    true => Err(Fate::Unknown(what)),
                    false => Ok(()),
                }
            }
        }
    }

    /// Something at a hook that is in no ruleset. Of a packet that has got further it is known that it was let pass.
    pub(super) fn foreign(&mut self, foreign: &Foreign) -> On {
        if !foreign.doubtful {
            return Ok(());
        }
        let hook = self.cx.hook.name();
        let name = format!("{} at {hook}", foreign.program.name);
        self.may_take(&Program { kind: foreign.program.kind, name }, "between the rules", true)
    }

    /// What it does with packets is an open question.
    fn may_take(&mut self, p: &Program, when: &str, at_hook: bool) -> On {
        if self.cx.ask(format!("whether the {} lets it pass", p.name), p.name.as_bytes(), true) {
            return Ok(());
        }
        let lost = Obstacle { at_hook, ..Obstacle::new(p.kind, p.name.clone()) };
        Err(Fate::Lost(Box::new(lost.because(format!("the {} sees the packet {when}", p.name)))))
    }
}

/// A neighbour that did not answer is asked again when there is something to send.
fn asked_again(mut o: Obstacle) -> Obstacle {
    if o.kind == CulpritKind::Neighbour && o.unless.is_none() {
        o.unless = Some(("whether the next hop answers when it is asked again".into(), false));
    }
    o
}
