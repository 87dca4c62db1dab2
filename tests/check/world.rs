//! A client and a server, and what `nfblame` says about the server.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::{Command, Output, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::socket::{getsockopt, sockopt::SocketError};
use serde_json::Value;

use crate::common::lab::syn;
use crate::common::{Netns, until, veth};
use crate::record;

/// The client's address.
pub const CLIENT: &str = "192.0.2.2";
/// The server's address.
pub const SERVER: &str = "192.0.2.1";

/// Two hosts on one wire. The server is the one that is looked at.
pub struct World {
    pub client: Netns,
    pub server: Netns,
}

impl World {
    /// `eth0` of each in 192.0.2.0/24; no rules.
    pub fn new() -> Self {
        let (client, server) = (Netns::new(), Netns::new());
        veth(&client, "eth0", "192.0.2.2/24", &server, "eth0", "192.0.2.1/24");
        Self { client, server }
    }

    /// Runs a command line on the server.
    pub fn run(&self, line: &str) {
        sh(&self.server, line);
    }

    /// Can the client connect to a port of the server, on which somebody listens?
    pub fn reaches_server(&self, port: u16) -> bool {
        connects(&self.client, &self.server, SERVER, port)
    }

    /// Can the server connect to a port of the client, on which somebody listens?
    pub fn reaches_client(&self, port: u16) -> bool {
        connects(&self.server, &self.client, CLIENT, port)
    }
}

/// A client, a router, and a server behind it.
pub fn routed() -> [Netns; 3] {
    let all = [Netns::new(), Netns::new(), Netns::new()];
    veth(&all[0], "eth0", "192.0.2.2/24", &all[1], "eth0", "192.0.2.1/24");
    veth(&all[1], "eth1", "198.51.100.1/24", &all[2], "eth0", "198.51.100.2/24");
    all[0].route("0.0.0.0/0", "192.0.2.1");
    all[2].route("0.0.0.0/0", "198.51.100.1");
    all
}

/// Runs a shell command line in a namespace; it must succeed.
pub fn sh(ns: &Netns, line: &str) {
    ns.cmd("sh", &["-ec", line], "");
}

/// Listens on a port that somebody has listened on before: a program that another test starts then keeps that socket open until
/// it runs.
pub fn listen_again(ns: &Netns, address: &str) -> TcpListener {
    let mut listener = None;
    until("the port to be free", || {
        listener = ns.run(|| TcpListener::bind(address)).ok();
        listener.is_some()
    });
    listener.unwrap()
}

/// Can one host connect to a port of another, where this listens meanwhile?
pub fn connects(from: &Netns, to: &Netns, address: &str, port: u16) -> bool {
    let any = if address.contains(':') { "[::]" } else { "0.0.0.0" };
    let listener = to.run(|| TcpListener::bind(format!("{any}:{port}")));
    let _open = match listener {
        Ok(l) => Some(l),
        Err(e) if e.kind() == ErrorKind::AddrInUse => None, // the test listens there itself
        Err(e) => panic!("listen on {port}: {e}"),
    };
    let syn = syn(from, address, port);
    // Waited for in pieces, before the SYN is repeated: a machine that stands still for a while loses one of them.
    let mut fds = [PollFd::new(syn.as_fd(), PollFlags::POLLOUT)];
    let answered = (0..35).any(|_| poll(&mut fds, 20u8).unwrap() > 0);
    answered && getsockopt(&syn, SocketError).unwrap() == 0
}

/// What `nfblame ARGS` says about a namespace.
pub fn nfblame(ns: &Netns, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nfblame"))
        .args(args)
        .args(["--netns", &ns.path()])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// All findings.
pub fn check(ns: &Netns) -> Vec<Value> {
    let all = lines(&nfblame(ns, &["check", "-j"]));
    record::told(&all);
    all
}

/// The findings of one code.
pub fn found(ns: &Netns, code: &str) -> Vec<Value> {
    let mut all = check(ns);
    all.retain(|f| f["code"] == code);
    if all.is_empty() {
        record::spared(&ns.path(), code);
    }
    all
}

/// The answer of `nfblame why`.
pub fn why(ns: &Netns, packet: &str) -> Value {
    let mut args = vec!["why", "-j"];
    args.extend(packet.split(' '));
    lines(&nfblame(ns, &args)).remove(0)
}

/// Does an answer of `nfblame why` name this code?
pub fn says(why: &Value, code: &str) -> bool {
    let said = why["why"].as_array().is_some_and(|all| all.iter().any(|w| w["code"] == code));
    record::said(code, said);
    said
}

/// Runs the commands of the first fix on the host that was looked at.
pub fn apply(ns: &Netns, with_fix: &Value) {
    for c in with_fix["fix"][0]["commands"].as_array().expect("a fix") {
        sh(ns, c.as_str().unwrap());
    }
    record::applied(&ns.path(), with_fix);
}

/// The page of each code.
pub fn pages() -> BTreeMap<String, String> {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_nfblame")).args(args).output().unwrap();
    let page = |code: &str| String::from_utf8(run(&["check", "--code", code]).stdout).unwrap();
    let codes = lines(&run(&["check", "--codes", "-j"]));
    codes.iter().map(|c| c["code"].as_str().unwrap()).map(|c| (c.to_owned(), page(c))).collect()
}

/// JSON lines.
pub fn lines(out: &Output) -> Vec<Value> {
    let code = out.status.code();
    assert!(matches!(code, Some(0 | 1)), "exit {code:?}: {}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8(out.stdout.clone()).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}
