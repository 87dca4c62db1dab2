//! Many questions on one input.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};

use serde_json::Value;

use crate::common::{kernel_tests, until};
use crate::world::{INPUT, Load, nfblame, pair, start, who};

kernel_tests! {
    a_batch_answers_every_line_in_order needs ["nft"];
    a_batch_sees_the_ruleset_change needs ["nft"];
    a_batch_sees_what_packets_do needs ["nft"];
    a_batch_outlives_anything_that_it_is_fed needs ["nft"];
    a_long_batch_is_answered_to_its_end needs ["nft"];
}

/// Has the answer the id of its question? Of a broken line that is what it begins with, if anything.
fn repeats_id(asked: &Value, line: &str, answer: &Value) -> bool {
    match (asked, &answer["id"]) {
        (Value::Null, Value::Null) => true,
        (Value::Null, id) => line.starts_with(&format!("{{\"id\":{id}")),
        (asked, id) => asked.get("id").unwrap_or(&Value::Null) == id,
    }
}

/// A TCP SYN to a port, in hex.
fn syn(port: u16) -> String {
    let craft = nfblame::explain::Craft {
        sport: 40000,
        dport: port,
        ..nfblame::explain::Craft::new(6, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    craft.make().unwrap().1.iter().map(|b| format!("{b:02x}")).collect()
}

fn a_batch_answers_every_line_in_order() {
    let (_client, host) = pair();
    host.load(INPUT);
    let line = |id: &str, port: u16, more: &str| {
        let packet = syn(port);
        format!(r#"{{"id":{id},"packet":"{packet}","family":"ip","hook":"prerouting","iif":"eth0","oif":null{more}}}"#)
    };
    let own = host.rt(|rt| rt.link("eth0")).unwrap().address;
    let own: String = own.iter().map(|b| format!("{b:02x}")).collect();
    let lines: Vec<(String, &str)> = vec![
        (line("1", 80, ""), "drop rule inet f i 1"),
        (line(r#""two""#, 81, r#","mark":5"#), "drop rule inet f i 2"),
        (line("3", 84, &format!(r#","l2":"{own}0200000000070800""#)), "drop rule inet f i 3"),
        (line("4", 82, r#","ct_state":"established""#), "drop rule inet f i 4"),
        (line("[5]", 84, &format!(r#","l2":"{own}0200000000080800""#)), "reject socket no listener"),
        ("{\"id\":6".into(), "error"),
        (String::new(), "error"),
        ("{\"id\":8,\"packet\":\"45\"}".into(), "error"),
        ("\u{fffd}\u{0}".into(), "error"),
        (line("10", 80, r#","iif":"eth9""#), "error"),
        (format!(r#"{{"id":11,"packet":"{}"}}"#, "ab".repeat(500_000)), "error"),
        (
            format!(r#"{{"id":12,"junk":"{}","packet":"{}","iif":"eth0"}}"#, "x".repeat(1_000_000), syn(80)),
            "drop rule inet f i 1",
        ),
        (line("13", 80, r#","hook":"upstairs""#), "error"),
        (line("14", 80, ""), "drop rule inet f i 1"),
    ];
    let input: Vec<u8> = lines.iter().flat_map(|(l, _)| [l.as_bytes(), b"\n"].concat()).collect();
    let out = nfblame(&host, "explain --batch", &input);
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let answers: Vec<Value> =
        String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    for ((line, want), answer) in lines.iter().zip(&answers) {
        let asked: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(repeats_id(&asked, line, answer), "{line:.100}: {answer}");
        if *want == "error" {
            assert!(answer["error"].is_string() && answer.get("verdict").is_none(), "{line:.100}: {answer}");
        } else {
            assert_eq!(who(answer), *want, "{line:.100}");
        }
    }
    // The last line needs no end; none at all is no error.
    assert_eq!(nfblame(&host, "explain --batch", syn(1).as_bytes()).status.code(), Some(1));
    assert_eq!(nfblame(&host, "explain --batch", b"").status.code(), Some(0));
}

fn a_batch_sees_the_ruleset_change() {
    let (_client, host) = pair();
    host.load(INPUT);
    let mut batch = start(&host, "explain --batch");
    let mut input = batch.stdin.take().unwrap();
    let mut output = BufReader::new(batch.stdout.take().unwrap());
    let mut ask = |port: u16| {
        writeln!(input, r#"{{"id":{port},"packet":"{}","iif":"eth0"}}"#, syn(port)).unwrap();
        let mut line = String::new();
        // The answer comes before the next line is sent.
        output.read_line(&mut line).unwrap();
        who(&serde_json::from_str(&line).unwrap())
    };
    assert_eq!(ask(80), "drop rule inet f i 1");
    host.load("insert rule inet f i tcp dport 80 accept");
    assert_eq!(ask(80), "reject socket no listener");
    let listener = host.run(|| TcpListener::bind("0.0.0.0:80")).unwrap();
    until("the listener to be seen", || ask(80) == "accept none");
    drop(listener);
    host.load("flush ruleset");
    until("the listener to be gone", || ask(80) == "reject socket no listener");
    drop(input);
    assert_eq!(batch.wait().unwrap().code(), Some(1));
}

fn a_batch_sees_what_packets_do() {
    let (client, host) = pair();
    host.load(
        "table ip f { set seen { type ipv4_addr; size 100; flags dynamic; }
         chain i { type filter hook input priority 0; ip saddr @seen udp dport 9 drop; udp dport 9 add @seen { ip saddr}; } }",
    );
    let mut batch = start(&host, "explain --batch");
    let mut input = batch.stdin.take().unwrap();
    let mut output = BufReader::new(batch.stdout.take().unwrap());
    let craft = nfblame::explain::Craft {
        sport: 40000,
        dport: 9,
        ..nfblame::explain::Craft::new(17, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    let packet: String = craft.make().unwrap().1.iter().map(|b| format!("{b:02x}")).collect();
    let mut ask = || {
        writeln!(input, r#"{{"packet":"{packet}","iif":"eth0"}}"#).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        who(&serde_json::from_str(&line).unwrap())
    };
    assert_eq!(ask(), "reject socket no listener");
    let socket = client.run(|| UdpSocket::bind("192.0.2.2:0")).unwrap();
    socket.send_to(b"nfblame", "192.0.2.1:9").unwrap();
    until("the packet to be remembered", || {
        host.cmd("nft", &["list", "set", "ip", "f", "seen"], "").contains("192.0.2.2")
    });
    // Nothing announces that: what was read is believed for a moment.
    until("the batch to see it", || ask() == "drop rule ip f i 1");
    drop(input);
    batch.wait().unwrap();
}

/// Packets cut and changed anywhere, and lines that are none: an answer for each, and none of them the last.
fn a_batch_outlives_anything_that_it_is_fed() {
    let (_client, host) = pair();
    host.load(
        "table inet f { chain i { type filter hook prerouting priority 0; tcp option maxseg size 1-500 drop
            exthdr frag exists drop; ct state invalid drop; @th,100,40 7 drop; tcp flags syn tcp dport 80 drop; ip frag-off 5 drop; icmpv6 type 1 drop; rt type 0 drop; sctp chunk init exists drop } }
         table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80-90 dnat to 192.0.2.9-192.0.2.11:1-9; udp dport 1 redirect to :5 } }",
    );
    let craft = |protocol, v6: bool| {
        let (a, b): (std::net::IpAddr, std::net::IpAddr) = if v6 {
            ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 2].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into())
        } else {
            ([192, 0, 2, 2].into(), [192, 0, 2, 1].into())
        };
        let c = nfblame::explain::Craft {
            sport: 9,
            dport: 80,
            length: Some(100),
            ..nfblame::explain::Craft::new(protocol, a, b)
        };
        c.make().unwrap().1
    };
    let mut state = 1u64;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut lines = Vec::new();
    for n in 0..3000 {
        let v6 = random(2) == 1;
        let mut packet = craft([6, 17, 132, if v6 { 58 } else { 1 }, 47][random(5)], v6);
        for _ in 0..random(6) {
            let at = random(packet.len());
            packet[at] = random(256) as u8;
        }
        if v6 && random(2) == 0 {
            packet[6] = [0, 43, 44, 51, 60, 59][random(6)];
        }
        packet.truncate(random(packet.len() * 2).max(1));
        let hex: String = packet.iter().map(|b| format!("{b:02x}")).collect();
        let hook = ["ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"][random(7)];
        let family = ["\"ip\"", "\"ip6\"", "\"arp\"", "null", "7"][random(5)];
        let mut line = format!(
            r#"{{"id":{n},"packet":"{hex}","family":{family},"hook":"{hook}","iif":"eth0","oif":{},"l2":"{}"}}"#,
            ["null", "\"eth0\"", "\"lo\""][random(3)],
            "00".repeat(random(40)),
        );
        if random(10) == 0 {
            line.truncate(random(line.len()));
        }
        lines.push(line);
    }
    let out = nfblame(&host, "explain --batch", lines.join("\n").as_bytes());
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(answers.len(), lines.len());
    let answered = answers.iter().filter(|a| a["verdict"].is_string()).count();
    assert!(answered > 500, "{answered}");
    for (line, answer) in lines.iter().zip(&answers) {
        let asked: Value = serde_json::from_str(line).unwrap_or_default();
        assert!(repeats_id(&asked, line, answer), "{line}: {answer}");
        assert!(answer["verdict"].is_string() != answer["error"].is_string(), "{line}: {answer}");
    }
}

fn a_long_batch_is_answered_to_its_end() {
    let (_client, host) = pair();
    host.load(INPUT);
    let lines: String = (0..4000u16)
        .map(|n| format!("{{\"id\":{n},\"packet\":\"{}\",\"iif\":\"eth0\"}}\n", syn(80 + n % 16)))
        .collect();
    let out = nfblame(&host, "explain --batch", lines.as_bytes());
    let ids = out.stdout.split(|&b| b == b'\n').filter(|line| !line.is_empty());
    let ids: Vec<Value> = ids.map(|line| serde_json::from_slice::<Value>(line).unwrap()["id"].clone()).collect();
    assert_eq!(ids, (0..4000).map(Value::from).collect::<Vec<_>>());
}
