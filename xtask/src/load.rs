//! Network namespaces of our own, and what other programs put into them.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use nfblame_sys::ns::{NetNs, unshare_net};

/// A new network namespace, which lives as long as the value.
pub fn namespace() -> Result<NetNs, String> {
    thread::spawn(unshare_net).join().map_err(|_| "the thread of a new namespace died")?.map_err(|e| e.to_string())
}

/// Runs a program in a namespace, which must succeed.
pub fn run(ns: &NetNs, program: &str, args: &[&str], stdin: &str) -> Result<(), String> {
    let inside = || -> std::io::Result<_> {
        let mut child = Command::new(program).args(args).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(stdin.as_bytes())?;
        }
        child.wait()
    };
    match ns.run(inside).map_err(|e| e.to_string())? {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} {}: {status}", args.join(" "))),
        Err(e) => Err(format!("{program}: {e}")),
    }
}
