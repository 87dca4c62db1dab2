//! Does the cost grow with the size, and no faster?

use nfblame_sys::ns::NetNs;

use super::contest::{Contestant, mb, ms, outcomes};
use super::table::Table;
use super::{Plan, compat, conntrack, legacy, nft};
use crate::load;

/// One kind of thing to read, in growing numbers.
struct Kind {
    name: &'static str,
    sizes: [usize; 4],
    fill: fn(&NetNs, usize) -> Result<(), String>,
    ours: fn(&Plan) -> Contestant,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "native nft rules",
        sizes: [5_000, 10_000, 20_000, 40_000],
        fill: |ns, n| nft::fill(ns, n, n / 10),
        ours: nft::ours,
    },
    Kind { name: "iptables-nft rules", sizes: [5_000, 10_000, 20_000, 40_000], fill: compat::fill, ours: compat::ours },
    Kind { name: "legacy rules", sizes: [12_500, 25_000, 50_000, 100_000], fill: legacy::fill, ours: legacy::ours },
    Kind {
        name: "tracked connections",
        sizes: [30_000, 60_000, 120_000, 240_000],
        fill: conntrack::fill,
        ours: conntrack::ours,
    },
];

pub fn run(plan: &Plan) -> Result<String, String> {
    let mut table = Table::new(&["", "number", "wall ms", "CPU ms", "CPU µs each", "peak MB"]);
    for kind in KINDS {
        for size in kind.sizes.map(|n| plan.size(n)) {
            let ns = load::namespace()?;
            (kind.fill)(&ns, size)?;
            for o in outcomes(&ns, plan.rounds, &[(kind.ours)(plan)])? {
                let each = o.cpu.as_secs_f64() * 1e6 / size as f64;
                table.row([
                    kind.name.into(),
                    size.to_string(),
                    ms(o.wall),
                    ms(o.cpu),
                    format!("{each:.2}"),
                    mb(o.peak),
                ]);
            }
        }
    }
    Ok(format!("## How nfblame's cost grows\n\n{table}"))
}
