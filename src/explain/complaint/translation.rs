//! Packets that pass, and whose answers do not come back because of an address: nobody translated the source.

use std::net::IpAddr;

use super::Case;
use crate::blame::attributor::doubt;
use crate::blame::packet::{address, is_private};
use crate::blame::{Culprit, CulpritKind, Why};
use crate::evaluate::Fact;
use crate::evaluate::environment::{FibAnswer, FibQuery};
use crate::evaluate::packet::{CtState, Packet};
use crate::evaluate::walk::{Fate, tracks_neighbours};
use crate::explain::explainer::Explained;
use crate::explain::near;
use crate::finding::probe;

fn ends(packet: &Packet) -> Option<(IpAddr, IpAddr)> {
    let (src, dst) = packet.addresses()?;
    Some((address(src)?, address(dst)?))
}

impl Case<'_> {
    /// A packet that leaves with the source that it came with; its ends as it left.
    fn with_its_own_source(&self) -> Option<(IpAddr, IpAddr)> {
        let forwarded = self.run.fate == Fate::Left && self.iif().is_some();
        let (src, dst) = ends(&self.run.packet).filter(|_| forwarded)?;
        // Only what begins a connection is translated; what goes on has been answered.
        let begins =
            matches!(self.run.packet.ct.state, Fact::Is(CtState::New)) || self.run.packet.ct.state == Fact::Absent;
        (begins && self.ends()?.0 == src).then_some((src, dst))
    }

    /// The way from this host to an address.
    fn way(&self, to: IpAddr) -> Option<FibAnswer> {
        self.env.fib(&FibQuery { to, from: None, oif: None, iif: None, mark: 0, tos: 0 }).known()
    }

    /// The interface that leads to an address, if it is a neighbour there.
    fn neighbour_on(&self, to: IpAddr) -> Option<u32> {
        self.way(to).filter(|way| way.gateway.is_none() && way.oif != 0).map(|way| way.oif)
    }

    /// Does the default route leave by the interface that leads to an address?
    fn is_uplink(&self, to: IpAddr) -> bool {
        let world = probe::WORLD.into_iter().find(|a| a.is_ipv4() == to.is_ipv4());
        let out = world.and_then(|a| self.way(a)).filter(|way| way.gateway.is_some());
        out.is_some_and(|out| self.way(to).is_some_and(|way| way.oif == out.oif))
    }

    /// A client is led back into its own network: the server answers it directly, from an address that it never asked.
    pub(super) fn hairpin(&self, answer: &Explained) -> Option<Explained> {
        let (src, dst) = self.with_its_own_source()?;
        let asked = self.ends()?.1;
        let there = self.run.packet.oif.value()?.index;
        // On a bridge that br_netfilter looks into, the answer is translated back as it passes.
        if tracks_neighbours(self.env, self.run.packet.network, there) {
            return None;
        }
        if asked == dst || self.neighbour_on(dst) != Some(there) || self.neighbour_on(src) != Some(there) {
            return None;
        }
        let why = format!(
            "it is led to {dst} with its own source; that is a neighbour of {src}, answers it directly, and {src} expects answers from {asked}"
        );
        Some(self.astray(answer, "hairpin: the source is not translated", why))
    }

    /// A private source leaves for somewhere that does not know it.
    pub(super) fn untranslated(&self, answer: &Explained) -> Option<Explained> {
        let (src, dst) = self.with_its_own_source()?;
        if !is_private(src) || is_private(dst) {
            return None;
        }
        let near = near::translations(self.explainer, self.run);
        let far = self.neighbour_on(dst).is_none() || self.is_uplink(dst);
        if near.is_empty() && !far {
            return None; // a network of one's own, with public addresses
        }
        let why = format!("it leaves with its private source {src}, to which {dst} is not likely to know a way back");
        let mut found = self.astray(answer, "the source is not translated", why);
        found.blame.near_misses = near;
        Some(found)
    }

    fn astray(&self, answer: &Explained, what: &str, why: String) -> Explained {
        let mut found = answer.clone();
        found.blame.culprit = Culprit::new(CulpritKind::Nat).with_detail(what);
        found.blame.why.insert(0, Why::plain(why));
        doubt(&mut found.blame, "whether the answers find their way back");
        found
    }
}
