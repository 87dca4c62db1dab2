//! Which program added a route (`RTPROT_*`, include/uapi/linux/rtnetlink.h).

use std::borrow::Cow;

use super::Route;

impl Route {
    /// The program that added it, by the name that iproute2 has for it. None: the kernel itself, or somebody by hand.
    pub fn origin(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self.protocol {
            0..=4 => return None,
            8 => "gated",
            9 => "ra",
            10 => "mrt",
            11 => "zebra",
            12 => "bird",
            13 => "dnrouted",
            14 => "xorp",
            15 => "ntk",
            16 => "dhcp",
            17 => "mrouted",
            18 => "keepalived",
            42 => "babel",
            84 => "ovn",
            99 => "openr",
            186 => "bgp",
            187 => "isis",
            188 => "ospf",
            189 => "rip",
            192 => "eigrp",
            n => return Some(n.to_string().into()),
        }))
    }
}
