//! The names that values have.

/// Names of the values of a type; of several names for a value the first is shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Symbols {
    pub names: &'static [(&'static str, u64)],
    /// Are the names shown in quotes?
    pub quoted: bool,
    /// Are the values kept in network order? (See `comparable` in the module of values.)
    pub network: bool,
}

impl Symbols {
    const fn new(names: &'static [(&'static str, u64)]) -> Self {
        Self { names, quoted: false, network: false }
    }

    /// The name of a value.
    pub fn name(&self, value: u128) -> Option<&'static str> {
        self.names.iter().find(|(_, v)| u128::from(*v) == value).map(|(name, _)| *name)
    }
}

pub static NFPROTO: Symbols = Symbols::new(&[("ipv4", 2), ("ipv6", 10)]);

pub static ETHERTYPE: Symbols = Symbols {
    names: &[("ip", 0x0800), ("arp", 0x0806), ("ip6", 0x86dd), ("8021q", 0x8100), ("8021ad", 0x88a8)],
    quoted: false,
    network: true,
};

pub static ARPOP: Symbols = Symbols {
    names: &[
        ("request", 1),
        ("reply", 2),
        ("rrequest", 3),
        ("rreply", 4),
        ("inrequest", 8),
        ("inreply", 9),
        ("nak", 10),
    ],
    quoted: false,
    network: true,
};

pub static ICMP_TYPE: Symbols = Symbols::new(&[
    ("echo-reply", 0),
    ("destination-unreachable", 3),
    ("source-quench", 4),
    ("redirect", 5),
    ("echo-request", 8),
    ("router-advertisement", 9),
    ("router-solicitation", 10),
    ("time-exceeded", 11),
    ("parameter-problem", 12),
    ("timestamp-request", 13),
    ("timestamp-reply", 14),
    ("info-request", 15),
    ("info-reply", 16),
    ("address-mask-request", 17),
    ("address-mask-reply", 18),
]);

pub static ICMP6_TYPE: Symbols = Symbols::new(&[
    ("destination-unreachable", 1),
    ("packet-too-big", 2),
    ("time-exceeded", 3),
    ("parameter-problem", 4),
    ("echo-request", 128),
    ("echo-reply", 129),
    ("mld-listener-query", 130),
    ("mld-listener-report", 131),
    ("mld-listener-done", 132),
    ("nd-router-solicit", 133),
    ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135),
    ("nd-neighbor-advert", 136),
    ("nd-redirect", 137),
    ("router-renumbering", 138),
    ("ind-neighbor-solicit", 141),
    ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
]);

pub static IGMP_TYPE: Symbols = Symbols::new(&[
    ("membership-query", 0x11),
    ("membership-report-v1", 0x12),
    ("membership-report-v2", 0x16),
    ("membership-report-v3", 0x22),
    ("leave-group", 0x17),
]);

pub static ICMP_CODE: Symbols = Symbols::new(&[
    ("net-unreachable", 0),
    ("host-unreachable", 1),
    ("prot-unreachable", 2),
    ("port-unreachable", 3),
    ("net-prohibited", 9),
    ("host-prohibited", 10),
    ("admin-prohibited", 13),
    ("frag-needed", 4),
]);

pub static ICMPV6_CODE: Symbols = Symbols::new(&[
    ("no-route", 0),
    ("admin-prohibited", 1),
    ("addr-unreachable", 3),
    ("port-unreachable", 4),
    ("policy-fail", 5),
    ("reject-route", 6),
]);

pub static ICMPX_CODE: Symbols =
    Symbols::new(&[("port-unreachable", 1), ("admin-prohibited", 3), ("no-route", 0), ("host-unreachable", 2)]);

pub static TCP_FLAG: Symbols = Symbols::new(&[
    ("fin", 0x01),
    ("syn", 0x02),
    ("rst", 0x04),
    ("psh", 0x08),
    ("ack", 0x10),
    ("urg", 0x20),
    ("ecn", 0x40),
    ("cwr", 0x80),
]);

pub static DCCP_PKTTYPE: Symbols = Symbols::new(&[
    ("request", 0),
    ("response", 1),
    ("data", 2),
    ("ack", 3),
    ("dataack", 4),
    ("closereq", 5),
    ("close", 6),
    ("reset", 7),
    ("sync", 8),
    ("syncack", 9),
]);

pub static MH_TYPE: Symbols = Symbols::new(&[
    ("binding-refresh-request", 0),
    ("home-test-init", 1),
    ("careof-test-init", 2),
    ("home-test", 3),
    ("careof-test", 4),
    ("binding-update", 5),
    ("binding-acknowledgement", 6),
    ("binding-error", 7),
    ("fast-binding-update", 8),
    ("fast-binding-acknowledgement", 9),
    ("fast-binding-advertisement", 10),
    ("experimental-mobility-header", 11),
    ("home-agent-switch-message", 12),
]);

pub static ARPHRD: Symbols = Symbols::new(&[
    ("ether", 1),
    ("ppp", 512),
    ("ipip", 768),
    ("ipip6", 769),
    ("loopback", 772),
    ("sit", 776),
    ("ipgre", 778),
]);

pub static CT_STATE: Symbols =
    Symbols::new(&[("invalid", 1), ("new", 8), ("established", 2), ("related", 4), ("untracked", 64)]);

pub static CT_DIR: Symbols = Symbols::new(&[("original", 0), ("reply", 1)]);

pub static CT_STATUS: Symbols = Symbols::new(&[
    ("expected", 1 << 0),
    ("seen-reply", 1 << 1),
    ("assured", 1 << 2),
    ("confirmed", 1 << 3),
    ("snat", 1 << 4),
    ("dnat", 1 << 5),
    ("dying", 1 << 9),
]);

pub static CT_EVENT: Symbols = Symbols::new(&[
    ("new", 1 << 0),
    ("related", 1 << 1),
    ("destroy", 1 << 2),
    ("reply", 1 << 3),
    ("assured", 1 << 4),
    ("protoinfo", 1 << 5),
    ("helper", 1 << 6),
    ("mark", 1 << 7),
    ("seqadj", 1 << 8),
    ("secmark", 1 << 9),
    ("label", 1 << 10),
]);

pub static PKTTYPE: Symbols = Symbols::new(&[("host", 0), ("broadcast", 1), ("multicast", 2), ("other", 3)]);

pub static DSCP: Symbols = Symbols::new(&[
    ("cs0", 0x00),
    ("cs1", 0x08),
    ("cs2", 0x10),
    ("cs3", 0x18),
    ("cs4", 0x20),
    ("cs5", 0x28),
    ("cs6", 0x30),
    ("cs7", 0x38),
    ("lephb", 0x01),
    ("af11", 0x0a),
    ("af12", 0x0c),
    ("af13", 0x0e),
    ("af21", 0x12),
    ("af22", 0x14),
    ("af23", 0x16),
    ("af31", 0x1a),
    ("af32", 0x1c),
    ("af33", 0x1e),
    ("af41", 0x22),
    ("af42", 0x24),
    ("af43", 0x26),
    ("va", 0x2c),
    ("ef", 0x2e),
]);

pub static ECN: Symbols = Symbols::new(&[("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3)]);

pub static FIB_ADDR: Symbols = Symbols::new(&[
    ("unspec", 0),
    ("unicast", 1),
    ("local", 2),
    ("broadcast", 3),
    ("anycast", 4),
    ("multicast", 5),
    ("blackhole", 6),
    ("unreachable", 7),
    ("prohibit", 8),
]);

pub static BOOLEAN: Symbols = Symbols::new(&[("exists", 1), ("missing", 0)]);

pub static DAY: Symbols = Symbols {
    names: &[
        ("Sunday", 0),
        ("Monday", 1),
        ("Tuesday", 2),
        ("Wednesday", 3),
        ("Thursday", 4),
        ("Friday", 5),
        ("Saturday", 6),
    ],
    quoted: true,
    network: false,
};
