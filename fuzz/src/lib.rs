//! What the fuzz targets do: bytes from outside go through a decoder and through everything that shows what it read.
//!
//! A function returns whatever the bytes are; a panic, an endless loop, or memory out of proportion is a bug.

mod capture;
mod conntrack;
mod filter;
mod ipset;
mod log;
mod nft;
mod rtnetlink;
mod walk;
mod xt;

pub use capture::capture;
pub use conntrack::conntrack;
pub use filter::filter;
pub use ipset::ipset;
pub use log::{nflog, trace};
pub use nft::{nft_event, nft_rule, nft_ruleset, nft_set};
pub use rtnetlink::rtnetlink;
pub use walk::{nft_walk, xt_walk};
pub use xt::{xt_payload, xt_table};

use nfblame::sys::netlink::{Message, Messages};

/// A target by the name of its program and of the directory of its seeds.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("nft_rule", nft_rule),
    ("nft_set", nft_set),
    ("nft_ruleset", nft_ruleset),
    ("nft_event", nft_event),
    ("trace", trace),
    ("xt_table", xt_table),
    ("xt_payload", xt_payload),
    ("conntrack", conntrack),
    ("nflog", nflog),
    ("ipset", ipset),
    ("rtnetlink", rtnetlink),
    ("capture", capture),
    ("filter", filter),
    ("nft_walk", nft_walk),
    ("xt_walk", xt_walk),
];

/// Targets whose seeds are those of another.
pub const SEEDS_OF: &[(&str, &str)] = &[("nft_walk", "nft_ruleset"), ("xt_walk", "xt_table")];

/// The whole messages of a datagram, each with its subsystem and its number in there.
fn messages(data: &[u8]) -> impl Iterator<Item = (u8, u8, Message<'_>)> {
    Messages::new(data).map_while(Result::ok).map(|m| ((m.kind >> 8) as u8, m.kind as u8, m))
}
