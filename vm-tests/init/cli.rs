//! Calling nfblame, and the programs of the host.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Beside us in a bundle, else where the runner puts it.
fn path() -> std::path::PathBuf {
    let beside = std::env::current_exe().map(|p| p.with_file_name("nfblame")).unwrap_or_default();
    if beside.exists() { beside } else { "/bin/nfblame".into() }
}

/// Where programs are.
pub const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// How long any call may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How long something that was seen may take to be told.
const SOON: Duration = Duration::from_secs(30);
/// So many lines of one watch go to the console: a serial line carries a few hundred of them in a second.
const SHOWN: usize = 200;
/// So many of the lines that were not looked for go into a failure.
const TOLD: usize = 20;

/// What a call came to.
#[derive(Debug)]
pub struct Said {
    /// The exit code; none after a signal.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Calls nfblame with these words.
pub fn nfblame(words: &[&str]) -> Result<Said, String> {
    call(&path().to_string_lossy(), words, "")
}

/// Calls a program, with this on its standard input.
pub fn call(program: &str, words: &[&str], input: &str) -> Result<Said, String> {
    call_within(program, words, input, LIMIT)
}

/// The same, for one that may take longer.
pub fn call_within(program: &str, words: &[&str], input: &str, limit: Duration) -> Result<Said, String> {
    let fail = |e: std::io::Error| format!("{program}: {e}");
    let mut child = Command::new(program)
        .args(words)
        .env("PATH", PATH)
        .env("NFBLAME_BIN", path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(fail)?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes());
    }
    let read = |from: Option<Box<dyn Read + Send>>| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = from.map(|mut f| f.read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let out = read(child.stdout.take().map(|s| Box::new(s) as _));
    let err = read(child.stderr.take().map(|s| Box::new(s) as _));
    let status = wait(&mut child, program, words, limit)?;
    let text = |t: thread::JoinHandle<String>| t.join().map_err(|_| "a thread died".to_owned());
    Ok(Said { code: status.code(), out: text(out)?, err: text(err)? })
}

fn wait(child: &mut Child, program: &str, words: &[&str], limit: Duration) -> Result<ExitStatus, String> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if begun.elapsed() > limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{program} {}: did not end within {limit:?}", words.join(" ")));
            }
            Ok(None) => thread::sleep(Duration::from_millis(20)),
            Err(e) => return Err(format!("{program}: {e}")),
        }
    }
}

/// What `nfblame doctor` says of everything.
pub fn doctor() -> Result<Value, String> {
    let said = nfblame(&["doctor", "-j"])?;
    serde_json::from_str(&said.out).map_err(|e| format!("{e}\n{}\n{}", said.out, said.err))
}

/// What it says of one feature.
pub fn feature(name: &str) -> Result<Value, String> {
    let report = doctor()?;
    let found = report["features"].as_array().and_then(|all| all.iter().find(|f| f["feature"] == name));
    found.cloned().ok_or_else(|| format!("doctor says nothing of {name}"))
}

/// Calls a program, which must succeed.
pub fn must(program: &str, words: &[&str], input: &str) -> Result<String, String> {
    let said = call(program, words, input)?;
    if said.code == Some(0) { Ok(said.out) } else { Err(format!("{program} {}: {said:?}", words.join(" "))) }
}

/// A running `nfblame watch -j`.
pub struct Watch {
    child: Child,
    lines: Receiver<Value>,
}

impl Watch {
    /// Starts it, and waits until it is ready.
    pub fn start(words: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(path())
            .args(["watch", "-j"])
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("nfblame: {e}"))?;
        let (tell, lines) = channel();
        let out = child.stdout.take();
        thread::spawn(move || {
            for (i, line) in out.into_iter().flat_map(|o| BufReader::new(o).lines()).map_while(Result::ok).enumerate() {
                if i < SHOWN {
                    println!("{line}");
                }
                let _ = serde_json::from_str(&line).map(|v| tell.send(v));
            }
        });
        let this = Self { child, lines };
        this.find("to be ready", |v| v["event"] == "ready")?;
        Ok(this)
    }

    /// The next line that is what is looked for.
    pub fn find(&self, what: &str, is: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let until = Instant::now() + SOON;
        let mut others = Vec::new();
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(v) if is(&v) => return Ok(v),
                Ok(v) => others.push(v),
                Err(e) => {
                    let last: Vec<_> = others.iter().rev().take(TOLD).map(Value::to_string).collect();
                    let said = others.len();
                    return Err(format!(
                        "waited for {what}: {e}; it said {said} lines, the last first:\n{}",
                        last.join("\n")
                    ));
                }
            }
        }
    }

    /// The blame of the next packet to that port.
    pub fn blame(&self, port: u16) -> Result<Value, String> {
        self.find(&format!("the blame of port {port}"), |v| {
            v["event"] == "blame" && v["packet"]["destination.port"] == port
        })
    }

    /// Ends it as Ctrl-C does; its summary.
    pub fn end(mut self) -> Result<Value, String> {
        self.signal(nix::sys::signal::Signal::SIGINT)?;
        let summary = self.find("the summary", |v| v["event"] == "summary");
        wait(&mut self.child, "nfblame", &["watch"], LIMIT)?;
        summary
    }

    /// Kills it.
    pub fn kill(mut self) -> Result<(), String> {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).map_err(|e| e.to_string())
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: nix::sys::signal::Signal) -> Result<(), String> {
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(pid, signal).map_err(|e| e.to_string())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
