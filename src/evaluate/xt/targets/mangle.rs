//! `-j mangle` of arptables.

use crate::evaluate::context::Context;
use crate::evaluate::decision::Decision;
use crate::evaluate::fact::Fact;
use crate::sys::uapi::netfilter::{NF_ACCEPT, NF_DROP};
use crate::sys::xt::targets::Mangle;

pub(super) fn run(cx: &mut Context, t: &Mangle) -> Decision {
    let Fact::Is([hardware, protocol]) = cx.packet.array::<2>(4) else { return Decision::Drop };
    let (hardware, protocol) = (usize::from(hardware), usize::from(protocol));
    let mut at = 8;
    let fields: [(u8, &[u8], usize); 4] = [
        (Mangle::SOURCE_MAC, &t.source_mac, hardware),
        (Mangle::SOURCE_IP, &t.source_ip.octets(), protocol),
        (Mangle::TARGET_MAC, &t.target_mac, hardware),
        (Mangle::TARGET_IP, &t.target_ip.octets(), protocol),
    ];
    for (flag, new, length) in fields {
        if t.flags & flag != 0 {
            let Some(new) = new.get(..length) else { return Decision::Drop };
            if !cx.packet.write(at, new) {
                return Decision::Drop;
            }
        }
        at += length;
    }
    match t.verdict {
        NF_DROP => Decision::Drop,
        NF_ACCEPT => Decision::Accept,
        _ => Decision::Next,
    }
}
