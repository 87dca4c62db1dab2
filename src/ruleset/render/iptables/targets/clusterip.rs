//! `-j CLUSTERIP`

use nfblame_sys::xt::targets::ClusterIp;

use super::{Out, put};

pub(super) fn render(t: &ClusterIp, out: &mut Out) {
    if t.flags & ClusterIp::NEW == 0 {
        return;
    }
    out.str(" --new --hashmode ");
    match t.hash_mode {
        0 => out.str("sourceip"),
        1 => out.str("sourceip-sourceport"),
        2 => out.str("sourceip-sourceport-destport"),
        other => out.unknown(format_args!("unknown mode {other}")),
    }
    let [a, b, c, d, e, f] = t.mac;
    put!(out, " --clustermac {a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{f:02X}");
    put!(out, " --total-nodes {} --local-node {} --hash-init {}", t.total_nodes, t.local_nodes[0], t.hash_init);
}
