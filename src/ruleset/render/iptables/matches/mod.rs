//! ` -m name --option …`: one file per match, named as its decoder.

mod comment;
mod tcp;

use nfblame_sys::xt::Match;

use super::{Context, Out, put};

/// Appends a match with all its options. False if it could not be said in the tool's own words: then it stands there
/// raw and marked.
pub fn render(m: &Match<'_>, _cx: &Context<'_>, out: &mut Out) -> bool {
    match m {
        Match::Comment(m) => comment::render(m, out),
        Match::Tcp(m) => tcp::render(m, out),
        Match::Unknown { name, revision, data } => {
            put!(out, " [unknown match ");
            out.bytes(name.as_bytes());
            put!(out, " rev {revision}: {data}]");
            return false;
        }
        _ => {
            out.str(" [match without a rendering]");
            return false;
        }
    }
    true
}
