//! Standard output: styled for a terminal, plain for everything else.

use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};

use super::args::Color;

/// Standard output that obeys `--color` and NO_COLOR.
pub fn stdout(color: Color) -> impl Write {
    let choice = match color {
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(io::stdout(), choice)
}
