//! What the runner on the host and the first process of the machine say to each other: one JSON object a line on the
//! machine's second serial port, which the runner keeps in a file.

use serde::{Deserialize, Serialize};

/// The last line on the console of a machine that came to its end.
pub const SENTINEL: &str = "vm-init: the end";
/// The first line on the console: the kernel and the first process run.
pub const STARTED: &str = "vm-init: started";
/// On the kernel's command line: do nothing but start and end.
pub const PROBE: &str = "nfblame.probe";
/// Where the lists of what to do are, in the machine.
pub const PLAN: &str = "/etc/vm-plan.json";

/// What is tested before any module is loaded, in this order: what is loaded cannot be unloaded again.
pub const BARE_STEPS: [&str; 3] = ["bare kernel", "nothing loaded", "one thing missing"];
/// What is tested with the modules loaded.
pub const LOADED_STEPS: [&str; 7] =
    ["drop monitor", "drops elsewhere", "hook order", "limits", "old revisions", "demo", "features"];

/// What a test program of the repository is called among the steps.
pub fn suite_step(name: &str) -> String {
    format!("suite {name}")
}

/// Where scenarios are, in the machine.
pub const SCENARIOS: &str = "/scenarios";

/// What the machine shall do.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Modules that are loaded before the tests.
    pub modules: Vec<String>,
    /// Where test programs look for nfblame: where it was built.
    pub built_at: String,
    /// Test programs of the repository, with their arguments.
    pub suites: Vec<Suite>,
    /// Are there scenarios to run?
    pub scenarios: bool,
    /// Only steps whose name holds one of these; none: all.
    pub only: Vec<String>,
    /// A program to run instead of all, for trying things out.
    pub run: Option<String>,
}

/// A test program.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Where it is in the machine.
    pub path: String,
    /// What it is told.
    pub args: Vec<String>,
}

/// A line of the result file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    /// The machine runs.
    Started {
        /// `uname -r`.
        kernel: String,
    },
    /// One test.
    Test {
        /// What it belongs to.
        step: String,
        /// Its name.
        name: String,
        /// How it ended.
        outcome: Outcome,
        /// Why, where it did not pass.
        detail: String,
    },
    /// What works on this kernel.
    Feature {
        /// Which.
        name: String,
        /// Does it?
        works: bool,
        /// Why not.
        reason: String,
    },
    /// All was done.
    End,
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should.
    Failed,
    /// It could not run here.
    Ignored,
}
