//! What is said beside the culprit: how the sender learns of it, and what to change.

use crate::common::kernel::kernel_tests;
use crate::common::lab::Lab;
use crate::lost::{who, why};

kernel_tests! {
    a_program_whose_packet_has_no_route_gets_an_errno needs ["ip"];
    what_a_connection_goes_on_with_needs_the_rule_for_connections needs ["nft", "sh"];
    a_proxy_that_does_not_run_is_told needs ["iptables-nft"];
    times_that_nearly_fit_are_told_as_times needs ["iptables-nft", "iptables-legacy"];
    a_line_of_the_log_is_a_packet needs ["iptables-nft"];
    what_would_decide_about_a_hardware_address_is_told needs ["iptables-nft", "ip"];
}

fn a_program_whose_packet_has_no_route_gets_an_errno() {
    let lab = Lab::new();
    for (kind, errno) in [("unreachable", "EHOSTUNREACH"), ("prohibit", "EACCES"), ("blackhole", "EINVAL")] {
        lab.run(&format!("ip route add {kind} 198.51.100.0/24"));
        let answer = why(&lab.router, "udp 10.9.1.1:4000 198.51.100.1:53 --out");
        assert_eq!(who(&answer), format!("certain drop route {kind}"));
        let said = answer["why"].to_string();
        assert!(said.contains(errno) && said.contains("before it meets any rule"), "{said}");
        assert!(!said.contains("icmp"), "{said}");
        lab.run(&format!("ip route del {kind} 198.51.100.0/24"));
    }
    let answer = why(&lab.router, "udp 10.9.1.1:4000 198.51.100.1:53 --out");
    assert_eq!(who(&answer), "certain drop route no route");
    let said = answer["why"].to_string();
    assert!(said.contains("ENETUNREACH") && !said.contains("icmp_ratelimit"), "{said}");
}

fn what_a_connection_goes_on_with_needs_the_rule_for_connections() {
    let lab = Lab::new();
    lab.router.nft(
        "table inet f {\n chain c {\n type filter hook forward priority 0; policy drop;\n iifname r0 accept\n }\n}",
    );
    let answer = why(&lab.router, "tcp 10.9.2.2:80 10.9.1.2:40000 -i r1 --flags syn,ack");
    assert_eq!(who(&answer), "certain drop policy inet f c");
    let fix = &answer["fix"][0];
    assert!(fix["commands"][0].as_str().unwrap().contains("ct state established,related accept"), "{answer:#}");
    assert_eq!(fix["verified"], true);
}

fn a_proxy_that_does_not_run_is_told() {
    let lab = Lab::new();
    lab.run("iptables-nft -t mangle -A PREROUTING -i r0 -p tcp --dport 80 -j TPROXY --on-port 3129 --tproxy-mark 1");
    let answer = why(&lab.router, "tcp 10.9.1.2:40000 10.9.2.2:80 -i r0");
    assert_eq!(who(&answer), "certain drop rule ip mangle PREROUTING 1");
    assert!(answer["why"].to_string().contains("no transparent socket waits for it at port 3129"), "{answer:#}");
}

fn times_that_nearly_fit_are_told_as_times() {
    for tool in ["iptables-nft", "iptables-legacy"] {
        let lab = Lab::new();
        lab.run(&format!("{tool} -P INPUT DROP"));
        lab.run(&format!("{tool} -A INPUT -m time --datestop 2001-02-03T04:05:06 -j ACCEPT"));
        let near = &why(&lab.router, "udp 10.9.1.2:4000 10.9.1.1:53 -i r0")["near_misses"][0];
        assert_eq!((&near["field"], &near["wanted"]), (&"--datestop".into(), &"2001-02-03T04:05:06".into()), "{near}");
        assert!(near["have"].as_str().unwrap().starts_with("20"), "{near}");
    }
}

fn what_would_decide_about_a_hardware_address_is_told() {
    let lab = Lab::new();
    lab.run("ip neigh add 10.9.1.77 lladdr 02:00:00:00:00:09 dev r0");
    lab.run("iptables-nft -A INPUT -m mac --mac-source 02:00:00:00:00:09 -j DROP");
    for (from, says) in [
        ("10.9.1.77", "if it comes from there (--mac 02:00:00:00:00:09): drop by INPUT rule 1, certain"),
        ("10.9.1.78", "a rule asks for the hardware address that it comes from"),
    ] {
        let answer = why(&lab.router, &format!("icmp {from} 10.9.1.1 -i r0"));
        assert_eq!(who(&answer), "likely drop rule ip filter INPUT 1");
        assert!(answer["why"].to_string().contains(says), "{answer:#}");
    }
}

fn a_line_of_the_log_is_a_packet() {
    let lab = Lab::new();
    lab.run("iptables-nft -A FORWARD -i r0 -p tcp --dport 80 -m ttl --ttl-eq 63 -j DROP");
    let line = |ttl| {
        format!(
            "Nov 22 10:00:00 fw kernel: [ 1.5] DROP:IN=r0 OUT=r1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=10.9.1.2 DST=10.9.2.2 \
             LEN=60 TOS=0x00 PREC=0x00 TTL={ttl} ID=7 DF PROTO=TCP SPT=40000 DPT=80 WINDOW=64240 RES=0x00 SYN URGP=0"
        )
    };
    let ask = |line: &str| {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_nfblame"))
            .args(["why", "-j", "--netns", &lab.router.path(), "--log", line])
            .output()
            .unwrap();
        serde_json::from_slice::<serde_json::Value>(&out.stdout).unwrap()
    };
    let answer = ask(&line(63));
    assert_eq!(who(&answer), "certain drop rule ip filter FORWARD 1");
    let p = &answer["packet"];
    assert_eq!((&p["iif"], &p["source.port"], &p["length"]), (&"r0".into(), &40000.into(), &60.into()), "{p}");
    assert_ne!(who(&ask(&line(64))), "certain drop rule ip filter FORWARD 1", "another packet");
}
