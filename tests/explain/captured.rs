//! Packets of capture files.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::{find_program, kernel_tests, until};
use crate::world::{INPUT, Load, nfblame, pair, who};

kernel_tests! {
    a_broken_packet_of_a_capture_is_told_and_the_rest_explained needs ["nft"];
    captures_of_all_forms_are_explained needs ["nft", "tcpdump", "editcap"];
}

fn a_broken_packet_of_a_capture_is_told_and_the_rest_explained() {
    let (_client, host) = pair();
    host.load(INPUT);
    let block = |kind: u32, body: &[u8]| {
        let length = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes(), &length[..], body, &length].concat()
    };
    let section = block(0x0a0d_0d0a, &[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    // LINKTYPE_RAW
    let interface = block(1, &[101, 0, 0, 0, 0, 0, 0, 0]);
    let bytes = nfblame::explain::Craft {
        sport: 9,
        dport: 80,
        ..nfblame::explain::Craft::new(6, [192, 0, 2, 2].into(), [192, 0, 2, 1].into())
    };
    let bytes = bytes.make().unwrap().1;
    let packet = |kept: u32| {
        let head: Vec<u8> =
            [0, 0, 0, kept, bytes.len() as u32].into_iter().flat_map(|n: u32| n.to_le_bytes()).collect();
        block(6, &[head, bytes.clone()].concat())
    };
    let whole = packet(bytes.len() as u32);
    let file = [section, interface, whole.clone(), packet(70_000), whole].concat();
    let explained = |file: &[u8]| {
        let out = nfblame(&host, "explain -j -i eth0 -r -", file);
        let text = String::from_utf8(out.stdout).unwrap();
        let answers: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said = |a: &Value| a["error"].as_str().map_or_else(|| a["verdict"].to_string(), |_| "error".into());
        let frames: Vec<_> = answers.iter().map(|a| (a["frame"].as_u64().unwrap(), said(a))).collect();
        (frames, out.status.code().unwrap())
    };
    let drop = || "\"drop\"".to_owned();
    assert_eq!(explained(&file), (vec![(1, drop()), (2, "error".into()), (3, drop())], 1));
    // It ends within the last packet.
    let cut = file.get(..file.len() - 9).unwrap();
    assert_eq!(explained(cut), (vec![(1, drop()), (2, "error".into()), (3, "error".into())], 2));
}

fn captures_of_all_forms_are_explained() {
    let (client, host) = pair();
    host.load(INPUT);
    let dir = std::env::temp_dir().join(format!("nfblame-explain-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let pcap = file("a.pcap");
    let mut tcpdump = host.run(|| {
        let path = find_program("tcpdump").unwrap();
        let args = ["-i", "eth0", "-U", "--immediate-mode", "-w", &pcap, "udp or tcp"];
        Command::new(path).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let mut said = BufReader::new(tcpdump.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("listening on") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "tcpdump ended");
    }
    for (from, to) in [(&client, "192.0.2.1:80"), (&client, "192.0.2.1:81"), (&host, "192.0.2.2:9")] {
        let socket = from.run(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
        socket.send_to(b"nfblame", to).unwrap();
    }
    until("the packets to be captured", || std::fs::metadata(&pcap).is_ok_and(|m| m.len() >= 24 + 3 * (16 + 49)));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(tcpdump.id() as i32), nix::sys::signal::Signal::SIGINT).unwrap();
    tcpdump.wait().unwrap();
    host.load("insert rule inet f i udp dport 81 drop");
    for form in ["pcap", "nsecpcap", "pcapng"] {
        let path = file(&format!("b.{form}"));
        client.cmd("editcap", &["-F", form, &pcap, &path], "");
        let out = nfblame(&host, &format!("explain -j -i eth0 -r {path}"), b"");
        let answers: Vec<Value> =
            String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let said: Vec<String> = answers.iter().map(who).collect();
        assert_eq!(said.get(..2).unwrap(), ["reject socket no listener", "drop rule inet f i 1"], "{form}: {said:?}");
        assert!(answers.iter().enumerate().all(|(i, a)| a["frame"] == i + 1 && a["time"].is_string()), "{form}");
        assert_eq!(out.status.code(), Some(1), "{form}");
        // Cut in the middle of the second packet: the first is answered, then comes the error.
        let whole = std::fs::read(&path).unwrap();
        let second = answers.len();
        let mut cut = None;
        for n in (40..whole.len()).rev() {
            let out = if whole.len() - n > 200 { break } else { &whole[..n] };
            cut = Some(out.to_vec());
        }
        let out = nfblame(&host, "explain -j -i eth0 -r -", &cut.unwrap());
        let lines: Vec<Value> =
            String::from_utf8(out.stdout).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(out.status.code(), Some(2), "{form}");
        assert!(lines.len() <= second && lines.last().unwrap()["error"].is_string(), "{form}: {lines:?}");
        assert!(lines.iter().rev().skip(1).all(|l| l["verdict"].is_string()), "{form}");
        assert!(String::from_utf8_lossy(&out.stderr).contains("ends in the middle"), "{form}");
    }
    let text = nfblame(&host, &format!("explain -i eth0 -r {pcap}"), b"");
    assert!(String::from_utf8_lossy(&text.stdout).lines().nth(1).unwrap().contains("DROP"));
    std::fs::remove_dir_all(&dir).unwrap();
}
