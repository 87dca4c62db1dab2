//! Booting.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nfblame_vm_tests::{PROBE, SENTINEL, STARTED};

/// A machine that says nothing for so long hangs.
const SILENCE: Duration = Duration::from_secs(120);
/// No machine runs longer.
pub const LIMIT: Duration = Duration::from_secs(600);
/// Not even with all test programs of the repository, or with scenarios, which somebody asked for.
pub const LIMIT_WHEN_ASKED: Duration = Duration::from_secs(3600);
/// What a machine is given, of which it uses about a half.
pub const MEMORY_MIB: usize = 1024;
/// On the kernel's command line. A panic ends the machine at once. On a busy host, emulated timers come so late that the kernel
/// would take them for broken ones. The emulator translates a program again wherever else it lies in memory.
const WORDS: &str = "console=ttyS0 quiet loglevel=4 panic=-1 oops=panic no_timer_check norandmaps";
/// With working virtualisation, the kernel starts the first process well within this.
const PROBE_LIMIT: Duration = Duration::from_secs(8);

/// How the processor is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accelerator {
    /// The host's own.
    Kvm,
    /// Emulated.
    Tcg,
}

/// What to boot.
pub struct Machine {
    /// The kernel.
    pub image: PathBuf,
    /// The archive.
    pub initramfs: fs::File,
    /// Where its console and its results go.
    pub dir: PathBuf,
    /// How many processors it has.
    pub processors: usize,
}

/// How a machine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It switched itself off after its last line.
    Orderly,
    /// It did not: what is known.
    Broken(String),
}

impl Machine {
    /// What it printed.
    pub fn console(&self) -> PathBuf {
        self.dir.join("console.log")
    }

    /// Its result file.
    pub fn results(&self) -> PathBuf {
        self.dir.join("results.jsonl")
    }

    /// Boots it, and waits for its end.
    pub fn run(&self, accelerator: Accelerator, limit: Duration) -> End {
        self.boot(accelerator, "", SILENCE, limit)
    }

    fn boot(&self, accelerator: Accelerator, words: &str, silence: Duration, limit: Duration) -> End {
        for file in [self.console(), self.results()] {
            if let Err(e) = fs::write(&file, "") {
                return End::Broken(format!("{}: {e}", file.display()));
            }
        }
        let mut qemu = match self.start(accelerator, words) {
            Ok(child) => child,
            Err(e) => return End::Broken(format!("start qemu: {e}")),
        };
        let begun = Instant::now();
        let mut heard = (0, Instant::now());
        let ended = loop {
            match qemu.try_wait() {
                Ok(Some(status)) => break Ok(status.to_string()),
                Ok(None) => {}
                Err(e) => break Err(format!("wait for qemu: {e}")),
            }
            let said = size(&self.console()) + size(&self.results());
            if said != heard.0 {
                heard = (said, Instant::now());
            }
            if heard.1.elapsed() > silence {
                break Err(format!("it hangs: nothing heard for {silence:?}"));
            }
            if begun.elapsed() > limit {
                break Err(format!("it did not end within {limit:?}"));
            }
            thread::sleep(Duration::from_millis(50));
        };
        if ended.is_err() {
            let _ = qemu.kill();
            let _ = qemu.wait();
        }
        let console = fs::read(self.console()).unwrap_or_default();
        let said = fs::read_to_string(self.dir.join("qemu.log")).unwrap_or_default();
        judge(ended, &String::from_utf8_lossy(&console), said.trim())
    }

    fn start(&self, accelerator: Accelerator, words: &str) -> std::io::Result<Child> {
        let how: &[&str] = match accelerator {
            Accelerator::Kvm => &["-enable-kvm", "-cpu", "host"],
            Accelerator::Tcg => &["-accel", "tcg,thread=multi", "-cpu", "max"],
        };
        let serial = |path: &Path| format!("file:{}", path.display());
        // It goes when we go, whatever ends us.
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "qemu-system-x86_64"])
            .args(how)
            .args(["-m", &MEMORY_MIB.to_string()])
            .args(["-M", "q35", "-smp", &self.processors.to_string(), "-nodefaults", "-no-user-config"])
            .args(["-display", "none", "-no-reboot"])
            .arg("-kernel")
            .arg(&self.image)
            .arg("-initrd")
            .arg(format!("/proc/{}/fd/{}", std::process::id(), self.initramfs.as_raw_fd()))
            .args(["-append", &format!("{WORDS} {words}")])
            .args(["-serial", &serial(&self.console()), "-serial", &serial(&self.results())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.dir.join("qemu.log"))?)
            .spawn()
    }
}

/// How it ended: what is known of the program, what the console shows, and what the program said. The exit status says
/// little: a panic leaves with 0. The last line says all.
fn judge(ended: Result<String, String>, console: &str, said: &str) -> End {
    let trouble = ["Kernel panic", "BUG: ", "Oops: ", "general protection fault"];
    match (ended, console.lines().find(|l| trouble.iter().any(|t| l.contains(t)))) {
        (_, Some(line)) => End::Broken(line.trim().to_owned()),
        (Err(e), None) => End::Broken(e),
        (Ok(_), None) if console.lines().any(|l| l.trim() == SENTINEL) => End::Orderly,
        (Ok(status), None) => End::Broken(format!("it ended without its last line ({status}) {said}")),
    }
}

/// The host's own processor, where a machine that does nothing proves that it works.
pub fn accelerator(machine: &Machine) -> Accelerator {
    if fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return Accelerator::Tcg;
    }
    let _ = machine.boot(Accelerator::Kvm, PROBE, PROBE_LIMIT, PROBE_LIMIT);
    let works = fs::read(machine.console()).is_ok_and(|c| String::from_utf8_lossy(&c).contains(STARTED));
    if works { Accelerator::Kvm } else { Accelerator::Tcg }
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |m| m.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_that_said_its_last_line_and_no_trouble_came_to_its_end() {
        let zero = || Ok("exit status: 0".to_owned());
        let last = format!("started\r\n{SENTINEL}\r\n");
        assert_eq!(judge(zero(), &last, ""), End::Orderly);
        for (ended, console, word) in [
            (zero(), "started\n", "without its last line"),
            (zero(), "started\nvm-init: the en", "without its last line"),
            (zero(), &format!("[ 1.0] Kernel panic - not syncing: x\n{last}"), "Kernel panic"),
            (zero(), &format!("{last}[ 9.0] BUG: unable to handle\n"), "BUG"),
            (Err("it hangs".to_owned()), last.as_str(), "it hangs"),
        ] {
            let end = judge(ended, console, "");
            assert!(matches!(&end, End::Broken(why) if why.contains(word)), "{console:?}: {end:?}");
        }
    }
}
