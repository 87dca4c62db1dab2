//! From a port to its master: what comes in by a port of a bridge, bond or team comes in by that, for the network layer.

use crate::blame::packet::device_name;
use crate::evaluate::environment::Link;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;
use crate::evaluate::packet::Device;
use crate::evaluate::stations::{Stations, What};
use crate::evaluate::traversal::Begin;
use crate::sys::nft::Family;

use super::{Fate, On, Way};

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
                b"bridge" => self.bridge(&port, &link, &master)?,
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

    /// Through a bridge to the host behind it (`br_handle_frame`, `br_pass_frame_up`).
    fn bridge(&mut self, port: &Device, link: &Link, bridge: &Link) -> On {
        self.bridge_hook(Hook::Prerouting)?;
        if let Fact::Is(header) = &self.cx.packet.link
            && let Some(to) = header.first_chunk::<6>()
            && to[0] & 1 == 0
            && bridge.address != to
            && link.address != to
        {
            return Err(Fate::Unknown("where the bridge sends it".into()));
        }
        self.bridge_hook(Hook::Input)?;
        // Only br_netfilter remembers the port.
        match self.walk.env.sysctl("net.bridge.bridge-nf-call-iptables") {
            Fact::Is(on) if on.trim() != "0" => self.cx.packet.physin = Fact::Is(port.clone()),
            _ => {}
        }
        Ok(())
    }

    fn bridge_hook(&mut self, hook: Hook) -> On {
        let stations = Stations::new(self.walk.rules.rules, self.cx.packet.network, hook, None, Some(Family::Bridge));
        self.cx.hook = hook;
        for station in stations.0 {
            match station.what {
                What::Chain(chain) => self.base(chain, &Begin::Start)?,
                What::Foreign(foreign) => self.foreign(&foreign)?,
                What::Defrag | What::Conntrack | What::Nat(_) => {}
            }
        }
        Ok(())
    }
}
