//! Tables of legacy xtables, and the payloads of matches and targets that they share with nft_compat.

use nfblame::ruleset::nft::{Chain, Table};
use nfblame::ruleset::render::{Out, iptables, nft as render};
use nfblame::ruleset::{Backend, Ruleset};
use nfblame::sys::Text;
use nfblame::sys::nft::expr::XtBlob;
use nfblame::sys::nft::{self, Expr, Rule, TableFlags};
use nfblame::sys::xt::{self, Family, Info};

/// A family (`NFPROTO_*`, one byte), then numbers of 32 bits in the host's order: the hooks, where the chain of each
/// begins, where its policy is, and how many entries there are. The rest are the entries.
pub fn xt_table(data: &[u8]) {
    let Some(table) = table(data) else { return };
    let mut out = Out::new();
    iptables::legacy_table(&table, true, &(), &mut out);
    let rules = Ruleset { xt: vec![table], ..Ruleset::default() };
    let _ = serde_json::to_vec(&rules);
}

/// The table that such an input is.
pub(super) fn table(data: &[u8]) -> Option<xt::Table> {
    const NUMBERS: usize = 12;
    let (family, rest) = data.split_first()?;
    let (numbers, blob) = rest.split_at_checked(4 * NUMBERS)?;
    let numbers: Vec<u32> = numbers.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
    let five = |at: usize| [numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3], numbers[at + 4]];
    let info = Info {
        name: "filter".into(),
        valid_hooks: numbers[0],
        hook_entry: five(1),
        underflow: five(6),
        num_entries: numbers[11],
        size: blob.len() as u32,
    };
    xt::Table::new(family_of(*family)?, info, blob.to_vec()).ok()
}

/// Payloads one behind the other: the family, whether it is a target, the revision, the lengths of name and payload (two
/// bytes, in the host's order), the name, the payload.
pub fn xt_payload(data: &[u8]) {
    let mut rest = data;
    while let Some((&[family, is_target, revision, name, low, high], behind)) = rest.split_first_chunk() {
        let Some((name, behind)) = behind.split_at_checked(name.into()) else { break };
        let Some((payload, behind)) = behind.split_at_checked(u16::from_ne_bytes([low, high]).into()) else { break };
        rest = behind;
        if let Some(family) = family_of(family) {
            say(family, is_target & 1 != 0, name, revision, payload);
        }
    }
}

fn say(family: Family, is_target: bool, name: &[u8], revision: u8, payload: &[u8]) {
    let blob = XtBlob { name: Text::new(name), revision, data: payload.into() };
    let expr = if is_target { Expr::Target(blob) } else { Expr::Match(blob) };
    let of_nft = nft::Family::from(family.nfproto());
    let rule = Rule::new(of_nft, "filter", "INPUT", vec![expr]);
    let _ = iptables::compat_rule(&rule, true, &());
    let def = nft::Table::new(of_nft, "filter", TableFlags::empty());
    let chain = nft::Chain::new(of_nft, "filter", "INPUT", None);
    let chains = vec![Chain { def: chain, backend: Backend::NftCompat, rules: vec![rule] }];
    let table = Table { def, backend: Backend::NftCompat, chains, sets: vec![], objects: vec![], flowtables: vec![] };
    let rules = Ruleset { nft: vec![table], ..Ruleset::default() };
    let mut text = Vec::new();
    let _ = render::ruleset(&rules, render::Options::default(), &(), &mut text);
    let _ = serde_json::to_writer(&mut text, &rules);
}

fn family_of(nfproto: u8) -> Option<Family> {
    [Family::Ip, Family::Ip6, Family::Arp, Family::Bridge].into_iter().find(|f| f.nfproto() == nfproto)
}
