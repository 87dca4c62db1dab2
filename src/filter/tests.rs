#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::evaluate::headers::{Headers, Network};

/// TCP 10.0.0.5:4242 > 10.1.0.1:80.
const TCP: &[u8] = &[
    0x45, 0, 0, 24, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 5, 10, 1, 0, 1, // IPv4
    0x10, 0x92, 0, 80,
];
/// UDP [fd00::5]:53 > [fd00::1]:1000, behind a hop-by-hop header.
const UDP6: &[u8] = &[
    0x60, 0, 0, 0, 0, 16, 0, 64, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, // IPv6
    0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, //
    17, 0, 1, 4, 0, 0, 0, 0, // hop-by-hop
    0, 53, 3, 0xe8, 0, 8, 0, 0,
];
/// Who has 10.0.0.1? Tell 10.0.0.5.
const ARP: &[u8] = &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 5, 10, 0, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1];

fn matches(filter: &str, network: Network, bytes: &[u8]) -> Option<bool> {
    Filter::parse(filter).unwrap().matches(&Subject::new(network, bytes))
}

#[test]
fn each_primitive() {
    let (t, u, a) =
        (|f| matches(f, Network::Ip4, TCP), |f| matches(f, Network::Ip6, UDP6), |f| matches(f, Network::Arp, ARP));
    for (filter, tcp, udp6, arp) in [
        ("ip", true, false, false),
        ("ip6", false, true, false),
        ("arp", false, false, true),
        ("tcp", true, false, false),
        ("udp", false, true, false),
        ("icmp or icmp6 or sctp", false, false, false),
        ("proto 17", false, true, false),
        ("ip proto \\tcp", true, false, false),
        ("ip6 proto tcp", false, false, false),
        ("host 10.0.0.5", true, false, true),
        ("10.0.0.5", true, false, true),
        ("ip host 10.0.0.5", true, false, false),
        ("arp host 10.0.0.5", false, false, true),
        ("dst host 10.0.0.5", false, false, false),
        ("src fd00::5", false, true, false),
        ("src net 10.0.0.0/16", true, false, true),
        ("src 10.0.0.0/16", true, false, true),
        ("src and dst net 10.0", false, false, true),
        ("src or dst net 10.1", true, false, false),
        ("net fd00::/8", false, true, false),
        ("net 10.0.0.0 mask 255.0.0.0", true, false, true),
        ("port 80", true, false, false),
        ("src port 80", false, false, false),
        ("udp port 53", false, true, false),
        ("tcp port 53", false, false, false),
        ("portrange 50-80", true, true, false),
        ("src and dst portrange 1-2000", false, true, false),
        ("not port 80", false, true, true),
        ("!tcp && ! arp", false, true, false),
        ("tcp dst port 22 or 80", true, false, false),
        ("not (src host 10.0.0.5 or 10.0.0.6)", false, true, false),
    ] {
        assert_eq!((t(filter), u(filter), a(filter)), (Some(tcp), Some(udp6), Some(arp)), "{filter}");
    }
}

#[test]
fn and_and_or_bind_equally_from_left_to_right() {
    // As pcap-filter(7) says: (tcp or udp) and port 53.
    assert_eq!(matches("tcp or udp and port 53", Network::Ip4, TCP), Some(false));
    assert_eq!(matches("tcp or (udp and port 53)", Network::Ip4, TCP), Some(true));
    assert_eq!(
        Filter::parse("tcp or udp and port 53").unwrap().expr(),
        Filter::parse("(tcp || udp) && port 53").unwrap().expr()
    );
}

#[test]
fn what_a_packet_does_not_carry_is_unknown() {
    assert_eq!(matches("port 80", Network::Ip4, &TCP[..22]), None);
    assert_eq!(matches("not port 80", Network::Ip4, &TCP[..22]), None);
    assert_eq!(matches("port 80 or host 10.0.0.5", Network::Ip4, &TCP[..22]), Some(true));
    assert_eq!(matches("port 80 and host 10.0.0.6", Network::Ip4, &TCP[..22]), Some(false));
    let mut fragment = TCP.to_vec();
    fragment[7] = 9;
    assert_eq!(matches("port 80", Network::Ip4, &fragment), None);
    assert_eq!(matches("tcp", Network::Ip4, &fragment), Some(true));
    for cut in 0..TCP.len() {
        for filter in ["tcp", "host 10.0.0.5", "arp host 1.1.1.1", "net fd00::/8"] {
            matches(filter, Network::Ip4, &TCP[..cut]);
            matches(filter, Network::Ip6, &UDP6[..cut]);
            matches(filter, Network::Arp, &ARP[..cut]);
        }
    }
}

#[test]
fn errors_show_the_place() {
    for (text, place, part) in [
        ("", "", "expected a primitive"),
        ("tcp and", "", "expected a primitive"),
        ("tcp port", "", "expected a port number"),
        ("tcp port http", "http", "names of services"),
        ("port 70000", "70000", "65535"),
        ("port 1-2", "1-2", "portrange 1-2"),
        ("portrange 9-2", "9-2", "2-9"),
        ("host example.org", "example.org", "names of hosts"),
        ("net 10.1.2.3/8", "10.1.2.3/8", "write 10.0.0.0/8"),
        ("host 10.0.0.0/8", "10.0.0.0/8", "write `net`"),
        ("(tcp", "(", "never closed"),
        ("tcp)", ")", "no parenthesis"),
        ("tcp udp", "udp", "expected `and`"),
        ("tcp[13] & 2 != 0", "[", "not part of this subset"),
        ("len > 100", ">", "not part of this subset"),
        ("vlan 5", "vlan", "not part of this subset"),
        ("tcp or 80", "80", "Write `port 80`"),
        ("tcp host 10.0.0.1", "tcp host 10.0.0.1", "tcp and … host"),
        ("icmp port 80", "icmp port 80", "only `tcp`, `udp` and `sctp`"),
        ("ip host fd00::1", "ip host fd00::1", "no addresses of that kind"),
        ("src proto 6", "src proto 6", "no direction"),
        ("proto 256", "256", "0 to 255"),
        ("host 80", "80", "write `port 80`"),
        ("tcp ü", "ü", "does not belong"),
        ("a and b", "a", "names of hosts"),
    ] {
        let e = Filter::parse(text).expect_err(text);
        assert_eq!(&text[e.span.clone()], place, "{text}: {e}");
        assert!(e.message.contains(part), "{text}: {e}");
    }
    let text = "tcp and pört";
    let e = Filter::parse(text).unwrap_err();
    assert_eq!(e.underlined(text), "tcp and pört\n         ^");
    let deep = "(".repeat(5000);
    assert!(Filter::parse(&deep).unwrap_err().message.contains("too deeply"));
    assert!(Filter::parse(&"!".repeat(5000)).unwrap_err().message.contains("too deeply"));
    assert!(Filter::parse(&vec!["tcp"; 1001].join(" or ")).unwrap_err().message.contains("1000"));
}

#[test]
fn a_filter_that_explodes_is_refused_and_a_long_one_is_not() {
    let wide = (1..60).map(|n| format!("tcp port {n}")).collect::<Vec<_>>().join(" or ");
    assert_eq!(Filter::parse(&wide).unwrap().terms().unwrap().len(), 59 * 2 * 2);
    let both = format!("({wide}) and not ({})", wide.replace("tcp", "udp"));
    assert!(Filter::parse(&both).unwrap().terms().is_ok(), "contradictions cost nothing");
    let product = (0..9).map(|i| format!("(src net 10.{i} or dst net 10.{i})")).collect::<Vec<_>>().join(" and ");
    assert!(Filter::parse(&product).unwrap().terms().unwrap_err().message.contains("too many to trace"));
}

/// What nft does with a term: a test of bytes that are not there fails.
fn holds(term: &Term, network: Network, bytes: &[u8]) -> bool {
    let h = Headers::parse(network, bytes);
    let is = |net: &Net| {
        network
            == match net {
                Net::Ip => Network::Ip4,
                Net::Ip6 => Network::Ip6,
                Net::Arp => Network::Arp,
            }
    };
    let networks = match &term.networks {
        Networks::Any => true,
        Networks::Only(n) => is(n),
        Networks::Except(list) => !list.iter().any(is),
    };
    let protocol = match (&term.protocol, h.protocol) {
        (Transport::Any, _) => true,
        (_, None) => false,
        (Transport::Is(n), Some(p)) => *n == p,
        (Transport::Not(list), Some(p)) => !list.contains(&p),
    };
    networks
        && protocol
        && term.tests.iter().all(|t| {
            let at = match t.base {
                Base::Network => Some(0),
                Base::Transport => h.transport.filter(|_| h.first_fragment()),
            };
            let load = |n: usize| bytes.get(at? + t.offset as usize..)?.get(..n);
            let is = match &t.want {
                Want::Bits(value, mask) => load(value.len())
                    .map(|b| b.iter().zip(mask).map(|(b, m)| b & m).collect::<Vec<_>>() == value.to_vec()),
                Want::Range(low, high) => load(2).map(|b| (*low..=*high).contains(&u16::from_be_bytes([b[0], b[1]]))),
            };
            is.is_some_and(|is| is != t.negated)
        })
}

/// Filters over few values, so that packets often match.
pub(super) fn any_filter() -> impl Strategy<Value = String> {
    let dir = prop::sample::select(vec!["", "src ", "dst ", "src or dst ", "src and dst "]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "ip",
            "ip6",
            "arp",
            "tcp",
            "udp",
            "icmp",
            "icmp6",
            "sctp",
            "proto 17",
            "ip6 proto 6"
        ])
        .prop_map(str::to_owned),
        (dir.clone(), prop::sample::select(vec!["10.0.0.5", "10.1.0.1", "fd00::5", "fd00::1"]))
            .prop_map(|(d, a)| format!("{d}host {a}")),
        (dir.clone(), prop::sample::select(vec!["10.0.0.0/8", "10.1", "fd00::/16", "fd00::4/126", "0.0.0.0/0"]))
            .prop_map(|(d, a)| format!("{d}net {a}")),
        (prop::sample::select(vec!["", "tcp ", "udp "]), dir.clone(), prop::sample::select(vec![53, 80, 1000]))
            .prop_map(|(p, d, n)| format!("{p}{d}port {n}")),
        (dir, 0u16..100, 0u16..2000).prop_map(|(d, a, n)| format!("{d}portrange {a}-{}", a + n)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("({a}) or ({b})")),
        ]
    })
}

fn any_packet() -> impl Strategy<Value = (Network, Vec<u8>)> {
    let bytes = prop_oneof![
        Just((Network::Ip4, TCP.to_vec())),
        Just((Network::Ip6, UDP6.to_vec())),
        Just((Network::Arp, ARP.to_vec())),
        Just((Network::Other(0x88cc), vec![1, 2, 3])),
    ];
    (bytes, prop::sample::select(vec![1u8, 6, 17, 132]), any::<bool>(), any::<bool>(), 0usize..64).prop_map(
        |((network, mut b), protocol, swap, fragment, cut)| {
            match network {
                Network::Ip4 => {
                    b[9] = protocol;
                    b[7] = u8::from(fragment);
                    if swap {
                        b[12..20].rotate_left(4);
                        b[20..24].rotate_left(2);
                    }
                }
                Network::Ip6 => {
                    b[40] = protocol;
                    if fragment {
                        b[6] = 44;
                        b[43] = 8;
                    }
                }
                _ => {}
            }
            b.truncate(b.len().saturating_sub(cut.saturating_sub(32)));
            (network, b)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_rules_say_what_the_filter_says(text in any_filter(), (network, bytes) in any_packet()) {
        let filter = Filter::parse(&text).map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        if let Ok(terms) = filter.terms() {
            let by_rule = terms.iter().any(|t| holds(t, network, &bytes));
            let here = filter.matches(&Subject::new(network, &bytes)) == Some(true);
            prop_assert_eq!(by_rule, here, "{} on {:?} {:02x?}: {:#?}", text, network, bytes, terms);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = Filter::parse(&text).map_err(|e| e.underlined(&text));
    }

    #[test]
    fn no_words_make_the_parser_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "tcp", "src", "dst", "or", "and", "not", "(", ")", "host", "net", "port", "portrange", "proto", "mask",
            "10.0.0.1", "10", "80", "1-2", "fd00::/8", "!", "&&", "||", "ip6", "arp", "\\", "é", "/", "-",
        ]), 0..20),
    ) {
        let text = words.join(" ");
        match Filter::parse(&text) {
            Ok(f) => { let _ = f.terms(); }
            Err(e) => { prop_assert!(text.get(e.span.clone()).is_some()); e.underlined(&text); }
        }
    }
}
