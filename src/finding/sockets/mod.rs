//! `NB05`: sockets.

mod invited;
mod nb0501_not_allowed;
mod nb0502_loopback_only;
mod nb0503_backlog;
mod nb0504_no_listener;
mod nb0505_exposure;
mod nb0506_receive_buffer;
mod nb0507_memory;
mod nb0508_too_narrow;

use super::code::Code;
use super::probe::TCP;
use super::view::View;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0501_not_allowed::CODE,
    &nb0502_loopback_only::CODE,
    &nb0503_backlog::CODE,
    &nb0504_no_listener::CODE,
    &nb0505_exposure::CODE,
    &nb0506_receive_buffer::CODE,
    &nb0507_memory::CODE,
    &nb0508_too_narrow::CODE,
];

fn name(protocol: u8) -> &'static str {
    if protocol == TCP { "tcp" } else { "udp" }
}

/// The first port that the kernel gives to clients.
fn ephemeral(view: &View<'_>) -> u16 {
    let range = view.host.sysctl("net.ipv4.ip_local_port_range").known();
    range.and_then(|r| r.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(32768)
}
