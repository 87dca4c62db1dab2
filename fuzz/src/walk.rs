//! Packets through whatever was read, and which packets its rules match: jumps may go round in circles, rules ask for what
//! a packet does not have.

use nfblame::analysis::Chains;
use nfblame::evaluate::environment::Nowhere;
use nfblame::evaluate::walk::{Start, Walk};
use nfblame::evaluate::{ChainRef, Hook, Network, Packet, Prepared, TableRef};
use nfblame::ruleset::Ruleset;

use super::{nft, xt};

const HOOKS: [Hook; 7] =
    [Hook::Ingress, Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting, Hook::Egress];
const UDP4: [u8; 28] = [0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 4, 0, 0, 53, 0, 8, 0, 0];
/// The longest packet that is made of the input.
const LONGEST: usize = 512;

/// As `nft_ruleset`.
pub fn nft_walk(data: &[u8]) {
    walk(&nft::ruleset(data, |_| true), data);
}

/// As `xt_table`.
pub fn xt_walk(data: &[u8]) {
    if let Some(table) = xt::table(data) {
        walk(&Ruleset { xt: vec![table], ..Ruleset::default() }, data);
    }
}

/// A good packet, that packet cut, and the end of the input as one.
fn packets(data: &[u8]) -> [Packet; 3] {
    let last = usize::from(data.last().copied().unwrap_or(0));
    let tail = data.get(data.len().saturating_sub(LONGEST)..).unwrap_or(data);
    let network = [Network::Ip4, Network::Ip6, Network::Arp][last % 3];
    let cut = &UDP4[..last % UDP4.len()];
    [
        Packet::new(Network::Ip4, UDP4.to_vec()),
        Packet::new(Network::Ip4, cut.to_vec()),
        Packet::new(network, tail.to_vec()),
    ]
}

fn walk(rules: &Ruleset, data: &[u8]) {
    let prepared = Prepared::new(rules);
    let explain = data.len() % 2 == 1;
    let walk = Walk { rules: &prepared, env: &Nowhere, explain, tracked: false, past: true };
    for packet in packets(data) {
        for hook in HOOKS {
            let walked = walk.run(&packet, &Start::Hook(hook));
            assert!(!walked.runs.is_empty());
        }
    }
    let tables = rules.nft.iter().map(|t| t.chains.len()).enumerate().map(|(t, n)| (TableRef::Nft(t), n));
    let legacy = rules.xt.iter().map(|t| t.chains().len()).enumerate().map(|(t, n)| (TableRef::Xt(t), n));
    let mut analysed = Chains::new(rules);
    for (table, chains) in tables.chain(legacy) {
        for chain in (0..chains).take(16) {
            let _ = analysed.analyse(ChainRef { table, chain });
            for hook in HOOKS {
                let _ = prepared.ways_to(hook, ChainRef { table, chain });
            }
        }
    }
}
