//! Capture files.

use nfblame::capture::{Capture, frame};

/// A pcap or pcapng file.
pub fn capture(data: &[u8]) {
    let Ok(mut capture) = Capture::new(data) else { return };
    loop {
        match capture.packet() {
            Ok(Some(packet)) => drop(frame(&packet)),
            Err(e) if e.is_of_packet() => {}
            _ => return,
        }
    }
}
