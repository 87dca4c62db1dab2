//! The Ethernet header of a packet, where it has one.

use crate::evaluate::context::Context;
use crate::evaluate::fact::Fact;
use crate::evaluate::hook::Hook;

/// `ARPHRD_ETHER` (include/uapi/linux/if_arp.h).
const ARPHRD_ETHER: u16 = 1;

/// Destination and source address and type. Absent if the packet's device is no Ethernet, or it has no header yet.
pub(super) fn ethernet(cx: &Context) -> Fact<[u8; 14]> {
    let device = if cx.hook == Hook::Postrouting { &cx.packet.oif } else { &cx.packet.iif };
    let device = match device {
        Fact::Is(d) => d,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w.clone()),
    };
    match cx.env.link(device.index) {
        Fact::Is(link) if link.hardware != ARPHRD_ETHER => return Fact::Absent,
        Fact::Is(_) | Fact::Absent => {}
        // A header of that size speaks for itself, but for the loopback device.
        Fact::Unknown(_) if device.name.value().is_some_and(|n| n == "lo") => return Fact::Absent,
        Fact::Unknown(_) => {}
    }
    match &cx.packet.link {
        Fact::Is(bytes) => bytes.first_chunk().copied().into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown(w) => Fact::Unknown(w.clone()),
    }
}
