//! `reject`

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::{IcmpxCode, RejectKind};

use crate::ruleset::render::nft::Writer;
use crate::ruleset::render::nft::datatype::{Order, Type};
use crate::ruleset::render::out::Out;

/// `reject`, with what the rest of the rule says about the family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reject {
    pub kind: RejectKind,
    pub code: u8,
    /// IPv4 or IPv6, once the rule says which.
    pub family: Option<Family>,
    /// The rule may meet both families: the default code is named too.
    pub verbose: bool,
}

pub(super) fn write(cx: Writer<'_>, reject: Reject, out: &mut Out) {
    /// Port unreachable, the default.
    const ICMP_DEFAULT: u8 = 3;
    const ICMPV6_DEFAULT: u8 = 4;
    out.str("reject");
    let (word, ty, default) = match (reject.kind, reject.family) {
        (RejectKind::TcpRst, _) => return out.str(" with tcp reset"),
        (RejectKind::IcmpxUnreach, _) => (" with icmpx ", Type::ICMPX_CODE, IcmpxCode::PortUnreachable.code()),
        (RejectKind::IcmpUnreach, Some(Family::Ip)) => (" with icmp ", Type::ICMP_CODE, ICMP_DEFAULT),
        (RejectKind::IcmpUnreach, Some(Family::Ip6)) => (" with icmpv6 ", Type::ICMPV6_CODE, ICMPV6_DEFAULT),
        _ => return,
    };
    let verbose = reject.verbose && reject.kind == RejectKind::IcmpUnreach;
    if reject.code != default || verbose {
        out.str(word);
        cx.printer().value(ty, Order::Host, reject.code.into(), 8, out);
    }
}
