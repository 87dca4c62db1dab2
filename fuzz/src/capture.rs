//! Capture files.

use nfblame::capture::{Capture, frame};

/// A pcap or pcapng file.
pub fn capture(data: &[u8]) {
    let Ok(mut capture) = Capture::new(data) else { return };
    while let Ok(Some(packet)) = capture.packet() {
        let _ = frame(&packet);
    }
}
