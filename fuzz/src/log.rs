//! Logged packets and trace records.

use nfblame::blame::Time;
use nfblame::evidence::trace::{Joiner, Now, View};
use nfblame::evidence::{LegacyTrace, LoggedPacket};
use nfblame::sys::nflog::Packet;
use nfblame::sys::nft::Trace;

use super::messages;

/// NFLOG datagrams.
pub fn nflog(data: &[u8]) {
    let mut joiner = Joiner::new("nfblame-1".into());
    let now = Now::read();
    for (_, _, m) in messages(data) {
        let Some(Ok(packet)) = Packet::parse(&m) else { continue };
        let _ = packet.unknown().count();
        let logged = LoggedPacket::new(&packet, Time::now());
        if let Ok(trace) = LegacyTrace::from_packet(logged) {
            joiner.legacy(trace, now);
        }
    }
    finish(joiner);
}

/// `NFT_MSG_TRACE` messages, joined into the ways of packets.
pub fn trace(data: &[u8]) {
    let mut joiner = Joiner::new("nfblame-1".into());
    let now = Now::read();
    for (_, _, m) in messages(data) {
        if let Ok(trace) = Trace::decode(&m) {
            joiner.nft(trace, now);
        }
    }
    finish(joiner);
}

fn finish(mut joiner: Joiner) {
    let look = |mut journey: nfblame::evidence::Journey| {
        journey.order(|step| step.record.nft().map(|t| t.id as i32));
        for step in &journey.steps {
            if let Some(view) = View::of(&step.record) {
                let _ = (view.is_fragment(), view.bytes(), view.subject());
            }
        }
        let _ = (journey.first_view(), journey.last_view(), journey.last_rule());
    };
    joiner.settle(look);
    joiner.finish(look);
}
