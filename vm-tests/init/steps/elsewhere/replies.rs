//! The answer to a masqueraded packet: it comes in with one address, and is dropped with another.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use super::{BEHIND, MONITOR, NFT, clean};
use crate::cli::{Watch, must};
use crate::nets::Peer;
use crate::steps::drops::holds;

const PORT: u16 = 2108;
const RULES: &str = "table ip t {
 chain post {
  type nat hook postrouting priority 100
  oifname d1 masquerade
 }
 chain forward {
  type filter hook forward priority 0
  ct direction reply drop
 }
}
";

/// Asks from the peer, and answers from behind.
pub fn run(peer: &Peer, behind: &Peer) -> Result<(), String> {
    let fail = |e: std::io::Error| e.to_string();
    must(NFT, &["-f", "-"], RULES)?;
    let watch = Watch::start(&[])?;
    let server = behind.run(|| UdpSocket::bind((BEHIND, PORT)).map_err(fail))?;
    server.set_read_timeout(Some(Duration::from_secs(10))).map_err(fail)?;
    let client = peer.run(|| UdpSocket::bind("0.0.0.0:0").map_err(fail))?;
    client.send_to(b"x", (BEHIND, PORT)).map_err(fail)?;
    let (_, from) = server.recv_from(&mut [0; 8]).map_err(fail)?;
    if from.ip() != std::net::Ipv4Addr::new(10, 9, 3, 1) {
        return Err(format!("it was not masqueraded: {from}"));
    }
    server.send_to(b"y", from).map_err(fail)?;
    let port = client.local_addr().map_err(fail).map(|a: SocketAddr| a.port())?;
    let blame = watch.find("the answer", |v| v["event"] == "blame" && v["packet"]["source.port"] == PORT)?;
    watch.end()?;
    clean();
    if blame["packet"]["destination.port"] != port {
        return Err(format!("it is not as it was dropped: {blame}"));
    }
    holds(&blame, &[MONITOR, ("/culprit/chain_name", "\"forward\""), ("/culprit/rule_position", "1")])
}
