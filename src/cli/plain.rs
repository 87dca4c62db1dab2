//! The one command without options, which needs no parser.
//!
//! Listing a connection table of any size takes less than two megabytes, most of them code: the parser of arguments, with
//! all that it prepares for the other commands, would double that.

use std::error::Error;
use std::ffi::OsString;

use super::exit::Exit;
use super::{conntrack, enter};

/// Runs `conntrack` or `conntrack list`, perhaps with `--netns`; everything else is left to the parser.
pub fn run() -> Option<Result<Exit, Box<dyn Error>>> {
    let netns = namespace(std::env::args_os().skip(1))?;
    Some(enter(netns.as_deref()).and_then(|()| conntrack::run_plain()))
}

/// The namespace to work in, if that is the command.
fn namespace(mut args: impl Iterator<Item = OsString>) -> Option<Option<String>> {
    let mut words = ["conntrack", "list"].into_iter();
    let mut netns = None;
    while let Some(arg) = args.next() {
        if arg == "--netns" {
            netns = Some(args.next()?.into_string().ok()?);
        } else if words.next().is_none_or(|word| arg != word) {
            return None;
        }
    }
    (words.len() < 2).then_some(netns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_listing_is_taken() {
        let take = |line: &str| namespace(line.split(' ').map(OsString::from));
        assert_eq!(take("conntrack"), Some(None));
        assert_eq!(take("conntrack list"), Some(None));
        assert_eq!(take("conntrack --netns x list"), Some(Some("x".into())));
        assert_eq!(take("--netns x conntrack"), Some(Some("x".into())));
        for other in
            ["", "list", "conntrack top", "conntrack list -j", "conntrack --netns", "--netns x", "conntrack list list"]
        {
            assert_eq!(take(other), None, "{other}");
        }
    }
}
