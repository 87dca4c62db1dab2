//! Links, addresses, routes, neighbours, policies and sockets.

use nfblame::sys::diag::InetSocket;
use nfblame::sys::rt::{Address, Link, Neighbour, NeighbourTable, Netconf, Policy, Route, Rule};

use super::messages;

/// Messages of a dump; every reader gets every message.
pub fn rtnetlink(data: &[u8]) {
    for (_, _, m) in messages(data) {
        let bytes = m.payload;
        let _ = Link::parse(bytes);
        let _ = Address::parse(bytes);
        let _ = Route::parse(bytes);
        let _ = Rule::parse(bytes);
        let _ = Neighbour::parse(bytes);
        let _ = NeighbourTable::parse(bytes);
        let _ = Netconf::parse(bytes);
        let _ = Policy::parse(bytes);
        let _ = InetSocket::parse(bytes);
    }
}
