//! JSON lines: one object a line, written whole and flushed.

use std::io::{self, Write};

use serde::Serialize;

/// Writes one value as one line and flushes it, so that whoever reads the stream sees it at once.
pub fn line<V: Serialize>(out: &mut impl Write, value: &V) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(value)?;
    bytes.push(b'\n');
    out.write_all(&bytes)?;
    out.flush()
}
