//! Connection tracking: the station, and the end of the way where a connection gets its entry.

use crate::blame::CulpritKind;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;
use crate::evaluate::nat;
use crate::evaluate::obstacle::{Obstacle, Tracked};
use crate::evaluate::packet::CtState;
use crate::evaluate::stations::{Stations, What};
use crate::evaluate::summed::Summed;
use crate::sys::ct::Status;

use super::{Fate, On, Start, Way};

impl Way<'_, '_> {
    pub(super) fn conntrack(&mut self) -> On {
        self.track(false)
    }

    /// The hook of conntrack, or (`behind`) what it has made of a packet that is past it.
    fn track(&mut self, behind: bool) -> On {
        // Where no rule asks for it, it does not run.
        if !self.walk.rules.tracks_connections(self.cx.packet.network) {
            return Ok(());
        }
        // Notrack, or a state that the evidence brought along. What was invalid on its way out comes back by lo without a
        // connection, and is looked at anew.
        let again = self.looped && self.cx.packet.ct.state == Fact::Is(CtState::Invalid);
        if matches!(self.cx.packet.ct.state, Fact::Is(_)) && !self.cx.packet.ct.template && !again {
            return Ok(());
        }
        let env = self.walk.env;
        let mut tracked = if behind { env.track_behind(&self.cx.packet) } else { env.track(&self.cx.packet) };
        while let Fact::Is(Tracked::Either { what, likely, otherwise }) = tracked {
            let key = [b"conntrack ".as_slice(), what.as_bytes()].concat();
            tracked = Fact::Is(if self.cx.ask(what, &key, true) { *likely } else { *otherwise });
        }
        match tracked {
            Fact::Is(Tracked::As(ct)) => self.cx.packet.ct = *ct,
            Fact::Is(Tracked::Lost(o)) => return Err(Fate::Lost(Box::new(o))),
            Fact::Is(Tracked::Either { .. }) => {}
            Fact::Absent => self.cx.packet.ct.state = Fact::Is(CtState::Untracked),
            Fact::Unknown(what) => self.cx.packet.ct.state = Fact::Unknown(what),
        }
        if let Fact::Is(state) = self.cx.packet.ct.state {
            self.kernel(format!("conntrack: {}", state.name()));
        }
        if self.sums_up()
            && let Some((protocol, at)) = nat::transport(&self.cx.packet)
        {
            self.cx.packet.summed = Summed::by_conntrack(&self.cx.packet, protocol, at);
        }
        Ok(())
    }

    /// Does conntrack look at checksums?
    pub(super) fn sums_up(&self) -> bool {
        !matches!(self.walk.env.sysctl("net.netfilter.nf_conntrack_checksum"), Fact::Is(v) if v.trim() == "0")
    }

    /// `nf_conntrack_confirm`, behind all rules of the last hook: a new connection gets its entry, unless its answers would
    /// be taken for those of another one.
    pub(super) fn confirm(&mut self) -> On {
        let ct = &mut self.cx.packet.ct;
        let new = matches!(ct.state, Fact::Is(CtState::New | CtState::Related)) && ct.flow == Fact::Absent;
        let (Fact::Is(status), Fact::Is(false), true) = (&mut ct.status, &ct.reply, new) else { return Ok(()) };
        if *status & Status::CONFIRMED.bits() != 0 {
            return Ok(());
        }
        *status |= Status::CONFIRMED.bits();
        let answers = match &ct.answers {
            Fact::Is(answers) => *answers,
            Fact::Unknown(what) if *what == nat::SCARCE && !self.walk.past => {
                if self.cx.ask(nat::SCARCE, nat::SCARCE.as_bytes(), true) {
                    return Ok(());
                }
                return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Nat, nat::NO_PORT))));
            }
            _ => return Ok(()),
        };
        if self.walk.past || ct.is_taken(&answers, self.walk.env) != Fact::Is(true) {
            return Ok(());
        }
        let (kind, detail) = match &ct.original {
            Fact::Is(original) => nat::clash(original, &answers),
            _ => (CulpritKind::Conntrack, nat::CLASHED),
        };
        let what = "answers to it would look like those to another connection, which conntrack knows already";
        Err(Fate::Lost(Box::new(Obstacle::new(kind, detail).because(what))))
    }

    /// The connection of a packet that conntrack has let pass already.
    pub(super) fn find_connection(&mut self, start: &Start) {
        if !self.walk.tracked || !self.is_behind_conntrack(start) {
            return;
        }
        if let Err(fate) = self.track(true) {
            // It was not thrown away then, so what would now do so came later.
            self.cx.packet.ct.state = Fact::unknown(match fate {
                Fate::Lost(o) => format!("conntrack state ({})", o.detail.unwrap_or_default()),
                _ => "conntrack state".to_owned(),
            });
        }
    }

    /// Is conntrack's place at the hook before the one where a walk begins?
    fn is_behind_conntrack(&self, start: &Start) -> bool {
        let hook = start.hook();
        match start {
            _ if matches!(hook, Hook::Ingress | Hook::Egress) => false,
            _ if !matches!(hook, Hook::Prerouting | Hook::Output) => true,
            Start::Hook(_) | Start::AnyPort => false,
            Start::AfterHook(_) => true,
            Start::In { base, .. } | Start::Behind { base, .. } => {
                let stations = Stations::new(self.walk.rules.rules, self.cx.packet.network, hook, None, None);
                let conntrack = stations.0.iter().position(|s| s.what == What::Conntrack);
                conntrack.zip(stations.index_of(*base)).is_some_and(|(conntrack, base)| conntrack < base)
            }
        }
    }
}
