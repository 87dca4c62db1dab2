//! Standard output: styled for a terminal, plain for everything else.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;

use anstream::{AutoStream, ColorChoice};

use super::args::Color;

/// How much is written at once.
const BUFFER: usize = 256 << 10;

/// Standard output without line buffering, and whether `--color` and NO_COLOR want styles in it.
pub fn buffered(color: Color) -> io::Result<(BufWriter<File>, bool)> {
    let out = io::stdout();
    let styled = match color {
        Color::Auto => AutoStream::choice(&out) != ColorChoice::Never,
        Color::Always => true,
        Color::Never => false,
    };
    let file = File::from(out.as_fd().try_clone_to_owned()?);
    Ok((BufWriter::with_capacity(BUFFER, file), styled))
}

/// Standard output that obeys `--color` and NO_COLOR.
pub fn stdout(color: Color) -> impl Write {
    let choice = match color {
        Color::Auto => AutoStream::choice(&io::stdout()),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(io::stdout(), choice)
}
