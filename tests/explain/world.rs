//! The hosts, and how they are asked.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::common::{Netns, veth};

pub const BIN: &str = env!("CARGO_BIN_EXE_nfblame");

/// Runs nfblame in a namespace.
pub fn nfblame(ns: &Netns, args: &str, stdin: &[u8]) -> Output {
    let mut child = start(ns, args);
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|s| {
        s.spawn(move || {
            // A program that ends early closes its input: that is not our failure.
            let _ = input.write_all(stdin);
        });
        child.wait_with_output().unwrap()
    })
}

pub fn start(ns: &Netns, args: &str) -> Child {
    let mut command = Command::new(BIN);
    command.args(args.split_whitespace()).args(["--netns", &ns.path()]).env("NO_COLOR", "1");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub trait Load {
    fn load(&self, rules: &str);
}

impl Load for Netns {
    /// Loads rules written in few lines: nft wants a new line, or a semicolon, before a brace that closes a chain.
    fn load(&self, rules: &str) {
        self.nft(&rules.replace(" }", "\n}"));
    }
}

/// One question, its answer and the exit code.
pub fn ask(ns: &Netns, args: &str) -> (Value, i32) {
    let out = nfblame(ns, &format!("{args} -j"), b"");
    let text = String::from_utf8(out.stdout).unwrap();
    let answer = serde_json::from_str(&text);
    let answer = answer.unwrap_or_else(|e| panic!("{args}: {e}: {text:?} {}", String::from_utf8_lossy(&out.stderr)));
    (answer, out.status.code().unwrap())
}

/// Who decided, in a line: `drop policy inet filter input`.
pub fn who(answer: &Value) -> String {
    let c = &answer["culprit"];
    let mut words: Vec<String> =
        ["/verdict", "/culprit/kind", "/culprit/family", "/culprit/table_name", "/culprit/chain_name"]
            .iter()
            .filter_map(|p| answer.pointer(p)?.as_str().map(str::to_owned))
            .collect();
    words.extend(c["rule_position"].as_u64().map(|n| n.to_string()));
    words.extend(c["sysctl"]["key"].as_str().map(str::to_owned));
    words.extend(c["detail"].as_str().map(str::to_owned));
    words.join(" ")
}

pub fn path(answer: &Value) -> Vec<String> {
    answer["path"].as_array().unwrap().iter().map(|s| s["action"].as_str().unwrap().to_owned()).collect()
}

pub fn pair() -> (Netns, Netns) {
    let (client, host) = (Netns::new(), Netns::new());
    veth(&client, "eth0", "192.0.2.2/24", &host, "eth0", "192.0.2.1/24");
    (client, host)
}

/// A client, a router and a server in a row.
pub struct Row {
    pub _client: Netns,
    pub router: Netns,
    pub server: Netns,
}

impl Row {
    pub fn new() -> Self {
        let (client, router, server) = (Netns::new(), Netns::new(), Netns::new());
        veth(&client, "eth0", "192.0.2.2/24", &router, "eth0", "192.0.2.1/24");
        veth(&router, "eth1", "10.0.5.1/24", &server, "eth0", "10.0.5.2/24");
        client.route("0.0.0.0/0", "192.0.2.1");
        server.route("0.0.0.0/0", "10.0.5.1");
        router.sysctl("net.ipv4.ip_forward", "1");
        Self { _client: client, router, server }
    }
}

/// Port 80 is dropped.
pub const INPUT: &str = "table inet f { chain i { type filter hook input priority 0; tcp dport 80 drop
    tcp dport 81 meta mark 5 drop; ether saddr 02:00:00:00:00:07 drop; ct state established tcp dport 82 drop; tcp dport 80-90 accept } }";
