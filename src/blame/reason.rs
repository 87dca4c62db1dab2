//! What the kernel's word for a drop, or the place in its code, says about who is to blame.
//!
//! Reasons are those of include/net/dropreason-core.h by their names, which the kernel sends; a name that is not in the
//! table is told as it is. Older kernels name none, and some places still do not: then the function decides, which says less.

use crate::evaluate::Network;

use super::CulpritKind::{self, Bpf, Mtu, Neighbour, Queue, Route, Socket, Sysctl, Tc, Unknown, Xdp, Xfrm};

/// What a reason or a place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// What kind of thing dropped it; several where the place does not tell which, the likeliest first. Empty: the rules.
    pub kinds: &'static [CulpritKind],
    /// What exactly.
    pub detail: &'static str,
    /// Why such a drop is normal life, where it is.
    pub noise: Option<&'static str>,
    /// Is it told by the kernel's own word, rather than by a function in which several things may happen?
    pub exact: bool,
}

impl Meaning {
    /// Is it that no socket was found? Otherwise one had been, which may be gone by now.
    pub fn is_without_socket(&self) -> bool {
        matches!(self.detail, NO_LISTENER | NO_HANDLER)
    }

    /// Did it come as far as the sockets?
    pub fn is_of_sockets(&self) -> bool {
        self.kinds.first() == Some(&CulpritKind::Socket)
    }

    /// Did a rule, a policy, connection tracking or translation drop it?
    pub fn is_of_rules(&self) -> bool {
        self.kinds.is_empty()
    }
}

/// Reads a reason, or where there is none that is known, the function. None: neither is known. `named`: this kernel names
/// reasons, though perhaps not here.
pub fn meaning(reason: Option<&str>, named: bool, function: &str, network: Network) -> Option<Meaning> {
    // That nobody listens it would have said.
    if reason.is_none() && named && matches!(function, "__udp4_lib_rcv" | "__udp6_lib_rcv") {
        return Some(Meaning { exact: false, ..is(&[Xfrm], "policy") });
    }
    // The kernel has one word for what cannot be read and for a TTL that ends here.
    if reason == Some("IP_INHDR") && matches!(function, "ip_forward" | "ip6_forward") {
        return Some(is(&[Route], "TTL expired"));
    }
    reason.and_then(by_reason).or_else(|| by_function(function, network))
}

/// A kind and a detail.
const fn is(kinds: &'static [CulpritKind], detail: &'static str) -> Meaning {
    Meaning { kinds, detail, noise: None, exact: true }
}

/// What is dropped in normal life.
const fn noise(kinds: &'static [CulpritKind], detail: &'static str, why: &'static str) -> Meaning {
    Meaning { kinds, detail, noise: Some(why), exact: true }
}

const NO_LISTENER: &str = "no listener";
const NO_HANDLER: &str = "no protocol handler";
const RULES: Meaning = is(&[], "a rule or policy");
const CLOSING: &str = "a socket that is being closed gives up what it held";
const DUPLICATE: &str = "the receiver has it already";
const ELSEWHERE: &str = "it was meant for another host";
const STRANGE: &str = "a protocol that nobody here speaks";
const COPY: &str = "a copy for a socket that did not want it";

fn by_reason(name: &str) -> Option<Meaning> {
    Some(match name {
        "NETFILTER_DROP" => RULES,
        "NO_SOCKET" => is(&[Socket], NO_LISTENER),
        "SOCKET_CLOSE" | "TCP_CLOSE" | "QUEUE_PURGE" => noise(&[Socket], "socket closed", CLOSING),
        "SOCKET_FILTER" => is(&[Bpf], "socket filter"),
        "SOCKET_RCVBUFF" | "SOCKET_RCV_BUFF" => is(&[Socket], "receive buffer full"),
        "SOCKET_BACKLOG" => is(&[Socket], "backlog full"),
        "PROTO_MEM" => is(&[Socket], "memory of the protocol used up"),
        "TCP_LISTEN_OVERFLOW" | "LISTEN_OVERFLOW" => is(&[Socket], "listen overflow"),
        "UNIX_DISCONNECT" | "UNIX_SKIP_OOB" => noise(&[Socket], "unix socket", CLOSING),
        "PKT_TOO_SMALL" | "HDR_TRUNC" => is(&[Unknown], "packet cut short"),
        "TCP_CSUM" => is(&[Unknown], "bad TCP checksum"),
        "UDP_CSUM" => is(&[Unknown], "bad UDP checksum"),
        "ICMP_CSUM" => is(&[Unknown], "bad ICMP checksum"),
        "IP_CSUM" => is(&[Unknown], "bad IP checksum"),
        "SKB_CSUM" => is(&[Unknown], "bad checksum"),
        "IP_INHDR" => is(&[Unknown], "malformed IP header"),
        "OTHERHOST" => noise(&[Unknown], "hardware address of another host", ELSEWHERE),
        "IP_RPFILTER" => is(&[Sysctl], "rp_filter"),
        "UNICAST_IN_L2_MULTICAST" => is(&[Sysctl], "drop_unicast_in_l2_multicast"),
        "XFRM_POLICY" => is(&[Xfrm], "policy"),
        "IP_NOPROTO" | "INVALID_PROTO" => is(&[Socket], NO_HANDLER),
        "TCP_AUTH_HDR" | "TCP_MD5NOTFOUND" | "TCP_MD5UNEXPECTED" | "TCP_MD5FAILURE" | "TCP_AONOTFOUND"
        | "TCP_AOUNEXPECTED" | "TCP_AOKEYNOTFOUND" | "TCP_AOFAILURE" => is(&[Socket], "TCP signature (MD5 or AO)"),
        "TCP_FLAGS" | "TCP_INVALID_SYN" => is(&[Socket], "TCP flags that do not fit the connection's state"),
        "TCP_ABORT_ON_DATA" | "TCP_ABORT_ON_LINGER" => is(&[Socket], "data for a closed socket"),
        "TCP_ZEROWINDOW" => is(&[Socket], "TCP window closed"),
        "TCP_OVERWINDOW"
        | "TCP_INVALID_SEQUENCE"
        | "TCP_INVALID_END_SEQUENCE"
        | "TCP_INVALID_ACK_SEQUENCE"
        | "TCP_ACK_UNSENT_DATA" => is(&[Socket], "outside the TCP window"),
        "TCP_OLD_DATA"
        | "TCP_OLD_SEQUENCE"
        | "TCP_OFOMERGE"
        | "TCP_OLD_ACK"
        | "TCP_TOO_OLD_ACK"
        | "TCP_RFC7323_PAWS_ACK"
        | "DUP_FRAG" => noise(&[Socket], "duplicate", DUPLICATE),
        "TCP_RFC7323_PAWS" | "TCP_RFC7323_TW_PAWS" | "TCP_RFC7323_TSECR" => {
            is(&[Socket], "TCP timestamp older than the last one (PAWS)")
        }
        "TCP_RESET" => noise(&[Socket], "reset", "it ended a connection"),
        "TCP_FASTOPEN" => is(&[Socket], "TCP fast open"),
        "TCP_OFO_QUEUE_PRUNE" | "TCP_OFO_DROP" => is(&[Socket], "no room for data out of order"),
        "TCP_MINTTL" => is(&[Socket], "TTL below what the socket asks for"),
        "IP_OUTNOROUTES" | "IP_INNOROUTES" => is(&[Route, Sysctl], "no route"),
        "IP_INADDRERRORS" | "IP_LOCAL_SOURCE" | "IP_INVALID_SOURCE" | "IP_LOCALNET" | "IP_INVALID_DEST"
        | "IPV6_BAD_ADDRESS" => is(&[Route, Sysctl], "martian address"),
        "BPF_CGROUP_EGRESS" | "BPF_CGROUP_INGRESS" => is(&[Bpf], "cgroup program"),
        "IPV6DISABLED" => is(&[Sysctl], "disable_ipv6"),
        "NEIGH_CREATEFAIL" | "NEIGH_FAILED" => is(&[Neighbour], "no answer"),
        "NEIGH_QUEUEFULL" => is(&[Neighbour], "queue full"),
        "NEIGH_DEAD" | "NEIGH_HH_FILLFAIL" => is(&[Neighbour], "gone"),
        "TC_INGRESS" => is(&[Tc], "ingress"),
        "TC_EGRESS" => is(&[Tc], "egress"),
        "TC_COOKIE_ERROR" | "TC_CHAIN_NOTFOUND" | "TC_RECLASSIFY_LOOP" => is(&[Tc], "filters that lead nowhere"),
        "QDISC_DROP" | "QDISC_OVERLIMIT" | "QDISC_CONGESTED" | "QDISC_EDT_HORIZON" | "FQ_BAND_LIMIT"
        | "FQ_HORIZON_LIMIT" | "FQ_FLOW_LIMIT" | "CAKE_FLOOD" => is(&[Tc], "queueing discipline"),
        "SECURITY_HOOK" => is(&[Unknown], "security module"),
        "CPU_BACKLOG" => is(&[Sysctl], "net.core.netdev_max_backlog"),
        "XDP" => is(&[Xdp], "program"),
        "UNHANDLED_PROTO" => noise(&[Unknown], NO_HANDLER, STRANGE),
        "PKT_TOO_BIG" => is(&[Mtu], "too big"),
        "SKB_GSO_SEG" | "SKB_BAD_GSO" => is(&[Unknown], "segmentation failed"),
        "SKB_UCOPY_FAULT" | "DEV_HDR" => is(&[Unknown], "bad data from the sender"),
        "DEV_READY" => is(&[Unknown], "device not ready"),
        "FULL_RING" => is(&[Queue], "ring of the device full: its reader is too slow"),
        "NOMEM" => is(&[Unknown], "no memory"),
        "TAP_FILTER" | "TAP_TXFILTER" => is(&[Unknown], "filter of the tun device"),
        "FRAG_REASM_TIMEOUT" => is(&[Unknown], "fragments missing"),
        "FRAG_TOO_FAR" => is(&[Unknown], "fragments too far apart"),
        "IPV6_BAD_EXTHDR" => is(&[Unknown], "malformed extension header"),
        "IPV6_NDISC_NS_OTHERHOST" => noise(&[Unknown], "neighbour solicitation for another host", ELSEWHERE),
        "IPV6_NDISC_FRAG" | "IPV6_NDISC_HOP_LIMIT" | "IPV6_NDISC_BAD_CODE" | "IPV6_NDISC_BAD_OPTIONS" => {
            is(&[Unknown], "malformed neighbour discovery")
        }
        "PACKET_SOCK_ERROR" => noise(&[Unknown], "packet socket", COPY),
        "VXLAN_INVALID_HDR" | "VXLAN_VNI_NOT_FOUND" | "VXLAN_ENTRY_EXISTS" | "VXLAN_REMCSUM" => is(&[Unknown], "VXLAN"),
        "MAC_INVALID_SOURCE" | "LOCAL_MAC" => is(&[Unknown], "impossible source hardware address"),
        "NO_TX_TARGET" => is(&[Unknown], "nowhere to send it"),
        "IP_TUNNEL_ECN" | "TUNNEL_TXINFO" => is(&[Unknown], "tunnel"),
        "ARP_PVLAN_DISABLE" | "BRIDGE_INGRESS_STP_STATE" | "BRIDGE_NON_FORWARDING_STATE" => {
            is(&[Unknown], "bridge port")
        }
        _ => return None,
    })
}

/// What happens in a function, where no reason is told.
fn by_function(name: &str, network: Network) -> Option<Meaning> {
    let at = |kinds, detail| Meaning { exact: false, ..is(kinds, detail) };
    let usual = |kinds, detail, why| Meaning { exact: false, ..noise(kinds, detail, why) };
    Some(match name {
        "nf_hook_slow" | "nf_hook_slow_list" | "nft_do_chain" | "nf_queue" | "nf_reinject" | "nfqnl_reinject" => {
            Meaning { exact: false, ..RULES }
        }
        "ip_rcv_finish_core" | "ip_rcv_finish" | "ip_rcv_finish_core_slow" => at(&[Sysctl, Route], "routing"),
        "ip_error" => at(&[Route, Sysctl], "no route"),
        "ip_forward" | "ip6_forward" => at(&[Sysctl, Mtu, Xfrm, Route, Unknown], "forwarding"),
        "ip6_pkt_drop" | "ip6_pkt_discard" | "ip6_pkt_prohibit" => at(&[Route, Sysctl], "no route"),
        "ip_rcv" | "ip_rcv_core" | "ip6_rcv_core" | "ipv6_rcv" => at(&[Unknown], "malformed IP packet"),
        "ip_protocol_deliver_rcu" | "ip_local_deliver_finish" | "ip6_protocol_deliver_rcu" => {
            at(&[Socket, Xfrm], NO_HANDLER)
        }
        "__udp4_lib_rcv" | "__udp6_lib_rcv" | "udp_rcv" | "udpv6_rcv" => at(&[Socket, Xfrm], NO_LISTENER),
        "tcp_v4_rcv" | "tcp_v6_rcv" => at(&[Socket, Xfrm], NO_LISTENER),
        "__udp4_lib_mcast_deliver" | "__udp6_lib_mcast_deliver" => at(&[Socket], NO_LISTENER),
        "udp_queue_rcv_skb"
        | "udp_queue_rcv_one_skb"
        | "__udp_queue_rcv_skb"
        | "udpv6_queue_rcv_skb"
        | "udpv6_queue_rcv_one_skb"
        | "sock_queue_rcv_skb"
        | "sock_queue_rcv_skb_reason"
        | "__sock_queue_rcv_skb" => at(&[Socket, Bpf, Xfrm], "receive buffer full"),
        "sk_filter_trim_cap" => at(&[Bpf], "socket filter"),
        "__cgroup_bpf_run_filter_skb" => at(&[Bpf], "cgroup program"),
        "tcp_v4_do_rcv"
        | "tcp_v6_do_rcv"
        | "tcp_rcv_state_process"
        | "tcp_rcv_established"
        | "tcp_validate_incoming" => at(&[Socket], "does not fit the connection's state"),
        "tcp_data_queue" | "tcp_data_queue_ofo" | "tcp_ofo_queue" | "tcp_try_coalesce" => {
            usual(&[Socket], "duplicate", DUPLICATE)
        }
        "tcp_add_backlog" | "sk_add_backlog" => at(&[Socket], "backlog full"),
        "icmp_rcv" | "icmpv6_rcv" => at(&[Sysctl, Unknown], "ICMP message that nobody wants"),
        "neigh_invalidate"
        | "neigh_probe"
        | "__neigh_event_send"
        | "neigh_resolve_output"
        | "neigh_connected_output"
        | "arp_error_report"
        | "ndisc_error_report"
        | "dst_link_failure"
        | "ipv4_link_failure"
        | "neigh_destroy"
        | "neigh_purge" => at(&[Neighbour], "no answer"),
        // Where a route leads nowhere, and what IPsec policies have made of one.
        "dst_discard_out" | "dst_discard" => at(&[Route, Xfrm], "blackhole"),
        "sch_handle_ingress" | "tcf_classify_ingress" => at(&[Tc], "ingress"),
        "sch_handle_egress" => at(&[Tc], "egress"),
        "kfree_skb_list" | "kfree_skb_list_reason" | "__dev_xmit_skb" | "__dev_queue_xmit" => {
            at(&[Tc, Unknown], "queueing discipline")
        }
        // In 5.10 the compiler has put what runs the program of a veth device into its poll function.
        "do_xdp_generic"
        | "netif_receive_generic_xdp"
        | "bpf_prog_run_generic_xdp"
        | "veth_xdp_rcv_skb"
        | "veth_poll" => at(&[Xdp], "program"),
        "enqueue_to_backlog" => at(&[Sysctl], "net.core.netdev_max_backlog"),
        "xfrm_input" | "xfrm_output_resume" | "xfrm_lookup_with_ifid" | "__xfrm_policy_check" => at(&[Xfrm], "policy"),
        "ip6_mc_input" | "igmp_rcv" | "ip_mc_output" => usual(&[Route], "multicast", NOT_JOINED),
        "__netif_receive_skb_core" | "netif_receive_skb_core" => match network {
            Network::Other(_) => usual(&[Unknown], NO_HANDLER, STRANGE),
            // The filters of traffic control are a part of this function there.
            _ => at(&[Tc, Unknown], "ingress"),
        },
        "packet_rcv" | "tpacket_rcv" | "packet_rcv_spkt" => usual(&[Unknown], "packet socket", COPY),
        "skb_queue_purge"
        | "skb_queue_purge_reason"
        | "__skb_queue_purge"
        | "sk_stream_kill_queues"
        | "inet_sock_destruct"
        | "udp_destruct_common"
        | "udp_destruct_sock"
        | "tcp_write_queue_purge"
        | "inet_csk_listen_stop"
        | "skb_rbtree_purge"
        | "unix_release_sock"
        | "unix_stream_connect" => usual(&[Socket], "socket closed", CLOSING),
        "tun_net_xmit" => at(&[Queue, Bpf], "ring of the device full: its reader is too slow"),
        "ip_defrag"
        | "ip_expire"
        | "inet_frag_reasm_finish"
        | "ip6_frag_expire"
        | "inet_frag_destroy"
        | "inet_frag_rbtree_purge" => at(&[Unknown], "fragments missing"),
        "br_handle_frame" | "br_handle_frame_finish" | "br_forward_finish" | "br_flood" | "br_pass_frame_up" => {
            at(&[Unknown], "bridge")
        }
        _ => return None,
    })
}

/// Why multicast is dropped.
pub const NOT_JOINED: &str = "multicast that nobody here has joined";
/// Why broadcast is dropped.
pub const NOT_WANTED: &str = "broadcast that nobody here listens to";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_word_goes_before_the_place() {
        let m = meaning(Some("SOCKET_RCVBUFF"), true, "__udp4_lib_rcv", Network::Ip4);
        assert_eq!(m.map(|m| (m.detail, m.exact)), Some(("receive buffer full", true)));
        let m = meaning(None, false, "__udp4_lib_rcv", Network::Ip4);
        assert_eq!(m.map(|m| (m.detail, m.exact)), Some(("no listener", false)));
        assert!(meaning(None, true, "nf_hook_slow", Network::Ip4).is_some_and(|m| m.is_of_rules()));
        let m = meaning(Some("IP_INHDR"), true, "ip_forward", Network::Ip4);
        assert_eq!(m.map(|m| m.detail), Some("TTL expired"));
        assert_eq!(meaning(Some("SOMETHING_NEW"), true, "some_function", Network::Ip4), None);
    }
}
