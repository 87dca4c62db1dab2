//! From the first hook on, where routing takes the packet.

use crate::evaluate::fact::Fact;
use crate::evaluate::forwarding;
use crate::evaluate::headers::Network;
use crate::evaluate::hook::Hook;
use crate::evaluate::obstacle::Routed;

use super::{Fate, Way};

impl Way<'_, '_> {
    pub(super) fn after_prerouting(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        let routed = match self.kept.take() {
            Some(route) => Fact::Is(Routed::Local(route)),
            None => self.walk.env.route_input(&self.cx.packet),
        };
        match self.known(routed, "routing decision")? {
            Routed::Lost(o) => {
                self.options_before(&o)?;
                Err(Fate::Lost(Box::new(o)))
            }
            Routed::Local(route) => {
                self.cx.packet.route = Fact::Is(route);
                self.kernel("routed to this host");
                if self.cx.packet.network == Network::Ip4 {
                    self.options(route.kind)?;
                    self.unicast_in_multicast(Some(route.kind))?;
                    self.gather()?; // `ip_local_deliver`
                }
                self.hook(Hook::Input, None)?;
                self.after_input()
            }
            Routed::Out { oif, route } => {
                self.kernel(format!("routed out {}", crate::blame::packet::device_name(&oif)));
                self.cx.packet.oif = Fact::Is(oif);
                self.cx.packet.route = Fact::Is(route);
                if self.cx.packet.network == Network::Ip4 {
                    self.options(route.kind)?;
                    self.unicast_in_multicast(Some(route.kind))?;
                }
                self.passed_on()?;
                self.stopped(self.walk.env.forward(&self.cx.packet))?;
                self.redirected();
                forwarding::change(&mut self.cx.packet, self.walk.env);
                self.hook(Hook::Forward, None)?;
                self.after_forward()
            }
        }
    }

    pub(super) fn after_forward(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        self.hook(Hook::Postrouting, None)?;
        self.after_postrouting()
    }
}
