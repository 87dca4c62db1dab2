//! The filter language.

use nfblame::evaluate::Network;
use nfblame::filter::{Filter, Subject};

/// A filter; the bytes behind a zero byte are a packet for it.
pub fn filter(data: &[u8]) {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let (text, packet) = data.split_at(end);
    let Ok(text) = std::str::from_utf8(text) else { return };
    match Filter::parse(text) {
        Ok(filter) => {
            let _ = filter.terms();
            for network in [Network::Ip4, Network::Ip6, Network::Arp] {
                let _ = filter.matches(&Subject::new(network, packet.get(1..).unwrap_or_default()));
            }
        }
        Err(e) => {
            let _ = (e.to_string(), e.underlined(text));
        }
    }
}
