//! `-m sctp`

use nfblame_sys::xt::matches::Sctp;

use super::{Out, port_range};

/// Types of chunks, their names, and the letters of their flags from the highest bit to the lowest.
const CHUNKS: [(u8, &str, &[u8; 8]); 22] = [
    (0, "DATA", b"----IUBE"),
    (1, "INIT", b"--------"),
    (2, "INIT_ACK", b"--------"),
    (3, "SACK", b"--------"),
    (4, "HEARTBEAT", b"--------"),
    (5, "HEARTBEAT_ACK", b"--------"),
    (6, "ABORT", b"-------T"),
    (7, "SHUTDOWN", b"--------"),
    (8, "SHUTDOWN_ACK", b"--------"),
    (9, "ERROR", b"--------"),
    (10, "COOKIE_ECHO", b"--------"),
    (11, "COOKIE_ACK", b"--------"),
    (12, "ECN_ECNE", b"--------"),
    (13, "ECN_CWR", b"--------"),
    (14, "SHUTDOWN_COMPLETE", b"-------T"),
    (64, "I_DATA", b"----IUBE"),
    (128, "ASCONF_ACK", b"--------"),
    (130, "RE_CONFIG", b"--------"),
    (132, "PAD", b"--------"),
    (192, "FORWARD_TSN", b"--------"),
    (193, "ASCONF", b"--------"),
    (194, "I_FORWARD_TSN", b"--------"),
];

pub(super) fn render(m: &Sctp, out: &mut Out) {
    let has = |flag: u32, out: &mut Out| {
        if m.flags & flag != 0 {
            out.not(m.invert & flag != 0);
        }
        m.flags & flag != 0
    };
    if has(Sctp::SOURCE, out) {
        port_range("--sport", m.source.into(), out);
    }
    if has(Sctp::DESTINATION, out) {
        port_range("--dport", m.destination.into(), out);
    }
    if has(Sctp::CHUNKS, out) {
        chunks(m, out);
    }
}

fn chunks(m: &Sctp, out: &mut Out) {
    out.str(" --chunk-types");
    match m.chunk_mode {
        Sctp::ANY => out.str(" any"),
        Sctp::ALL => out.str(" all"),
        Sctp::ONLY => out.str(" only"),
        other => return out.unknown(format_args!("mode {other}")),
    }
    if m.chunks == [0; 8] && !m.beyond {
        return out.str(" NONE");
    }
    if m.chunks == [u32::MAX; 8] {
        return out.str(" ALL");
    }
    let mut sep = " ";
    for kind in (0..=u8::MAX).filter(|kind| m.has_chunk(*kind)) {
        out.str(sep);
        sep = ",";
        let Some((_, name, letters)) = CHUNKS.iter().find(|(number, ..)| *number == kind) else {
            out.unknown(format_args!("chunk type {kind}"));
            continue;
        };
        out.str(name);
        for f in m.flags_of_chunks().iter().filter(|f| f.chunk == kind && f.mask != 0) {
            out.str(":");
            for (letter, bit) in letters.iter().zip((0..8).rev()).filter(|(_, bit)| f.mask & 1 << bit != 0) {
                let set = f.flags & 1 << bit != 0;
                out.bytes(&[if set { *letter } else { letter.to_ascii_lowercase() }]);
            }
        }
    }
}
