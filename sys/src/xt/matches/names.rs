//! What [`decode`](super::decode) knows.

/// The names of all matches of which some revision is known, in some family.
#[rustfmt::skip]
pub const NAMES: &[&str] = &[
    "addrtype", "ah", "bpf", "cgroup", "cluster", "comment", "connbytes", "connlabel", "connlimit", "connmark",
    "conntrack", "cpu", "dccp", "devgroup", "dscp", "dst", "ecn", "esp", "eui64", "frag", "hashlimit", "hbh",
    "helper", "hl", "icmp", "icmp6", "ipcomp", "iprange", "ipv6header", "ipvs", "l2tp", "length", "limit",
    "mac", "mark", "mh", "multiport", "nfacct", "osf", "owner", "physdev", "pkttype", "policy", "quota",
    "rateest", "realm", "recent", "rpfilter", "rt", "sctp", "set", "socket", "srh", "state", "statistic",
    "string", "tcp", "tcpmss", "time", "tos", "ttl", "u32", "udp",
];
