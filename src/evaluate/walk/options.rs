//! What the options of IPv4 make of a packet that has been routed, before the next hook (`ip_rcv_options`); and who may be
//! meant by a frame to many.

use crate::blame::CulpritKind;
use crate::evaluate::decision::RejectWith;
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::ip4_options::{self, Broken, SourceRoute};
use crate::evaluate::obstacle::Obstacle;

use super::receive::FOR_US;
use super::{Fate, On, Way};

/// `RTN_UNICAST`, `RTN_LOCAL`, `RTN_BROADCAST`, `RTN_MULTICAST`, `RTN_UNREACHABLE`.
const UNICAST: u8 = 1;
const LOCAL: u8 = 2;
const BROADCAST: u8 = 3;
const MULTICAST: u8 = 5;
const UNREACHABLE: u8 = 7;

fn lost(o: Obstacle) -> Fate {
    Fate::Lost(Box::new(o))
}

fn route(what: &'static str) -> Obstacle {
    Obstacle::new(CulpritKind::Route, what)
}

fn refused(what: &'static str) -> Obstacle {
    Obstacle::new(CulpritKind::Unknown, what).told(RejectWith::Icmp("icmp-parameter-problem".into()))
}

impl Way<'_, '_> {
    /// What is looked at between routing and the input or forward hook, in IPv4. `kind`: of the route (`RTN_*`).
    pub(super) fn options(&mut self, kind: u8) -> On {
        let options = match ip4_options::read(&self.cx.packet) {
            Fact::Absent => return Ok(()),
            Fact::Unknown(what) => return Err(Fate::Unknown(what)),
            Fact::Is(Err(Broken)) => {
                return Err(lost(refused("broken IPv4 options")));
            }
            Fact::Is(Ok(options)) => options,
        };
        if options.labelled && !self.cx.ask("whether the CIPSO label of its IPv4 options is right", b"cipso", true) {
            return Err(lost(refused("CIPSO label in its IPv4 options")));
        }
        self.cx.packet.blurred.extend(options.filled);
        match options.route {
            Some(route) => self.source_route(route, kind),
            None => Ok(()),
        }
    }

    /// Where no route leads, the kernel takes a route that answers with an error only after the options (`ip_error`).
    pub(super) fn options_before(&mut self, o: &Obstacle) -> On {
        let dead_end = matches!(o.detail.as_deref(), Some("no route" | "unreachable" | "prohibit" | "blackhole"));
        let off = o.sysctl.as_ref().is_some_and(|s| s.key.ends_with("forward") || s.key.ends_with(".forwarding"));
        if self.cx.packet.network == Network::Ip4 && (dead_end || off) { self.options(UNREACHABLE) } else { Ok(()) }
    }

    /// `ip_options_rcv_srr`
    fn source_route(&mut self, by: SourceRoute, kind: u8) -> On {
        // Both have to allow it (`IN_DEV_SOURCE_ROUTE`).
        for who in [Some("all".to_owned()), self.device_in_sysctl()] {
            let Some(who) = who else { return Err(Fate::Unknown("interface that the packet came in by".into())) };
            let key = format!("net.ipv4.conf.{who}.accept_source_route");
            let value = self.known(self.walk.env.sysctl(&key), "accept_source_route")?;
            if value.trim() == "0" {
                return Err(lost(Obstacle::sysctl(key, "0", "1").because("its IPv4 options hold a source route")));
            }
        }
        let for_us = self.cx.packet.pkttype == Fact::Is(FOR_US);
        match kind {
            _ if !for_us => Err(lost(route("source route in a link-layer broadcast or multicast"))),
            UNICAST if by.strict => {
                let strict = route("strict source route that does not name this host");
                Err(lost(strict.told(RejectWith::Icmp("icmp-parameter-problem".into()))))
            }
            UNICAST => Ok(()),
            LOCAL if by.done => Ok(()),
            LOCAL => Err(Fate::Unknown("where its source route leads".into())),
            _ => Err(lost(route("source route to an address that is neither this host's nor routed"))),
        }
    }

    /// A frame to many that holds a packet to one may be refused. `kind`: of the route (`RTN_*`), where it has been routed.
    pub(super) fn unicast_in_multicast(&mut self, kind: Option<u8>) -> On {
        let many = matches!(self.cx.packet.pkttype, Fact::Is(1 | 2));
        if self.walk.past || !many || matches!(kind, Some(BROADCAST | MULTICAST)) {
            return Ok(());
        }
        let Some(device) = self.device_in_sysctl() else { return Ok(()) };
        // In IPv4 those of all interfaces count as well (`IN_DEV_ORCONF`).
        let (family, all) = if kind.is_some() { ("ipv4", Some("all")) } else { ("ipv6", None) };
        for who in all.into_iter().chain([device.as_str()]) {
            let key = format!("net.{family}.conf.{who}.drop_unicast_in_l2_multicast");
            if let Fact::Is(value) = self.walk.env.sysctl(&key)
                && value.trim() != "0"
            {
                let why = "its frame is a link-layer broadcast or multicast";
                return Err(lost(Obstacle::sysctl(key, value.trim(), "0").because(why)));
            }
        }
        Ok(())
    }

    /// The device that it came in by, as it is written in keys of settings.
    fn device_in_sysctl(&self) -> Option<String> {
        let name = self.cx.packet.iif.value()?.name.value()?.as_str()?.replace('.', "/");
        Some(name)
    }
}
