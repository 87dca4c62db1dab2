//! Flowtables.

use nfblame_sys::nft::{Family, Flowtable, FlowtableFlags, Hook};

use super::{Out, Writer, chain};

pub(super) fn write(cx: Writer<'_>, flowtable: &Flowtable, out: &mut Out) {
    out.str("\tflowtable ");
    out.bytes(flowtable.name.as_bytes());
    out.str(" {");
    cx.handle(flowtable.handle, out);
    out.str("\n\t\thook ");
    let hook = flowtable.hook.unwrap_or(Hook::Ingress);
    chain::hook(hook, out);
    out.str(" priority ");
    chain::priority(cx, Family::Netdev, hook, flowtable.priority, out);
    out.str("\n");
    if !flowtable.devices.is_empty() {
        let mut devices: Vec<_> = flowtable.devices.iter().collect();
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        out.str("\t\tdevices = ");
        chain::device_list(&devices, out);
        out.str("\n");
    }
    if flowtable.flags.contains(FlowtableFlags::HW_OFFLOAD) {
        out.str("\t\tflags offload\n");
    }
    if flowtable.flags.contains(FlowtableFlags::COUNTER) {
        out.str("\t\tcounter\n");
    }
    out.str("\t}\n");
}
