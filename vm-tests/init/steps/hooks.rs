//! What the kernel tells of its hooks: the order of equals, and what is in no ruleset. The packet's own way is the judge.

use std::net::{Ipv4Addr, UdpSocket};

use nfblame_sys::bpf::attach;
use nfblame_sys::dropmon::initial_namespace;
use nfblame_sys::uapi::netfilter::NFPROTO_IPV4;
use nfblame_vm_tests::Outcome;
use serde_json::Value;

use super::drops::holds;
use crate::cli::{Watch, call, feature, must, nfblame};
use crate::modules;
use crate::nets::Peer;
use crate::out::Out;

const MODULE: &str = "nfnetlink_hook";
/// As doctor calls it.
const FEATURE: &str = "hook order";
const NFT: &str = "/usr/sbin/nft";
const LEGACY: &str = "/usr/sbin/iptables-legacy";
const PORT: u16 = 3001;
/// `NF_INET_LOCAL_IN`.
const LOCAL_IN: u32 = 1;
/// Two tables that would each drop the packet.
const TABLES: [&str; 2] = ["one", "two"];

/// Runs it.
pub fn run(out: &mut Out) {
    let lab = match Lab::new("h0", 5) {
        Ok(lab) => lab,
        Err(e) => return out.test("prepare", Outcome::Failed, e),
    };
    // Ours, or the distribution's, may have loaded it.
    if !modules::loaded().contains(MODULE) {
        let doubt = lab.within(|| in_doubt(&lab));
        out.result("without the module the order is in doubt, and doctor says what would tell it", doubt);
    }
    let _ = call("/sbin/modprobe", &["-q", MODULE], "");
    if !feature(FEATURE).is_ok_and(|f| f["state"] == "works") {
        return out.test(
            "the rest",
            Outcome::Ignored,
            format!("this kernel has no {MODULE} (CONFIG_NETFILTER_NETLINK_HOOK, since 5.14)"),
        );
    }
    let in_order = |order: [&str; 2], wanted| {
        lab.within(|| {
            clean()?;
            order.iter().try_for_each(|t| add(t))?;
            lab.compare(wanted)
        })
    };
    out.result("the table that was added last comes first", in_order(TABLES, "two"));
    out.result("also the other way round", in_order(["two", "one"], "one"));
    out.result("a table that slept comes first when it wakes", lab.within(|| woken(&lab)));
    out.result("a legacy table that came later comes first", legacy("h1", 6, true));
    out.result("a legacy table that came earlier comes later", legacy("h2", 7, false));
    bpf(&lab, out);
}

/// Two namespaces, of which the second is the host: nothing is registered there yet.
struct Lab {
    device: String,
    host: Peer,
    /// Of its network 10.9.N.0/24.
    net: u8,
}

impl Lab {
    fn new(name: &str, net: u8) -> Result<Self, String> {
        let host = Peer::new(name, &[&format!("10.9.{net}.1/24")], &[&format!("10.9.{net}.2/24")])?;
        Ok(Self { device: format!("{name}p"), host, net })
    }

    fn within<T: Send>(&self, f: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
        self.host.run(f)
    }

    /// What would happen to the packet.
    fn explained(&self) -> Result<Value, String> {
        let (from, to) = (format!("10.9.{}.1:4242", self.net), format!("10.9.{}.2:{PORT}", self.net));
        let said = nfblame(&["explain", "-j", "udp", &from, &to, "-i", &self.device])?;
        serde_json::from_str(&said.out).map_err(|e| format!("{e}\n{}\n{}", said.out, said.err))
    }

    /// Which table the kernel says dropped the packet, and which one we say would.
    fn compare(&self, wanted: &str) -> Result<(), String> {
        let answer = self.explained()?;
        if answer["culprit"]["table_name"] != wanted || answer["confidence"] != "certain" {
            return Err(format!("explain: not certainly {wanted}: {answer}"));
        }
        let watch = Watch::start(&["--trace", "udp", "dst", "port", &PORT.to_string()])?;
        self.send()?;
        let blame = watch.blame(PORT)?;
        watch.end()?;
        if blame["culprit"]["table_name"] == wanted && blame["evidence"] == "trace" {
            return Ok(());
        }
        Err(format!("the trace: not {wanted}: {blame}"))
    }

    /// Sends the packet, from the first namespace.
    fn send(&self) -> Result<(), String> {
        let to = Ipv4Addr::from([10, 9, self.net, 2]);
        let sent = std::thread::spawn(move || {
            initial_namespace().and_then(|first| {
                first.run(move || UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?.send_to(b"x", (to, PORT)))
            })
        });
        let sent = sent.join().map_err(|_| "a thread died")?;
        sent.map_err(|e| e.to_string())?.map(drop).map_err(|e: std::io::Error| e.to_string())
    }
}

fn clean() -> Result<(), String> {
    must(NFT, &["flush", "ruleset"], "").map(drop)
}

fn add(table: &str) -> Result<(), String> {
    let rules = format!(
        "table inet {table} {{\n chain input {{\n  type filter hook input priority 0\n  udp dport {PORT} drop\n }}\n}}\n"
    );
    must(NFT, &["-f", "-"], &rules).map(drop)
}

fn in_doubt(lab: &Lab) -> Result<(), String> {
    TABLES.iter().try_for_each(|t| add(t))?;
    let (answer, feature) = (lab.explained()?, feature(FEATURE)?);
    clean()?;
    if answer["confidence"] == "certain" {
        return Err(format!("nothing tells the order, but: {answer}"));
    }
    let remedy = feature["remedy"].as_str().unwrap_or_default();
    if !remedy.contains(&format!("modprobe {MODULE}")) || !remedy.contains("5.14") {
        return Err(format!("doctor says: {feature}"));
    }
    if modules::loaded().contains(MODULE) { Err("it was loaded".into()) } else { Ok(()) }
}

/// The handles of the tables say the contrary of the kernel's order.
fn woken(lab: &Lab) -> Result<(), String> {
    clean()?;
    TABLES.iter().try_for_each(|t| add(t))?;
    must(NFT, &["-f", "-"], "add table inet one { flags dormant; }\n")?;
    must(NFT, &["-f", "-"], "add table inet one { }\n")?;
    lab.compare("one")
}

/// A legacy table registers its hooks when it comes to be, which it does once in a namespace.
fn legacy(name: &str, net: u8, last: bool) -> Result<(), String> {
    let lab = Lab::new(name, net)?;
    lab.within(|| {
        let rule = ["-A", "INPUT", "-p", "udp", "--dport", &PORT.to_string(), "-j", "DROP"];
        if last {
            add("one")?;
            must(LEGACY, &rule, "")?;
        } else {
            must(LEGACY, &rule, "")?;
            add("one")?;
        }
        lab.compare(if last { "filter" } else { "one" })
    })
}

/// Nothing else can have dropped it.
fn blamed(lab: &Lab) -> Result<(), String> {
    let watch = lab.within(|| Watch::start(&[]))?;
    lab.send()?;
    let blame = watch.blame(PORT)?;
    watch.end()?;
    holds(&blame, &[("/culprit/kind", "\"bpf\""), ("/evidence", "\"drop-monitor\"")])
}

fn bpf(lab: &Lab, out: &mut Out) {
    const NAME: &str = "BPF program ";
    let attached = lab.within(|| {
        clean()?;
        attach::to_netfilter(NFPROTO_IPV4, LOCAL_IN, -7, 0).map_err(|e| e.to_string())
    });
    let link = match attached {
        Ok(link) => link,
        Err(e) => return out.test("a BPF program at a hook", Outcome::Ignored, format!("it cannot be attached: {e}")),
    };
    let told = lab.within(|| {
        let listed = nfblame(&["list", "-j"])?.out;
        let answer = lab.explained()?;
        if !listed.contains(NAME) {
            return Err(format!("list does not show it: {listed}"));
        }
        if answer["confidence"] == "certain" || !answer.to_string().contains(NAME) {
            return Err(format!("explain does not reckon with it: {answer}"));
        }
        Ok(())
    });
    out.result("a BPF program at a hook is listed, and makes answers uncertain", told);
    out.result("what it drops is blamed on it, by the drop monitor", blamed(lab));
    drop(link);
    let gone = lab.within(|| lab.explained());
    let gone = gone.and_then(|a| if a.to_string().contains(NAME) { Err(format!("it has gone: {a}")) } else { Ok(()) });
    out.result("and not when it has gone", gone);
}
