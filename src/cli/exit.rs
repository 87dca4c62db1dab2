//! Exit codes and how errors are told.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use nfblame::sys::Text;

/// How a command ended; the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, and nothing to report.
    Nothing,
    /// Findings, drops, or a "no" for an answer.
    Something,
    /// Usage, privilege, kernel or input.
    Error,
}

impl From<Exit> for ExitCode {
    fn from(e: Exit) -> Self {
        Self::from(match e {
            Exit::Nothing => 0,
            Exit::Something => 1,
            Exit::Error => 2,
        })
    }
}

/// Has the reader of our output gone away? That is its right.
pub fn is_broken_pipe(e: &(dyn Error + 'static)) -> bool {
    let mut next = Some(e);
    while let Some(e) = next {
        if e.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            return true;
        }
        next = e.source();
    }
    false
}

/// An error with its causes, unless it has said them itself. Harmless: it may name what a user or a file has said.
pub fn chain(e: &(dyn Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut next = e.source();
    while let Some(e) = next {
        let cause = e.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = e.source();
    }
    let lines: Vec<String> = text.lines().map(|line| Text::new(line).defanged()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_names_does_no_harm() {
        let e = io::Error::other("open \u{1b}[31m\u{202e}x: no\nsuch \\file");
        assert_eq!(chain(&e), "open \\x1b[31m\\u{202e}x: no\nsuch \\file");
    }
}
