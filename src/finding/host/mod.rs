//! `NB00`: the host: settings, routes, interfaces.

mod nb0002_forwarding_of_an_interface;
mod nb0003_ip_forward;
mod nb0004_ip6_forwarding;
mod nb0005_accept_ra;
mod nb0006_rp_filter;
mod nb0007_route_localnet;
mod nb0009_martian;
mod nb0010_bridge_netfilter;
mod nb0011_neighbour_failed;
mod nb0012_neighbour_overflow;
mod nb0013_dead_end;
mod nb0014_no_default_route;
mod nb0015_routing_rule;
mod nb0016_xfrm_block;
mod nb0017_echo_ignored;
mod nb0018_icmp_ratelimit;
mod nb0019_router_mtu;
mod nb0020_link_down;
mod nb0021_softnet;
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
    &nb0009_martian::CODE,
    &nb0010_bridge_netfilter::CODE,
    &nb0011_neighbour_failed::CODE,
    &nb0012_neighbour_overflow::CODE,
    &nb0013_dead_end::CODE,
    &nb0014_no_default_route::CODE,
    &nb0015_routing_rule::CODE,
    &nb0016_xfrm_block::CODE,
    &nb0017_echo_ignored::CODE,
    &nb0018_icmp_ratelimit::CODE,
    &nb0019_router_mtu::CODE,
    &nb0020_link_down::CODE,
    &nb0021_softnet::CODE,
];
