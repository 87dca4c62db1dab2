//! `NB00`: the host: settings, routes, interfaces.

mod nb0002_forwarding_of_an_interface;
mod nb0003_ip_forward;
mod nb0004_ip6_forwarding;
mod nb0005_accept_ra;
mod nb0006_rp_filter;
mod nb0007_route_localnet;
mod needs;

use super::code::Code;

/// The codes of this group.
pub(super) const CODES: &[&Code] = &[
    &nb0002_forwarding_of_an_interface::CODE,
    &nb0003_ip_forward::CODE,
    &nb0004_ip6_forwarding::CODE,
    &nb0005_accept_ra::CODE,
    &nb0006_rp_filter::CODE,
    &nb0007_route_localnet::CODE,
];
