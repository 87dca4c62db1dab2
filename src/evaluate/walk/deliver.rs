//! Behind the input hook: who takes the packet.

use crate::blame::CulpritKind;
use crate::evaluate::arrival::{self, Arrival};
use crate::evaluate::fact::Fact;
use crate::evaluate::headers::Network;
use crate::evaluate::nat;
use crate::evaluate::obstacle::{Delivery, Obstacle};
use crate::evaluate::packet::CtState;

use super::receive::LOOPBACK;
use super::{Fate, On, Way};

/// A UDP socket whose program does not read it.
pub const BUFFER_FULL: &str = "receive buffer full";
/// A TCP socket that has a key for the sender.
pub const UNSIGNED: &str = "no TCP MD5 signature";

impl Way<'_, '_> {
    pub(super) fn after_input(&mut self) -> Result<Fate, Fate> {
        if !self.is_ip() {
            return Ok(Fate::Passed);
        }
        self.gather()?;
        self.arrive()?;
        self.taken_by_transport()?;
        self.stopped(self.walk.env.input_policy(&self.cx.packet))?;
        let delivery = self.walk.env.deliver(&self.cx.packet);
        match self.known(delivery, "receiving socket")? {
            Delivery::Taken(_)
                if arrival::is_covered_in_part(&self.cx.packet) && !self.takes_what_is_covered_in_part() =>
            {
                Err(Fate::Lost(Box::new(Obstacle::new(
                    CulpritKind::Socket,
                    "UDP-Lite coverage too small for its socket",
                ))))
            }
            Delivery::Taken(who) => Ok(Fate::Delivered(who)),
            Delivery::Unless(who, o) => match &o.unless {
                Some((what, likely)) if !self.cx.ask(what.clone(), what.as_bytes(), *likely) => {
                    Err(Fate::Lost(Box::new(o)))
                }
                _ => Ok(Fate::Delivered(who)),
            },
            Delivery::Lost(o) if self.walk.past && o.detail.as_deref() == Some(BUFFER_FULL) => {
                if self.cx.ask("whether its socket had room for it when it came", b"room in the buffer then", true) {
                    Ok(Fate::Delivered("a socket whose buffer is full now".into()))
                } else {
                    Err(Fate::Lost(Box::new(o)))
                }
            }
            Delivery::Lost(o) if self.walk.past && self.may_have_closed(&o) => {
                Ok(Fate::Delivered("a socket that has been closed since".into()))
            }
            Delivery::Lost(o) => {
                let Some((what, likely)) = o.unless.clone() else { return Err(Fate::Lost(Box::new(o))) };
                if self.cx.ask(what.clone(), what.as_bytes(), likely) {
                    Ok(Fate::Delivered("whatever takes its protocol".into()))
                } else {
                    Err(Fate::Lost(Box::new(o)))
                }
            }
        }
    }

    /// A socket that asked for more takes no less (`UDPLITE_RECV_CSCOV`).
    fn takes_what_is_covered_in_part(&mut self) -> bool {
        self.walk.past || self.cx.ask("whether its socket takes what is covered in part", b"udplite coverage", true)
    }

    /// The rest of its headers is looked at.
    fn arrive(&mut self) -> On {
        if self.walk.past {
            return self.doubt_sum();
        }
        Err(match arrival::ended(&self.cx.packet, self.walk.env) {
            None => return Ok(()),
            Some(Arrival::Lost(lost)) => Fate::Lost(Box::new(lost)),
            Some(Arrival::Unless(lost, what)) if self.cx.ask(what, what.as_bytes(), true) => Fate::Lost(Box::new(lost)),
            Some(Arrival::Unless(lost, _)) => Fate::Lost(Box::new(lost.told(arrival::problem()))),
            Some(Arrival::Open(what)) => Fate::Unknown(what.into()),
        })
    }

    /// Of a packet that passed some time ago it is not known whether its checksum was right: a trace has no payload, and
    /// what is logged may be summed up by the device later. It was if no wrong one was counted, or conntrack has looked.
    fn doubt_sum(&mut self) -> On {
        let packet = &self.cx.packet;
        let Some((protocol @ (1 | 6 | 17 | 58 | 136), _)) = nat::transport(packet) else { return Ok(()) };
        let inside = packet.iif.value().map(|d| self.walk.env.link(d.index));
        let inside = inside.and_then(Fact::known).is_some_and(|l| l.hardware == LOOPBACK);
        if inside || self.walk.env.wrong_sums_lately(packet.network == Network::Ip6, protocol) == Fact::Is(false) {
            return Ok(());
        }
        let invalid = packet.ct.state == Fact::Is(CtState::Invalid);
        let known = matches!(packet.ct.state, Fact::Is(CtState::New | CtState::Established | CtState::Related));
        if known && !self.walk.tracked && protocol != 136 && self.sums_up() {
            return Ok(());
        }
        // Nothing else makes a datagram invalid that has a whole header, or what asks for a connection.
        let likely = !invalid || (protocol == 6 && !self.is_tcp_syn());
        if self.cx.ask("whether its checksum was right", b"checksum right then", likely) {
            return Ok(());
        }
        Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Socket, "wrong checksum"))))
    }

    /// The packet passed some time ago, and no socket takes it now. Was there one then? A connection ends, and the socket
    /// that waited for an answer is closed when it has come; one that takes requests stays.
    fn may_have_closed(&mut self, o: &Obstacle) -> bool {
        if o.kind != CulpritKind::Socket {
            return false;
        }
        let answer = match &self.cx.packet.ct.state {
            Fact::Is(CtState::Established | CtState::Related) => Some(true),
            Fact::Is(CtState::New) => Some(false),
            _ => None,
        };
        let connection = o.detail.as_deref() == Some("no connection");
        if !connection && answer == Some(false) {
            return false;
        }
        if !connection && answer.is_none() {
            // Ports that the kernel gives to clients belong to sockets that come and go.
            let port = self.cx.packet.ports().map_or(0, |p| p.1);
            let first = self.walk.env.sysctl("net.ipv4.ip_local_port_range").known();
            let first =
                first.and_then(|r| r.split_whitespace().next().and_then(|n| n.parse().ok())).unwrap_or(32768u16);
            if port < first || self.is_tcp_syn() {
                return false;
            }
        }
        // Of a connection that there is, few packets are invalid.
        let likely = self.cx.packet.ct.state != Fact::Is(CtState::Invalid);
        self.cx.ask("whether its socket was still open when it came", b"socket open then", likely)
    }

    fn is_tcp_syn(&self) -> bool {
        let h = self.cx.packet.headers();
        let flags = h.transport.and_then(|at| self.cx.packet.array::<1>(at + 13).known());
        h.protocol == Some(6) && flags.is_some_and(|[f]| f & 0x12 == 0x02)
    }
}
