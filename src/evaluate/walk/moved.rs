//! A connection that was masqueraded, and is to leave by another device than then.

use crate::blame::CulpritKind;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;
use crate::evaluate::obstacle::Obstacle;
use crate::sys::ct::Status;

use super::{Fate, On, Way};

impl Way<'_, '_> {
    /// The kernel ends it (`nf_nat_oif_changed`). It remembers the device and tells nobody: what is known is whose address the
    /// connection has.
    pub(super) fn keeps_its_device(&mut self) -> On {
        let packet = &self.cx.packet;
        let asked = !self.walk.past && self.cx.hook == Hook::Postrouting && self.walk.rules.masquerades();
        if !asked || packet.ct.reply != Fact::Is(false) {
            return Ok(());
        }
        let (Fact::Is(flow), Fact::Is(oif)) = (&packet.ct.flow, &packet.oif) else { return Ok(()) };
        let address = flow.reply.dst;
        match self.walk.env.device_with(address) {
            Fact::Is(device) if device != oif.index => {}
            _ => return Ok(()),
        }
        let translated = flow.status.is_some_and(|s| s.contains(Status::SRC_NAT));
        let what = "whether its connection was masqueraded for another device";
        if !self.cx.ask(what, what.as_bytes(), translated) {
            return Ok(());
        }
        let lost = Obstacle::new(CulpritKind::Nat, "its connection was masqueraded for another device");
        let why =
            format!("the connection has the address {address}, which is not one of the device it is to leave by now");
        Err(Fate::Lost(Box::new(lost.because(why))))
    }
}
