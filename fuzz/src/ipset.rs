//! ipset.

use nfblame::ruleset::render::{Out, ipset as render};
use nfblame::sys::ipset::{Event, Ipset};
use nfblame::sys::netlink::fake::Fake;
use nfblame::sys::netlink::{Builder, Client};
use nfblame::sys::uapi::ip_set::{IPSET_ATTR_PROTOCOL, IPSET_ATTR_PROTOCOL_MIN, IPSET_CMD_PROTOCOL};
use nfblame::sys::uapi::nfnetlink::NFNL_SUBSYS_IPSET;

/// What the kernel could answer to `IPSET_CMD_LIST`.
pub fn ipset(data: &[u8]) {
    let mut protocol = Builder::new();
    protocol
        .nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_PROTOCOL, 0, 0, 2, 0)
        .u8(IPSET_ATTR_PROTOCOL, 7)
        .u8(IPSET_ATTR_PROTOCOL_MIN, 6);
    let fake = Fake::new().reply(protocol.finish()).ack(0).reply(data).done();
    let Ok(mut kernel) = Ipset::new(Client::new(fake)) else { return };
    let mut out = Out::new();
    let _ = kernel.stream(|event| {
        match event {
            Event::Set(header) => render::create(&header, &mut out),
            Event::Member(header, member) => render::add(header, &member, &mut out),
        }
        out.truncate(0);
    });
}
