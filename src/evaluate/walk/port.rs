//! From a port to its master: what comes in by a port of a bridge, bond or team comes in by that, for the network layer.
//! And from a bridge to its ports.

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

    /// To the host behind a bridge, by a port that is not known.
    pub(super) fn by_any_port(&mut self) -> On {
        let bridge =
            std::mem::replace(&mut self.cx.packet.iif, Fact::unknown("port of the bridge that it comes in by"));
        self.bridge_hook(Hook::Prerouting)?;
        self.bridge_hook(Hook::Input)?;
        self.cx.packet.iif = bridge;
        self.cx.hook = Hook::Ingress;
        Ok(())
    }

    /// What leaves by a bridge passes its hooks on the way to one of its ports (`br_dev_xmit`).
    pub(super) fn out_by_port(&mut self) -> On {
        let Some(bridge) = self.cx.packet.oif.value().cloned() else { return Ok(()) };
        if !matches!(self.walk.env.link(bridge.index), Fact::Is(l) if l.kind == "bridge") {
            return Ok(());
        }
        let hook = self.cx.hook;
        let iif = std::mem::replace(&mut self.cx.packet.iif, Fact::Absent);
        self.cx.packet.oif = Fact::unknown("port of the bridge that it leaves by");
        self.bridge_hook(Hook::Output)?;
        self.bridge_hook(Hook::Postrouting)?;
        (self.cx.packet.iif, self.cx.packet.oif, self.cx.hook) = (iif, Fact::Is(bridge), hook);
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
