//! From a port to its master: what comes in by a port of a bridge, bond or team comes in by that, for the network layer.

use crate::blame::packet::device_name;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;
use crate::evaluate::packet::Device;

use super::{On, Way};

/// A port of a bond of a bridge: deeper than anybody builds.
const DEEPEST: usize = 8;

impl Way<'_, '_> {
    /// Lets the packet come in by the master of its device, and the master of that.
    pub(super) fn through_master(&mut self) -> On {
        for _ in 0..DEEPEST {
            let Some(port) = self.cx.packet.iif.value().cloned() else { return Ok(()) };
            let Fact::Is(link) = self.walk.env.link(port.index) else { return Ok(()) };
            if link.master == 0 {
                return Ok(());
            }
            let Fact::Is(master) = self.walk.env.link(link.master) else { return Ok(()) };
            match master.kind.as_bytes() {
                b"bridge" if !self.bridge(Fact::Is(port.clone()), &master)? => return Ok(()),
                b"bridge" => {}
                b"bond" | b"team" => {}
                _ => return Ok(()),
            }
            self.kernel(format!("{} is a port of {}", device_name(&port), master.name));
            self.cx.packet.iif = Fact::Is(Device { index: master.index, name: Fact::Is(master.name) });
            if !self.walk.past {
                self.programs(false)?;
            }
            self.hook(Hook::Ingress, None)?;
        }
        Ok(())
    }
}
