//! `-m cluster`

use nfblame_sys::xt::matches::Cluster;

use super::{Out, put};

pub(super) fn render(m: &Cluster, out: &mut Out) {
    out.not(m.flags & Cluster::INVERT != 0);
    put!(out, " --cluster-local-nodemask {:#010x}", m.nodes);
    put!(out, " --cluster-total-nodes {} --cluster-hash-seed {:#010x}", m.total, m.seed);
}
