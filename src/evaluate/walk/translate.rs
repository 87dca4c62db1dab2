//! Address translation, as a station.

use crate::blame::CulpritKind;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;
use crate::evaluate::nat::{self, Manip};
use crate::evaluate::obstacle::Obstacle;
use crate::evaluate::packet::CtState;
use crate::evaluate::stations::{Station, What};
use crate::evaluate::traversal::Begin;

use super::{Fate, On, Way};

impl Way<'_, '_> {
    /// `nf_nat_inet_fn`: the first packet of a connection asks the chains, every other one gets what was decided then.
    pub(super) fn nat(&mut self, chains: &[Station]) -> On {
        if !self.walk.rules.translates(self.cx.packet.network) {
            return Ok(());
        }
        let first = match &self.cx.packet.ct.state {
            Fact::Is(CtState::New | CtState::Related) => true,
            Fact::Is(CtState::Established) => false,
            Fact::Is(CtState::Untracked | CtState::Invalid) | Fact::Absent => return Ok(()),
            Fact::Unknown(_) if chains.is_empty() => return Ok(()),
            Fact::Unknown(what) => {
                let what = what.clone();
                self.cx.ask(what, b"first packet of its connection", true)
            }
        };
        let manip = Manip::at(self.cx.hook);
        let before = nat::end_of(&self.cx.packet, manip);
        if nat::is_about_another(&self.cx.packet) {
            if let Some(translated) = nat::redirects_translated(&self.cx.packet)
                && self.cx.test(translated, b"redirect", |t| *t)
            {
                let what = "a redirect about a translated connection, which the kernel does not send on";
                return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Nat, what))));
            }
            if !nat::follow_error(&mut self.cx.packet, manip) {
                let quoted = Obstacle::new(CulpritKind::Nat, "quotes too little of the packet to be translated");
                return Err(Fate::Lost(Box::new(quoted)));
            }
        } else if first && !nat::is_settled(&self.cx.packet, manip) {
            let mut rest: Vec<&Station> = chains.iter().collect();
            while !rest.is_empty() {
                let What::Chain(chain) = rest.remove(self.next_station(&rest)).what else { continue };
                self.bypassed = false;
                self.base(chain, &Begin::Start)?;
                // Behind a queue that nobody reads the kernel goes on with its next hook function, which all NAT is one of.
                if self.bypassed {
                    return Ok(());
                }
                // The first rule that translates settles it; later chains are not asked.
                if nat::is_settled(&self.cx.packet, manip) {
                    break;
                }
            }
            if !nat::is_settled(&self.cx.packet, manip) {
                nat::keep(&mut self.cx, manip);
            }
        } else {
            self.keeps_its_device()?;
            nat::follow(&mut self.cx.packet, manip);
        }
        let after = nat::end_of(&self.cx.packet, manip);
        if after == before {
            return Ok(());
        }
        if let Some(why) = nat::untranslatable(&self.cx.packet, manip) {
            return Err(Fate::Lost(Box::new(Obstacle::new(CulpritKind::Nat, why))));
        }
        self.kept = None;
        let end = if manip == Manip::Source { "source" } else { "destination" };
        self.kernel(format!("{end} {before} becomes {after}"));
        if self.cx.hook == Hook::Output { self.route_out() } else { Ok(()) }
    }
}
