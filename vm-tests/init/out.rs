//! Telling what came out.

use std::fs::{File, OpenOptions};
use std::io::Write;

use nfblame_vm_tests::{Line, Outcome};

/// The second serial port.
const PORT: &str = "/dev/ttyS1";

/// Where results go.
pub struct Out {
    /// None: everything goes to standard output.
    port: Option<File>,
    step: String,
    /// So many tests failed.
    pub failed: usize,
}

impl Out {
    /// Opens the port, and keeps the terminal from changing what is written.
    pub fn open() -> Result<Self, String> {
        use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
        let fail = |e: nix::Error| format!("{PORT}: {e}");
        let port = OpenOptions::new().read(true).write(true).open(PORT).map_err(|e| format!("{PORT}: {e}"))?;
        let mut settings = tcgetattr(&port).map_err(fail)?;
        cfmakeraw(&mut settings);
        tcsetattr(&port, SetArg::TCSANOW, &settings).map_err(fail)?;
        Ok(Self { port: Some(port), step: String::new(), failed: 0 })
    }

    /// For a machine without a runner.
    pub fn stdout() -> Self {
        Self { port: None, step: String::new(), failed: 0 }
    }

    /// What comes from now on belongs to this.
    pub fn step(&mut self, name: &str) {
        name.clone_into(&mut self.step);
        println!("vm-init: {name}, at {} s", up());
    }

    /// Writes a line.
    pub fn line(&mut self, line: &Line) {
        let text = serde_json::to_string(line).unwrap_or_default();
        // A port that does not take it: the runner notices that the end is missing.
        if let Some(port) = &mut self.port {
            let _ = port.write_all(text.as_bytes()).and_then(|()| port.write_all(b"\n"));
        }
    }

    /// Writes text as it is.
    pub fn raw(&mut self, text: &[u8]) {
        if let Some(port) = &mut self.port {
            let _ = port.write_all(text);
        }
    }

    /// Tells how a test ended.
    pub fn test(&mut self, name: &str, outcome: Outcome, detail: impl Into<String>) {
        let detail: String = detail.into();
        self.failed += usize::from(outcome == Outcome::Failed);
        println!("vm-init: {} s: {} {name}: {outcome:?} {detail}", up(), self.step);
        self.line(&Line::Test { step: self.step.clone(), name: name.to_owned(), outcome, detail });
    }

    /// Tells how a test ended that fails with a reason.
    pub fn result(&mut self, name: &str, result: Result<(), String>) {
        match result {
            Ok(()) => self.test(name, Outcome::Passed, ""),
            Err(why) => self.test(name, Outcome::Failed, why),
        }
    }
}

/// Seconds since the machine was switched on.
fn up() -> String {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
