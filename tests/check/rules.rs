//! `NB01`: rules by themselves.

use std::collections::BTreeSet;
use std::net::TcpListener;

use serde_json::Value;

use crate::common::{Netns, kernel_tests};
use crate::record;
use crate::world::{World, apply, check, found, says, sh, why};

kernel_tests! {
    an_interface_that_was_made_again_is_another_one needs ["nft", "ip"];
    dead_rules_of_nft_are_found needs ["nft"];
    dead_rules_of_iptables_are_found_in_both_backends needs ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy", "ipset"];
    the_condition_that_makes_the_difference_is_underlined needs ["nft", "iptables-legacy"];
    a_shadowed_rule_is_moved_to_where_it_works needs ["nft", "iptables-nft", "iptables-legacy"];
    what_ends_before_all_do_makes_no_error needs ["nft"];
    what_is_appended_behind_the_end_is_moved_before_it needs ["nft", "iptables-nft", "iptables-legacy"];
    an_accept_that_is_not_final_is_found_and_said_of_the_packet needs ["nft", "iptables-legacy"];
    what_takes_too_long_to_tell_is_said needs ["iptables-legacy-restore"];
    empty_sets_and_maps_are_found needs ["nft", "iptables-nft", "ipset"];
    a_goto_past_the_rest_is_found needs ["nft", "iptables-legacy"];
    order_and_unused_chains_are_noted needs ["nft"];
}

/// Code and position of what never matches.
fn dead(ns: &Netns) -> BTreeSet<(String, u64)> {
    let of = |f: &Value| (f["code"].as_str().unwrap().to_owned(), f["rules"][0]["rule_position"].as_u64().unwrap_or(0));
    let wanted =
        |f: &&Value| [SHADOWED, BEHIND, REDUNDANT, CONTRADICTORY, "NB0111"].contains(&f["code"].as_str().unwrap());
    let all: BTreeSet<_> = check(ns).iter().filter(wanted).map(of).collect();
    for code in [SHADOWED, BEHIND, REDUNDANT, CONTRADICTORY, "NB0111"] {
        if all.iter().all(|(found, _)| found != code) {
            record::spared(&ns.path(), code);
        }
    }
    all
}

fn wanted(all: &[(&str, u64)]) -> BTreeSet<(String, u64)> {
    all.iter().map(|(code, p)| ((*code).to_owned(), *p)).collect()
}

/// Rules, and what is to be found of them: code and position.
type Case = (&'static [&'static str], &'static [(&'static str, u64)]);

const SHADOWED: &str = "NB0101";
const BEHIND: &str = "NB0102";
const REDUNDANT: &str = "NB0103";
const CONTRADICTORY: &str = "NB0106";

fn dead_rules_of_nft_are_found() {
    let cases: &[Case] = &[
        (&["tcp dport 22 accept", "tcp dport 80 accept", "drop"], &[]),
        (&["ip saddr 10.0.0.0/8 drop", "ip saddr 10.1.2.0/24 tcp dport 22 accept"], &[(SHADOWED, 2)]),
        (&["ip saddr 10.0.0.0/8 drop", "ip6 saddr 2001:db8::/32 accept", "tcp dport 22 accept"], &[]),
        (&["tcp dport 1-1023 accept", "tcp dport { 22, 80, 443 } accept"], &[(REDUNDANT, 2)]),
        (&["tcp dport 1-1023 accept", "tcp dport { 22, 8080 } accept"], &[]),
        (&["tcp dport { 22, 80 } drop", "tcp dport 22 accept", "tcp dport 81 accept"], &[(SHADOWED, 2)]),
        // Together.
        (&["ip saddr 10.0.0.0/9 drop", "ip saddr 10.128.0.0/9 drop", "ip saddr 10.0.0.0/8 accept"], &[(SHADOWED, 3)]),
        (&["ip saddr 10.0.0.0/9 drop", "ip saddr 10.128.0.0/10 drop", "ip saddr 10.0.0.0/8 accept"], &[]),
        (&["tcp dport 1-100 drop", "tcp dport 101-200 reject", "tcp dport 50-150 accept"], &[(SHADOWED, 3)]),
        (
            &["ct state established,related accept", "ct state new,invalid,untracked drop", "tcp dport 22 accept"],
            &[(SHADOWED, 3)],
        ),
        (&["ct state established,related accept", "ct state new,invalid drop", "tcp dport 22 accept"], &[]),
        (
            &[
                "ct state vmap { established : accept, related : accept, invalid : drop }",
                "ct state established accept",
                "ct state new accept",
            ],
            &[(REDUNDANT, 2)],
        ),
        (
            &["tcp dport vmap { 80 : drop, 443 : accept }", "tcp dport 80 accept", "tcp dport 443 accept"],
            &[(SHADOWED, 2), (REDUNDANT, 3)],
        ),
        (
            &[
                "ip saddr 10.0.0.1 tcp dport vmap { 80 : drop }",
                "tcp dport 80 accept",
                "ip saddr 10.0.0.1 tcp dport 80 accept",
            ],
            &[(SHADOWED, 3)],
        ),
        (&["meta nfproto ipv4 drop", "meta nfproto ipv6 drop", "udp dport 53 accept"], &[(SHADOWED, 3)]),
        // Fragments have no ports.
        (&["tcp dport 0-65535 drop", "meta l4proto tcp accept"], &[]),
        (&["tcp dport 0-65535 drop", "tcp dport 22 accept"], &[(SHADOWED, 2)]),
        // Behind the end.
        (&["tcp dport 22 accept", "drop", "tcp dport 80 accept", "tcp dport 81 accept"], &[(BEHIND, 3)]),
        (&["counter", "log", "tcp dport 22 accept"], &[]),
        (&["jump other", "tcp dport 22 accept"], &[]),
        (&["jump ending", "tcp dport 22 accept"], &[(BEHIND, 2)]),
        (&["tcp dport 22 jump ending", "tcp dport 22 accept", "tcp dport 23 accept"], &[(SHADOWED, 2)]),
        (&["goto other", "tcp dport 22 accept"], &[(BEHIND, 2)]),
        // What another chain decides about does not come back.
        (&["jump other", "ip saddr 10.0.0.1 tcp dport 1 accept", "tcp dport 2 accept"], &[(SHADOWED, 2)]),
        (
            &["ip saddr 10.0.0.0/8 jump other", "ip saddr 10.0.0.1 tcp dport 1 accept", "tcp dport 1 accept"],
            &[(SHADOWED, 2)],
        ),
        (&["limit rate 1/second jump other", "tcp dport 1 accept"], &[]),
        (
            &["jump some", "tcp dport 1 accept", "tcp dport 2 accept", "ip saddr 10.0.0.2 udp dport 2 accept"],
            &[(SHADOWED, 2)],
        ),
        // What cannot be told covers nothing, and may be covered.
        (&["limit rate 10/second accept", "tcp dport 22 drop"], &[]),
        (&["tcp dport 22 limit rate 10/second accept", "tcp dport 22 drop"], &[]),
        (&["tcp dport 22 drop", "tcp dport 22 limit rate 10/second accept"], &[(SHADOWED, 2)]),
        (&["meta mark 1 accept", "meta mark set 1", "meta mark 1 drop"], &[]),
        (&["meta mark 1 accept", "counter", "meta mark 1 drop"], &[(SHADOWED, 3)]),
        (&["ip saddr @names drop", "ip saddr @names accept"], &[(SHADOWED, 2)]),
        (&["ip saddr @names drop", "ip daddr @names accept", "ip saddr != @names accept"], &[]),
        (
            &[
                "ip saddr . tcp dport { 10.0.0.1 . 22, 10.0.0.2 . 23 } accept",
                "ip saddr 10.0.0.1 tcp dport 22 drop",
                "ip saddr 10.0.0.1 tcp dport 23 drop",
            ],
            &[(SHADOWED, 2)],
        ),
        (&["iifname \"eth*\" accept", "iifname \"eth0\" drop", "iifname \"wlan0\" drop"], &[(SHADOWED, 2)]),
        (&["iifname != \"lo\" drop", "iifname \"eth0\" accept", "iifname \"lo\" accept"], &[(SHADOWED, 2)]),
        (
            &[
                "icmp type echo-request accept",
                "icmp type { echo-request, echo-reply } drop",
                "icmp type echo-request drop",
            ],
            &[(SHADOWED, 3)],
        ),
        (
            &["tcp flags & (fin|syn|rst|ack) == syn drop", "tcp flags & (fin|syn|rst|ack|urg) == syn accept"],
            &[(SHADOWED, 2)],
        ),
        (
            &[
                "ip saddr 10.0.0.1 ip daddr 10.0.0.2 drop",
                "ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp dport 1 accept",
                "ip saddr 10.0.0.1 accept",
            ],
            &[(SHADOWED, 2)],
        ),
        // The first rule that has a packet decides.
        (
            &[
                "ip saddr 10.0.0.1 tcp dport 22 accept",
                "meta l4proto tcp drop",
                "ip saddr 10.0.0.1 tcp dport 22 accept",
            ],
            &[(REDUNDANT, 3)],
        ),
        // One does the same to all that exceptions before it leave.
        (
            &["tcp dport 1-1023 drop", "ct state established accept", "ip saddr 10.0.0.1 ct state established accept"],
            &[(REDUNDANT, 3)],
        ),
        // Contradictions.
        (&["tcp dport 22 tcp dport 80 accept"], &[(CONTRADICTORY, 1)]),
        (&["ct state established ct state new accept"], &[(CONTRADICTORY, 1)]),
        (&["ip saddr 10.0.0.1 ip saddr 10.0.0.2 drop"], &[(CONTRADICTORY, 1)]),
        (&["meta l4proto tcp meta l4proto { udp, sctp } drop"], &[(CONTRADICTORY, 1)]),
    ];
    let ns = Netns::new();
    for (rules, want) in cases {
        let rules: String = rules.iter().map(|r| format!("    {r}\n")).collect();
        ns.nft(&format!(
            "flush ruleset
table inet f {{
  set names {{ type ipv4_addr; }}
  map kept {{ type inet_service : verdict; elements = {{ 80 : drop, 443 : accept }}; }}
  chain other {{ tcp dport 1 drop; }}
  chain some {{ jump other; ip saddr 10.0.0.1 return; tcp dport 2 drop; }}
  chain ending {{ tcp dport 1 accept; drop; }}
  chain input {{ type filter hook input priority 0;
{rules}  }}
}}"
        ));
        assert_eq!(dead(&ns), wanted(want), "{rules}");
    }
}

fn dead_rules_of_iptables_are_found_in_both_backends() {
    let cases: &[Case] = &[
        (&["-p tcp --dport 22 -j ACCEPT", "-p tcp --dport 80 -j ACCEPT", "-j DROP"], &[]),
        (&["-s 10.0.0.0/8 -j DROP", "-s 10.1.2.0/24 -p tcp --dport 22 -j ACCEPT"], &[(SHADOWED, 2)]),
        (
            &[
                "-p tcp -m multiport --dports 22,80,1000:2000 -j ACCEPT",
                "-p tcp --dport 1500 -j ACCEPT",
                "-p tcp --dport 23 -j ACCEPT",
            ],
            &[(REDUNDANT, 2)],
        ),
        (&["-s 10.0.0.0/9 -j DROP", "-s 10.128.0.0/9 -j REJECT", "-s 10.0.0.0/8 -j ACCEPT"], &[(SHADOWED, 3)]),
        (
            &[
                "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP",
                "-s 10.0.0.4/31 -j ACCEPT",
                "-s 10.0.0.8/30 -j ACCEPT",
            ],
            &[(SHADOWED, 2)],
        ),
        (
            &[
                "-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
                "-m conntrack --ctstate NEW,INVALID,UNTRACKED -j DROP",
                "-p tcp --dport 22 -j ACCEPT",
            ],
            &[(SHADOWED, 3)],
        ),
        (&["-i eth+ -j ACCEPT", "-i eth0 -p udp -j DROP", "-i wlan0 -j DROP"], &[(SHADOWED, 2)]),
        (&["! -i lo -j DROP", "-i eth0 -j ACCEPT", "-i lo -j ACCEPT"], &[(SHADOWED, 2)]),
        (&["-p tcp --dport 22 -j ACCEPT", "-j REJECT", "-p tcp --dport 80 -j ACCEPT"], &[(BEHIND, 3)]),
        (&["-p tcp -j DROP", "-p tcp --syn -j ACCEPT"], &[(SHADOWED, 2)]),
        (&["-p tcp -m tcp --dport 0:65535 -j DROP", "-p tcp -j ACCEPT"], &[]),
        (&["-p icmp --icmp-type 8 -j ACCEPT", "-p icmp --icmp-type 8 -j DROP", "-p icmp -j DROP"], &[(SHADOWED, 2)]),
        (&["-m limit --limit 1/s -j ACCEPT", "-p tcp -j DROP"], &[]),
        (
            &[
                "-m string --string x --algo bm -j ACCEPT",
                "-p tcp -m string --string x --algo bm -j DROP",
                "-p tcp -m string --string y --algo bm -j DROP",
            ],
            &[(SHADOWED, 2)],
        ),
        (
            &[
                "-m set --match-set s src -j DROP",
                "-p tcp -m set --match-set s src -j ACCEPT",
                "-m set ! --match-set s src -j ACCEPT",
            ],
            &[(SHADOWED, 2)],
        ),
        (
            &["-m mark --mark 1 -j ACCEPT", "-p tcp -m mark --mark 1 -j DROP", "-m mark --mark 0x10/0xf0 -j DROP"],
            &[(SHADOWED, 2)],
        ),
        (&["-m comment --comment one -j LOG", "-m comment --comment two -p tcp -j ACCEPT"], &[]),
        (&["-j returns", "-p tcp -j DROP"], &[]),
        (&["-p tcp -j ends", "-p tcp --dport 22 -j ACCEPT", "-p udp -j ACCEPT"], &[(SHADOWED, 2)]),
    ];
    for tool in ["iptables-nft", "iptables-legacy"] {
        let ns = Netns::new();
        sh(&ns, "ipset create s hash:ip");
        sh(
            &ns,
            &format!(
                "{tool} -N returns; {tool} -A returns -p tcp -j RETURN; {tool} -A returns -j DROP; {tool} -N ends; {tool} -A ends -s 10.0.0.1 -j ACCEPT; {tool} -A ends -j DROP"
            ),
        );
        for (rules, want) in cases {
            let adds: String = rules.iter().map(|r| format!("{tool} -A INPUT {r}; ")).collect();
            sh(&ns, &format!("{tool} -F INPUT; {adds}"));
            assert_eq!(dead(&ns), wanted(want), "{tool}: {rules:?}");
        }
        sh(&ns, &format!("{tool} -F INPUT; ipset destroy s"));
    }
    for tool in ["ip6tables-nft", "ip6tables-legacy"] {
        let ns = Netns::new();
        for line in [
            "-s 2001:db8::/32 -j DROP",
            "-s 2001:db8:1::/48 -p tcp --dport 22 -j ACCEPT",
            "-p ipv6-icmp --icmpv6-type 135 -j ACCEPT",
            "-p ipv6-icmp --icmpv6-type 135 -j DROP",
        ] {
            sh(&ns, &format!("{tool} -A INPUT {line}"));
        }
        assert_eq!(dead(&ns), wanted(&[(SHADOWED, 2), (SHADOWED, 4)]), "{tool}");
    }
}

fn the_condition_that_makes_the_difference_is_underlined() {
    let nft = "nft 'table inet f { chain in { type filter hook input priority 0; RULES }; }'";
    let (bad, narrow) = ("tcp dport 1-1023 drop", "ip saddr 10.0.0.0/8 tcp dport { 22, 80 } accept");
    for (rules, code, wanted) in [
        (format!("{bad}; {narrow};"), SHADOWED, ["tcp dport { 22, 80 }", "drop"]),
        (format!("{}; {narrow};", bad.replace("drop", "accept")), REDUNDANT, ["tcp dport { 22, 80 }", "accept"]),
        ("meta nfproto ipv4 drop; meta nfproto ipv6 drop; udp dport 53 accept;".into(), SHADOWED, ["accept", "drop"]),
        ("tcp dport 22 counter tcp dport != 20-30 accept;".into(), CONTRADICTORY, ["22 counter", "!= 20-30"]),
        (
            "-A INPUT -p tcp --dport 1:99 -j DROP\n-A INPUT ! -i lo -p tcp -m multiport --dports 22,80 -j ACCEPT"
                .into(),
            SHADOWED,
            ["--dports 22,80", "DROP"],
        ),
        (
            "-A INPUT ! -s 10.0.0.0/8 -m iprange --src-range 10.0.0.2-10.0.0.3 -j DROP".into(),
            CONTRADICTORY,
            ["! -s 10.0.0.0/8", "10.0.0.3"],
        ),
    ] {
        let w = World::new();
        match rules.strip_prefix("-A") {
            Some(_) => w.run(&rules.replace("-A INPUT", "iptables-legacy -A INPUT")),
            None => w.run(&nft.replace("RULES", &rules.replace("; ", "\n").replace(';', "\n"))),
        }
        let told = found(&w.server, code).remove(0);
        let underlined = |rule: &Value| {
            let at = |i: usize| rule["span"][i].as_u64().unwrap() as usize;
            rule["text"].as_str().unwrap()[at(0)..at(1)].to_owned()
        };
        if code == CONTRADICTORY {
            let all = underlined(&told["rules"][0]);
            assert!(wanted.iter().all(|w| all.contains(w)) && !all.contains("DROP"), "{rules}: {all}");
        } else {
            assert_eq!([underlined(&told["rules"][0]), underlined(&told["rules"][1])], wanted, "{rules}");
        }
    }
}

fn a_shadowed_rule_is_moved_to_where_it_works() {
    for rules in [
        "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; }'; nft add rule inet f in ip saddr 192.0.2.0/24 drop; nft add rule inet f in ip saddr 192.0.2.2 tcp dport 8080 accept",
        "iptables-nft -A INPUT -s 192.0.2.0/24 -j DROP; iptables-nft -A INPUT -s 192.0.2.2 -p tcp --dport 8080 -m comment --comment 'a b' -j ACCEPT",
        "iptables-legacy -A INPUT -s 192.0.2.0/24 -j DROP; iptables-legacy -A INPUT -s 192.0.2.2 -p tcp --dport 8080 -j ACCEPT",
    ] {
        let w = World::new();
        w.run(rules);
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        let findings = found(&w.server, SHADOWED);
        assert_eq!((findings.len(), w.reaches_server(8080)), (1, false), "{rules}");
        assert_eq!((&findings[0]["severity"], &findings[0]["certainty"]), (&"error".into(), &"proven".into()));
        assert_eq!(findings[0]["fix"][0]["verified"], true, "{rules}: {}", findings[0]);
        let answer = why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0");
        assert!(says(&answer, SHADOWED), "{answer}");
        let fixes = answer["fix"].as_array().unwrap();
        assert!(fixes.len() > 1 && fixes.iter().all(|f| f["verified"] == true), "{answer}");
        apply(&w.server, &findings[0]);
        assert!(w.reaches_server(8080) && !w.reaches_server(8081), "{rules}: {}", findings[0]["fix"]);
        assert!(found(&w.server, SHADOWED).is_empty());
    }
}

fn what_is_appended_behind_the_end_is_moved_before_it() {
    for rules in [
        "nft add table inet f; nft 'add chain inet f in { type filter hook input priority 0; }'; nft add rule inet f in tcp dport 22 accept; nft add rule inet f in drop; nft add rule inet f in tcp dport 8080 accept",
        "iptables-nft -A INPUT -j DROP; iptables-nft -A INPUT -p tcp --dport 8080 -j ACCEPT",
        "iptables-legacy -A INPUT -j REJECT; iptables-legacy -A INPUT -p tcp --dport 8080 -j ACCEPT",
    ] {
        let w = World::new();
        w.run(rules);
        let findings = found(&w.server, BEHIND);
        assert_eq!((findings.len(), w.reaches_server(8080)), (1, false), "{rules}");
        apply(&w.server, &findings[0]);
        assert!(w.reaches_server(8080), "{rules}: {}", findings[0]["fix"]);
        assert!(found(&w.server, BEHIND).is_empty());
    }
}

fn what_ends_before_all_do_makes_no_error() {
    for (end, severity) in [("goto rest", "warning"), ("drop", "error")] {
        let w = World::new();
        w.server.nft(&format!(
            "table inet f {{
                chain rest {{ udp dport 53 drop; }}
                chain in {{ type filter hook input priority 0; tcp dport 23 drop; {end}; accept; }}
            }}"
        ));
        let findings = found(&w.server, BEHIND);
        assert_eq!((findings.len(), &findings[0]["severity"]), (1, &severity.into()), "{findings:?}");
    }
}

fn an_accept_that_is_not_final_is_found_and_said_of_the_packet() {
    for (drop, fix) in [
        ("iptables-legacy -P INPUT DROP", "iptables-legacy -P INPUT ACCEPT"),
        (
            "nft add table ip z; nft 'add chain ip z in { type filter hook input priority 10; policy drop; }'",
            "nft delete table ip z",
        ),
    ] {
        let w = World::new();
        w.server.nft("table inet f { chain in { type filter hook input priority -10; tcp dport 8080 accept; }; }");
        let _service = w.server.run(|| TcpListener::bind("0.0.0.0:8080")).unwrap();
        assert!(found(&w.server, "NB0110").is_empty() && w.reaches_server(8080));
        w.run(drop);
        let findings = found(&w.server, "NB0110");
        assert_eq!((findings.len(), w.reaches_server(8080)), (1, false), "{drop}");
        assert_eq!(findings[0]["rules"][0]["chain_name"], "in");
        assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8080 -i eth0"), "NB0110"), "{drop}");
        w.run(fix);
        assert!(found(&w.server, "NB0110").is_empty() && w.reaches_server(8080));
    }
}

/// A network that is taken in many pieces, and then asked for as a whole.
fn what_takes_too_long_to_tell_is_said() {
    for (len, code) in [(26, SHADOWED), (29, "NB0111")] {
        let ns = Netns::new();
        let blocks = (0u32..1 << (len - 16)).map(|n| {
            let at = std::net::Ipv4Addr::from_bits((10 << 24) | (n << (32 - len)));
            format!("-A INPUT -s {at}/{len} -j DROP\n")
        });
        let rules: String = blocks.collect();
        let all = format!("*filter\n:INPUT ACCEPT [0:0]\n{rules}-A INPUT -s 10.0.0.0/16 -j ACCEPT\nCOMMIT\n");
        ns.cmd("iptables-legacy-restore", &[], &all);
        let told: BTreeSet<_> = dead(&ns).into_iter().map(|(code, _)| code).collect();
        assert_eq!(told, BTreeSet::from([code.to_owned()]));
    }
}

fn empty_sets_and_maps_are_found() {
    let w = World::new();
    w.run("ipset create friends hash:ip; iptables-nft -A INPUT -m set ! --match-set friends src -j DROP");
    w.server.nft("table inet f { set s { type ipv4_addr; }; set d { type ipv4_addr; flags dynamic; }; map m { type inet_service : verdict; }; chain in { type filter hook input priority 0; ip saddr @s accept; ip saddr @d drop; tcp dport vmap @m; }; }");
    let of =
        |code| found(&w.server, code).iter().map(|f| f["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(of("NB0109").len(), 2, "{:?}", of("NB0109"));
    assert_eq!(of("NB0108").len(), 1);
    assert!(!w.reaches_server(8080));
    w.run("ipset add friends 192.0.2.2; nft add element inet f s '{ 192.0.2.2 }'; nft add element inet f m '{ 8080 : accept }'");
    assert_eq!((of("NB0109").len(), of("NB0108").len(), w.reaches_server(8080)), (0, 0, true));
    // A packet that a map has nothing for.
    let w = World::new();
    w.server.nft("table inet f { map m { type inet_service : verdict; elements = { 22 : accept }; }; chain in { type filter hook input priority 0; policy drop; tcp dport vmap @m; }; }");
    assert!(says(&why(&w.server, "tcp 192.0.2.2 192.0.2.1:8443 -i eth0"), "NB0108"));
}

fn a_goto_past_the_rest_is_found() {
    let rest = "tcp dport 8080 accept";
    for verb in ["goto", "jump"] {
        let w = World::new();
        w.server.nft(&format!("table inet f {{ chain other {{ tcp dport 22 accept; }}; chain in {{ type filter hook input priority 0; policy drop; ip saddr 192.0.2.0/24 {verb} other; {rest}; }}; }}"));
        assert_eq!(
            (found(&w.server, "NB0107").len(), w.reaches_server(8080)),
            (usize::from(verb == "goto"), verb == "jump")
        );
    }
    let w = World::new();
    w.run("iptables-legacy -N other; iptables-legacy -A INPUT -s 192.0.2.0/24 -g other; iptables-legacy -A INPUT -p tcp --dport 8080 -j ACCEPT; iptables-legacy -P INPUT DROP");
    assert_eq!(found(&w.server, "NB0107").len(), 1);
    w.run("iptables-legacy -A other -j DROP");
    assert!(found(&w.server, "NB0107").is_empty(), "nothing falls out of it");
}

fn order_and_unused_chains_are_noted() {
    let w = World::new();
    w.server.nft("table inet f { chain spare { tcp dport 1 drop; }; chain in { type filter hook input priority 0; ip saddr 192.0.2.9 tcp dport 22 drop; tcp dport 22 accept; ip saddr 192.0.2.0/28 drop; }; }");
    let count = |code| found(&w.server, code).len();
    assert_eq!((count("NB0104"), count("NB0105"), count("NB0112")), (1, 1, 1));
    let w = World::new();
    w.server.nft("table inet f { chain in { type filter hook input priority 0; tcp dport 22 accept; tcp dport 23 drop; udp dport 53 drop; }; }");
    let count = |code| found(&w.server, code).len();
    assert_eq!((count("NB0104"), count("NB0105"), count("NB0112")), (0, 0, 0));
}

fn an_interface_that_was_made_again_is_another_one() {
    let w = World::new();
    w.run("ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up");
    w.server.nft(
        "table inet t { chain input { type filter hook input priority 0; iif v0 accept; iifname eth0 accept; }; }",
    );
    assert!(found(&w.server, "NB0113").is_empty());
    w.run("ip link del v0; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up");
    let told = found(&w.server, "NB0113");
    assert_eq!((told.len(), told[0]["severity"].as_str()), (1, Some("warning")), "{told:?}");
    w.run("nft flush chain inet t input; nft add rule inet t input iifname v0 accept");
    assert!(found(&w.server, "NB0113").is_empty());
    w.run("nft add rule inet t input iifname wg7 accept");
    let told = found(&w.server, "NB0113");
    assert_eq!((told.len(), told[0]["severity"].as_str()), (1, Some("note")), "{told:?}");
}
