//! Running the cases: a watch in each host's namespace, one packet at a time.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::blame::{Blame, EvidenceKind};
use crate::evidence::{StartError, Stop, TraceConfig};
use crate::sys::{Error, ns};
use crate::watch::{Options, Output, Watch};

use super::case::Case;
use super::firewall;
use super::lab::{Host, Lab};

/// How long a packet may take to be blamed.
const DEADLINE: Duration = Duration::from_secs(5);

/// What happens while the demo runs.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A host cannot be made here, and its cases are left out: why.
    Without(Host, &'a str),
    /// A case is over.
    Case(&'a Case, &'a Outcome),
}

/// How a case ended.
#[derive(Debug)]
pub struct Outcome {
    /// The blame; none if none came in time.
    pub blame: Option<Box<Blame>>,
    /// Is it the right one?
    pub right: bool,
    /// Why there is none.
    pub trouble: Option<String>,
}

/// The demo, set up.
#[derive(Debug)]
pub struct Demo {
    lab: Lab,
}

/// A watch on a thread of its own.
struct Watcher {
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Demo {
    /// Makes the network. Without the privilege to, makes a user namespace first: then the process must not have
    /// started any thread.
    ///
    /// # Errors
    /// When neither is allowed here.
    pub fn new() -> Result<Self, Error> {
        if !nix::unistd::geteuid().is_root() {
            ns::unshare_user()?;
        }
        Ok(Self { lab: Lab::new()? })
    }

    /// Runs all cases; how many were right, and how many there were.
    ///
    /// # Errors
    /// When a watch cannot be started although the firewall could be loaded.
    pub fn run(&self, told: &mut dyn FnMut(Progress<'_>)) -> Result<(usize, usize), StartError> {
        let (mut right, mut all) = (0, 0);
        for host in Host::ALL {
            if let Err(e) = self.lab.host(host).run(|| firewall::load(host))? {
                told(Progress::Without(host, &e.to_string()));
                continue;
            }
            let (blames_in, blames) = channel();
            let watchers = [
                // One that only listens to what rules log, and one that traces.
                self.watch(host, Options::default(), blames_in.clone())?,
                self.watch(
                    host,
                    Options {
                        groups: Some(Vec::new()),
                        trace: Some(TraceConfig { ephemeral: true, ..TraceConfig::default() }),
                        ..Options::default()
                    },
                    blames_in,
                )?,
            ];
            for case in Case::all().iter().filter(|c| c.host == host) {
                let outcome = self.case(case, &blames);
                all += 1;
                right += usize::from(outcome.right);
                told(Progress::Case(case, &outcome));
            }
            for w in watchers {
                w.stop.stop();
                let _ = w.thread.join();
            }
        }
        Ok((right, all))
    }

    fn case(&self, case: &Case, blames: &Receiver<Box<Blame>>) -> Outcome {
        let sent = self.lab.client.run(|| case.probe.send());
        let socket = match sent {
            Ok(Ok(socket)) => socket,
            Ok(Err(e)) => return failed(format!("the packet could not be sent: {e}")),
            Err(e) => return failed(e.to_string()),
        };
        let until = Instant::now() + DEADLINE;
        let outcome = loop {
            match blames.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(blame) if case.is_about(&blame) => {
                    break Outcome { right: case.is_right(&blame), blame: Some(blame), trouble: None };
                }
                Ok(_) => {}
                Err(_) => {
                    let kind = match case.evidence {
                        EvidenceKind::Nflog => "no log record",
                        _ => "no trace",
                    };
                    break failed(format!("{kind} of the packet came within {DEADLINE:?}"));
                }
            }
        };
        drop(socket);
        outcome
    }

    fn watch(&self, host: Host, options: Options, out: Sender<Box<Blame>>) -> Result<Watcher, StartError> {
        let (ready_in, ready) = channel();
        let ns = self.lab.host(host).try_clone()?;
        let thread = thread::Builder::new()
            .name(format!("watch {host:?}"))
            .spawn(move || {
                let started = ns.enter().map_err(StartError::from).and_then(|()| Watch::start(options));
                let watch = match started {
                    Ok(w) => w,
                    Err(e) => {
                        let _ = ready_in.send(Err(e));
                        return;
                    }
                };
                let host = match crate::host::KernelHost::open() {
                    Ok(h) => h,
                    Err(e) => {
                        let _ = ready_in.send(Err(e.into()));
                        return;
                    }
                };
                let _ = ready_in.send(Ok(watch.evidence().stopper()));
                watch.run(&host, &mut |o| {
                    if let Output::Blame(b, _) = o
                        && out.send(Box::new(b.clone())).is_err()
                    {
                        return ControlFlow::Break(());
                    }
                    ControlFlow::Continue(())
                });
            })
            .map_err(|e| Error::os("start", "a watch", e))?;
        match ready.recv() {
            Ok(Ok(stop)) => Ok(Watcher { stop, thread }),
            Ok(Err(e)) => Err(e),
            Err(_) => Err(Error::os("start", "a watch", std::io::Error::other("its thread died")).into()),
        }
    }
}

fn failed(trouble: String) -> Outcome {
    Outcome { blame: None, right: false, trouble: Some(trouble) }
}
