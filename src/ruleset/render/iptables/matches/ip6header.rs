//! `-m ipv6header`

use nfblame_sys::xt::matches::Ip6Header;

use super::{Out, list};
use crate::ruleset::render::protocol_name;

pub(super) fn render(m: &Ip6Header, out: &mut Out) {
    /// Protocol, and the word for it where `/etc/protocols` has none.
    const HEADERS: [(u8, u8, &str); 8] = [
        (Ip6Header::HOP_BY_HOP, 0, "hop-by-hop"),
        (Ip6Header::DESTINATION, 60, "dst"),
        (Ip6Header::ROUTING, 43, "route"),
        (Ip6Header::FRAGMENT, 44, "frag"),
        (Ip6Header::AUTHENTICATION, 51, "auth"),
        (Ip6Header::ESP, 50, "esp"),
        (Ip6Header::NONE, 59, "none"),
        (Ip6Header::PROTOCOL, 255, "protocol"),
    ];
    out.not(m.invert != 0);
    out.str(" --header ");
    if m.headers == 0 {
        out.str("NONE");
    }
    let name = |(_, proto, word): (u8, u8, &'static str)| {
        if proto == 0 { word } else { protocol_name(proto).unwrap_or(word) }
    };
    list(HEADERS.into_iter().filter(|(bit, ..)| m.headers & bit != 0).map(name), out);
    if m.soft != 0 {
        out.str(" --soft");
    }
}
