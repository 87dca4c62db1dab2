//! What is not told of packet by packet: normal life, and what the monitor had no room for.

use std::net::{Ipv4Addr, UdpSocket};

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

use crate::cli::Watch;
use crate::nets::Peer;

use super::{HOST, PEER, udp};

/// With `--all`, what is otherwise only counted is told of, with the reason why it is normal.
pub fn noise(peer: &Peer) -> Result<(), String> {
    const PORT: u16 = 1030;
    let watch = Watch::start(&["--all"])?;
    udp(peer, PEER, [239, 1, 2, 3], PORT)?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    if blame["freed"]["noise"].is_string() { Ok(()) } else { Err(format!("it does not say why: {blame}")) }
}

/// What comes faster than it is read is lost somewhere: in the kernel's queue, or in our socket's. Either is counted.
pub fn losses(peer: &Peer) -> Result<(), String> {
    // More than the socket holds, too (about 6,500): on one processor the kernel carries each packet there before the next one is sent.
    const SENT: usize = 30_000;
    // What is lost is told in its place: not behind thousands of blames, for which a slow machine needs a minute.
    let watch = Watch::start(&["tcp"])?;
    watch.signal(SIGSTOP)?;
    let sent = peer.run(|| {
        let socket = UdpSocket::bind((Ipv4Addr::from(PEER), 0)).map_err(|e| e.to_string())?;
        let to = (Ipv4Addr::from(HOST), 1001);
        (0..SENT).try_for_each(|_| socket.send_to(&[b'x'; 1400], to).map(drop)).map_err(|e| e.to_string())
    });
    watch.signal(SIGCONT)?;
    sent?;
    let lost = watch.find("the loss", |v| v["event"] == "lost" && v["source"] == "drop monitor")?;
    let summary = watch.end()?;
    if lost["count"].as_u64().is_none_or(|n| n == 0) {
        return Err(format!("how many at least? {lost}"));
    }
    let told = summary["losses"].as_object().is_some_and(|all| all.keys().any(|k| k.contains("drop monitor")));
    if told && summary["lost"] != 0 { Ok(()) } else { Err(format!("not in the summary: {summary}")) }
}
