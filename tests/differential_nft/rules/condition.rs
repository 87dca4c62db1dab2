//! What rules ask of packets.

use super::*;

impl Generator<'_> {
    pub(super) fn condition(&mut self, _: usize, _: usize) -> String {
        let (not, hook) = (self.not(), self.hook);
        match self.r.below(31) {
            0 | 1 if self.now4() => {
                let ranges = true;
                let (v, _) = self.value(Key::Ip4, ranges);
                format!("ip {} {not}{v}", self.r.pick(&["saddr", "daddr"]))
            }
            2 | 3 if self.now6() => {
                let (v, _) = self.value(Key::Ip6, true);
                format!("ip6 {} {not}{v}", self.r.pick(&["saddr", "daddr"]))
            }
            4 | 5 => {
                let (v, _) = self.value(Key::Port, true);
                let Some(proto) = self.now(&["tcp", "udp", "th", "sctp"]) else { return String::new() };
                let proto = if proto == "th" && self.r.chance(50) { "meta l4proto { tcp, udp } th" } else { proto };
                format!("{proto} {} {not}{v}", self.r.pick(&["dport", "sport"]))
            }
            6 | 7 => {
                // A set that was named.
                match self.named(&[Kind::Set, Kind::Dynamic]) {
                    Some(set) => format!("{} {not}@{}", self.sources(&set.key), set.name),
                    None => String::new(),
                }
            }
            8 | 9 => {
                let key = self.keys();
                let ranges = key.iter().all(|k| k.has_ranges()) && self.r.chance(50);
                let count = self.r.range(1, 7) as usize;
                let elements = self.elements(&key, ranges, Kind::Set, count, 0, 0, false);
                format!("{} {not}{{ {elements} }}", self.sources(&key))
            }
            10 if self.transport.is_empty() && not.is_empty() && self.r.chance(60) => format!(
                "meta l4proto != {}",
                self.r.pick(&["tcp", "udp", "icmp", "ipv6-icmp", "{ tcp, udp }", "sctp", "51", "59"])
            ),
            10 => match self.now(&["tcp", "udp", "sctp", "icmp"]) {
                Some(p) => format!("meta l4proto {p}"),
                None => String::new(),
            },
            11 => {
                let op = self.op();
                format!("meta mark {op}{:#x}", self.r.below(8))
            }
            12 => format!("meta mark & 0x{:x} == 0x{:x}", self.r.range(1, 15), self.r.below(4)),
            13 if self.now(&["tcp"]).is_some() => match self.r.below(4) {
                0 => format!(
                    "tcp flags {}",
                    self.r.pick(&[
                        "syn",
                        "& (syn | ack) == syn",
                        "& (fin | syn | rst | ack) == syn",
                        "!= syn",
                        "& rst != 0",
                        "syn,ack"
                    ])
                ),
                1 => format!(
                    "tcp flags & (fin | syn | rst | psh | ack | urg) {}",
                    self.r.pick(&["== 0x0", "!= syn", "< ack"])
                ),
                2 => format!("tcp window {}{}", self.op(), self.r.pick(&["0", "1024", "60000"])),
                _ => format!("tcp doff {}{}", self.op(), self.r.pick(&["5", "6", "8"])),
            },
            14 => match hook {
                "prerouting" | "input" => {
                    format!("iifname {not}{}", self.r.pick(&["\"v1\"", "\"v*\"", "\"v2\"", "{ \"v1\", \"lo\" }"]))
                }
                "output" | "postrouting" => format!("oifname {not}{}", self.r.pick(&["\"v1\"", "\"v2\"", "\"v*\""])),
                "forward" => format!("iifname {not}\"v1\" oifname {}", self.r.pick(&["\"v2\"", "\"v1\""])),
                _ => format!(
                    "{} {not}{}",
                    self.r.pick(&["iifname", "oifname"]),
                    self.r.pick(&["\"v1\"", "\"\\*\"", "\"v2\""])
                ),
            },
            15 if self.now4() => match self.r.below(7) {
                0 => format!("ip ttl {}{}", self.op(), self.r.pick(&["60", "61", "64"])),
                1 => format!("ip dscp {not}{}", self.r.pick(&["cs0", "cs1", "af11", "ef", "{ cs0, ef }"])),
                2 => format!("ip length {}{}", self.op(), self.r.pick(&["28", "40", "60", "129"])),
                3 if self.transport.is_empty() => format!("ip protocol != {}", self.r.pick(&["tcp", "udp", "icmp"])),
                4 => format!("ip frag-off {}", self.r.pick(&["& 0x1fff != 0", "& 0x2000 != 0", "0"])),
                5 => format!("ip hdrlength {}{}", self.op(), self.r.pick(&["5", "6"])),
                _ => format!("ip option ra {}", self.r.pick(&["exists", "missing", "value 0"])),
            },
            16 if self.now6() => match self.r.below(7) {
                0 => format!("ip6 hoplimit {}{}", self.op(), self.r.pick(&["60", "61", "64"])),
                1 => format!("ip6 dscp {not}{}", self.r.pick(&["cs0", "cs1", "af23", "ef"])),
                2 => format!("ip6 length {}{}", self.op(), self.r.pick(&["8", "20", "60"])),
                3 if self.transport.is_empty() => {
                    format!("ip6 nexthdr != {}", self.r.pick(&["tcp", "udp", "ipv6-frag", "hopopt", "ah"]))
                }
                4 => format!(
                    "exthdr {} {}",
                    self.r.pick(&["hbh", "frag", "rt", "dst", "mh"]),
                    self.r.pick(&["exists", "missing"])
                ),
                5 => format!(
                    "frag {}",
                    self.r.pick(&["frag-off 0", "more-fragments 1", "nexthdr udp", "frag-off > 1", "id < 150"])
                ),
                _ => self
                    .r
                    .pick(&["rt type 4", "hbh nexthdr tcp", "dst hdrlength 1", "rt seg-left 0", "dst nexthdr != udp"])
                    .into(),
            },
            17 => match self.r.below(5) {
                0 if self.now(&["icmp"]).is_some() && self.now4() => format!(
                    "icmp type {not}{}",
                    self.r.pick(&["echo-request", "echo-reply", "{ echo-request, destination-unreachable }"])
                ),
                1 if self.now(&["icmpv6"]).is_some() && self.now6() => format!(
                    "icmpv6 type {not}{}",
                    self.r.pick(&["echo-request", "destination-unreachable", "{ echo-reply, 144 }"])
                ),
                2 if self.now(&["udp"]).is_some() => {
                    format!("udp length {}{}", self.op(), self.r.pick(&["8", "12", "28"]))
                }
                3 if self.now(&["icmp"]).is_some() && self.now4() => {
                    format!("icmp code {}{}", self.op(), self.r.below(4))
                }
                _ if self.now(&["udp"]).is_some() => format!("udp checksum {not}0"),
                _ => String::new(),
            },
            18 if self.now(&["tcp"]).is_some() => format!(
                "tcp option {}",
                self.r.pick(&[
                    "maxseg exists",
                    "maxseg missing",
                    "maxseg size > 1000",
                    "maxseg size 536",
                    "sack-perm exists",
                    "window count 7",
                    "timestamp exists",
                    "timestamp tsval < 5",
                    "timestamp missing"
                ])
            ),
            19 => format!("meta length {}{}", self.op(), self.r.pick(&["28", "40", "64", "100"])),
            20 if self.family == "inet" && self.network == 0 && self.r.chance(0) => {
                format!("meta nfproto {}", self.r.pick(&["ipv4", "ipv6"]))
            }
            21 => match hook {
                "ingress" | "prerouting" | "input" => {
                    format!("meta pkttype {not}{}", self.r.pick(&["host", "broadcast", "other"]))
                }
                "output" => format!("meta skuid {}{}", self.op(), self.r.pick(&["0", "1000"])),
                _ if self.now4() => format!("meta protocol {not}ip"),
                _ => String::new(),
            },
            22 => match self.r.below(4) {
                0 => format!(
                    "@th,{},{} {}{}",
                    self.r.pick(&[0, 8, 16, 24, 32]),
                    self.r.pick(&[8, 16, 24, 32]),
                    not,
                    self.r.below(200)
                ),
                1 => format!(
                    "@nh,{},{} {}{}",
                    self.r.pick(&[0, 16, 64, 96]),
                    self.r.pick(&[8, 16, 32]),
                    self.op(),
                    self.r.below(70000) % 200
                ),
                2 => format!(
                    "@ih,{},{} {}{}",
                    self.r.pick(&[0, 8]),
                    self.r.pick(&[8, 16]),
                    not,
                    self.r.pick(&[0x61, 0x62, 0])
                ),
                _ => format!("@nh,{},128 {}0x20010db8000900000000000000000001", self.r.pick(&[64, 192]), not),
            },
            23 if matches!(self.hook, "ingress" | "prerouting" | "input") => match self.r.below(3) {
                0 => format!("ether saddr {not}02:00:00:00:00:01"),
                1 if self.now4() => format!("ether type {not}ip"),
                _ => format!("iiftype {not}ether"),
            },
            24 if self.now(&["sctp"]).is_some() => format!(
                "sctp {}",
                self.r.pick(&[
                    "chunk data exists",
                    "chunk init exists",
                    "chunk data missing",
                    "chunk data tsn 1",
                    "chunk init num-outbound-streams > 4",
                    "chunk cookie-ack exists",
                    "vtag 5",
                    "chunk data stream 2"
                ])
            ),
            25 | 30 if self.tracks => match self.r.below(8) {
                4 => format!("ct mark {}{:#x}", self.op(), self.r.below(4)),
                5 if self.transport.is_empty() => format!("ct protocol != {}", self.r.pick(&["tcp", "udp"])),
                6 if self.now4() => format!(
                    "ct {} ip {} {not}{}",
                    self.r.pick(&["original", "reply"]),
                    self.r.pick(&["saddr", "daddr"]),
                    self.r.pick(&["10.9.0.2", "10.9.0.0/24", "10.9.1.1"])
                ),
                7 if self.now(&["tcp"]).is_some() => {
                    format!("meta l4proto tcp ct original proto-dst {not}{}", self.r.pick(&["22", "80-8080", "53"]))
                }
                0 => format!(
                    "ct state {not}{}",
                    self.r.pick(&["new", "invalid", "established,related", "new,untracked", "{ new, invalid }"])
                ),
                1 => format!("ct direction {}", self.r.pick(&["original", "reply"])),
                2 => format!("ct status {}", self.r.pick(&["confirmed", "seen-reply", "expected"])),
                _ => "ct state vmap { new : continue, invalid : drop }".into(),
            },
            26 => {
                // A map of marks as condition.
                match self.named(&[Kind::Marks]) {
                    Some(map) => format!("{} @{}", self.sources(&map.key), map.name),
                    None => String::new(),
                }
            }
            28 if self.hook == "prerouting" || self.hook == "input" => match self.r.below(4) {
                0 if self.now4() => format!(
                    "fib daddr type {not}{}",
                    self.r.pick(&["local", "unicast", "broadcast", "{ local, multicast }"])
                ),
                0 | 1 => format!("fib saddr . iif oif {}", self.r.pick(&["missing", "exists", "!= 0"])),
                2 => format!("fib saddr oif {}", self.r.pick(&["missing", "exists", "\"v1\"", "!= \"v2\""])),
                _ => format!("fib daddr oifname {not}{}", self.r.pick(&["\"v1\"", "\"v2\""])),
            },
            29 => match self.r.below(5) {
                0 if self.now4() => format!("ip saddr & 255.255.0.255 {}", self.r.pick(&["10.9.0.7", "!= 10.9.0.1"])),
                1 if self.now6() => {
                    format!("ip6 daddr & ffff:ffff:ffff::ff {}", self.r.pick(&["2001:db8:9::2", "!= 2001:db8:10::9"]))
                }
                2 if self.now(&["tcp"]).is_some() => format!(
                    "tcp dport & 0x{:x} {}",
                    self.r.pick(&[0xff, 0xfff0, 1]),
                    self.r.pick(&["0x50", "!= 0", "> 0x16"])
                ),
                3 => format!("meta mark {}{{ 1-3, 7 }}", self.r.pick(&["", "!= "])),
                _ if self.transport.is_empty() => {
                    self.transport = "some";
                    format!("meta l4proto {}{{ 6-20, 58 }}", self.r.pick(&["", "!= "]))
                }
                _ => String::new(),
            },
            27 if self.r.chance(30) => format!("limit rate {}1000000/second", self.r.pick(&["", "over "])),
            _ => String::new(),
        }
    }
}
