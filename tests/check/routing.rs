//! Routes and routing rules that lead nowhere: `nfblame why` names them, and what it says to remove is removed for real.

use std::net::{TcpListener, TcpStream};

use crate::common::kernel_tests;
use crate::world::{apply, connects, routed, says, sh, why};

kernel_tests! {
    what_leads_nowhere_is_named_and_removed needs ["ip", "sysctl"];
    whoever_marks_a_packet_is_named needs ["nft", "iptables-nft", "iptables-legacy"];
    a_packet_of_this_host_gets_its_way needs ["ip"];
}

const PACKET: &str = "tcp 192.0.2.2 198.51.100.2:80 -i eth0";

fn what_leads_nowhere_is_named_and_removed() {
    for (broken, detail, command) in [
        ("ip route add blackhole 198.51.100.2", "blackhole", "ip route del blackhole 198.51.100.2/32"),
        (
            "ip route add unreachable 198.51.100.0/25 metric 7 proto bird",
            "unreachable",
            "ip route del unreachable 198.51.100.0/25 metric 7",
        ),
        ("ip rule add from 192.0.2.0/24 prohibit", "prohibit", "ip rule del priority 32765 from 192.0.2.0/24 prohibit"),
        (
            "ip route add blackhole default table 77; ip rule add iif eth0 dport 80 ipproto tcp lookup 77",
            "blackhole",
            "ip rule del priority 32765 from all iif eth0 ipproto 6 dport 80 lookup 77",
        ),
        // The way is there, and the way back is not.
        ("ip route add blackhole 192.0.2.2", "blackhole", "ip route del blackhole 192.0.2.2/32"),
    ] {
        let [client, router, server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        router.sysctl("net.ipv4.conf.all.rp_filter", "0");
        router.sysctl("net.ipv4.conf.eth0.rp_filter", "0");
        let reaches = || connects(&client, &server, "198.51.100.2", 80);
        assert!(reaches(), "{broken}: before");
        sh(&router, broken);
        assert!(!reaches(), "{broken}");
        let answer = why(&router, PACKET);
        assert_eq!(answer["culprit"]["detail"], detail, "{answer}");
        assert_eq!(answer["fix"][0]["commands"], serde_json::json!([command]), "{answer}");
        assert_eq!(answer["fix"][0]["verified"], true, "{answer}");
        let message = answer["fix"][0]["message"].as_str().unwrap();
        assert_eq!(message.contains("bird added it"), broken.contains("bird"), "{message}");
        apply(&router, &answer);
        assert!(reaches(), "{broken}: after {command}");
    }
}

fn whoever_marks_a_packet_is_named() {
    let table = "ip route add unreachable default table 66; ip rule add fwmark 0x1/0xf lookup 66";
    for (marks, place) in [
        (
            "nft add table ip m; nft 'add chain ip m pre { type filter hook prerouting priority mangle; }'; nft add rule ip m pre tcp dport 80 meta mark set 0x31",
            "rule 1 of ip m pre marks it 0x31",
        ),
        (
            "iptables-nft -t mangle -A PREROUTING -p tcp --dport 80 -j MARK --set-mark 1",
            "rule 1 of ip mangle PREROUTING marks it 0x1",
        ),
        (
            "iptables-legacy -t mangle -A PREROUTING -j CONNMARK --set-mark 1; iptables-legacy -t mangle -A PREROUTING -j CONNMARK --restore-mark",
            "rule 2 of ip mangle PREROUTING marks it 0x1",
        ),
    ] {
        let [client, router, server] = routed();
        router.sysctl("net.ipv4.ip_forward", "1");
        sh(&router, table);
        let reaches = || connects(&client, &server, "198.51.100.2", 80);
        assert!(reaches(), "{marks}: before");
        sh(&router, marks);
        assert!(!reaches(), "{marks}");
        let answer = why(&router, PACKET);
        assert!(says(&answer, "NB0015"), "{answer}");
        let all = answer["why"].as_array().unwrap();
        let told = |words: &str| all.iter().any(|w| w["message"].as_str().is_some_and(|m| m.contains(words)));
        assert!(told(place) && told("from all fwmark 0x1/0xf lookup 66"), "{answer}");
        apply(&router, &answer);
        assert!(reaches(), "{marks}: after {}", answer["fix"]);
    }
}

fn a_packet_of_this_host_gets_its_way() {
    let [_client, router, server] = routed();
    let _service = server.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    let reaches = || router.run(|| TcpStream::connect("198.51.100.2:80")).is_ok();
    assert!(reaches());
    sh(&router, "ip route add prohibit 198.51.100.2");
    assert!(!reaches());
    let answer = why(&router, "tcp 198.51.100.1 198.51.100.2:80 --out");
    assert_eq!(answer["culprit"]["detail"], "prohibit", "{answer}");
    apply(&router, &answer);
    assert!(reaches(), "{}", answer["fix"]);
}
