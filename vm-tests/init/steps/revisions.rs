//! A legacy rule whose matches have older forms than today's iptables writes: kernels still take them, from programs that are
//! as old.

use std::net::Ipv4Addr;

use nfblame_sys::xt::{Draft, DraftRule, DraftTarget, Extension, Family, Legacy, Verdict};
use nfblame_vm_tests::Outcome;
use serde_json::Value;

use super::drops::holds;
use crate::cli::nfblame;
use crate::nets::Peer;
use crate::out::Out;
use crate::send::Datagram;

const FILTER: &[u8] = b"filter";
const PORT: u16 = 3101;

/// Runs it.
pub fn run(out: &mut Out) {
    match Peer::new("r0", &["10.9.9.1/24"], &["10.9.9.2/24"]) {
        Ok(host) => {
            let fail = |e: nfblame_sys::Error| e.to_string();
            match host.run(|| Legacy::open(Family::Ip).and_then(|l| l.instantiate(FILTER)).map_err(fail)) {
                Ok(_) => out.result("a rule of older matches is read, understood, and blamed", older(&host)),
                Err(e) => out.test("all", Outcome::Ignored, format!("no legacy tables: {e}")),
            }
        }
        Err(e) => out.test("prepare", Outcome::Failed, e),
    }
}

/// `struct xt_addrtype_info`, before revision 1: to an address of this host.
fn addrtype() -> Extension {
    let mut data = vec![0u8; 12];
    data[2..4].copy_from_slice(&(1u16 << 2).to_ne_bytes());
    Extension::new("addrtype", 0, data)
}

/// `struct xt_conntrack_mtinfo1`, whose masks of states have eight bits: a new connection.
fn conntrack() -> Extension {
    let mut data = vec![0u8; 152];
    data[146..148].copy_from_slice(&1u16.to_ne_bytes());
    data[150] = 1 << 3;
    Extension::new("conntrack", 1, data)
}

fn older(host: &Peer) -> Result<(), String> {
    host.run(|| {
        let fail = |e: nfblame_sys::Error| e.to_string();
        let legacy = Legacy::open(Family::Ip).map_err(fail)?;
        let mut draft = Draft::new(Family::Ip, &legacy.instantiate(FILTER).map_err(fail)?);
        let mut rule = DraftRule::new(Family::Ip, DraftTarget::Verdict(Verdict::Drop));
        rule.matches = vec![addrtype(), conntrack()];
        draft.chain("INPUT").rules.push(rule);
        legacy.replace(&draft.build().map_err(|e| e.to_string())?).map_err(fail)
    })?;
    // From the first namespace.
    let to = Ipv4Addr::new(10, 9, 9, 2);
    Datagram::to(to.into(), PORT).send()?;
    host.run(|| {
        let listed = nfblame(&["list", "--as", "iptables-save", "-c"]).map(|s| s.out)?;
        let rule = "-A INPUT -m addrtype --dst-type LOCAL -m conntrack --ctstate NEW -j DROP";
        if !listed.contains(&format!("[1:29] {rule}")) {
            return Err(format!("it did not match once, or is not shown as `{rule}`:\n{listed}"));
        }
        let said = nfblame(&["explain", "-j", "udp", "10.9.9.1:4242", &format!("{to}:{PORT}"), "-i", "r0p"])?;
        let answer: Value = serde_json::from_str(&said.out).map_err(|e| format!("{e}: {said:?}"))?;
        holds(
            &answer,
            &[("/culprit/chain_name", "\"INPUT\""), ("/culprit/rule_position", "1"), ("/confidence", "\"certain\"")],
        )
    })
}
