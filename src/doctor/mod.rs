//! What this kernel and these privileges allow, feature by feature, with the reason and the remedy for each "no".
//!
//! Looking changes nothing and loads no module: where a question would load one, the lists of modules are read
//! instead of asking, and where only doing a thing proves that it can be done, it is done in a way that leaves nothing (a
//! batch that is checked and not committed, a group that nobody logs to).

mod feature;
mod host;
mod log;
mod privilege;
mod rules;
mod trace;

use std::fs;

use serde::Serialize;

pub use feature::{Feature, State};

use crate::evaluate::log_rules::LogRules;
use crate::ruleset::Ruleset;
use crate::sys::ns;

/// All that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version of this JSON's shape.
    pub schema: u32,
    /// The kernel's release, as `uname -r` prints it.
    pub kernel: String,
    /// The network namespace that was looked at, as `/proc/self/ns/net` shows it.
    pub netns: Option<String>,
    /// The effective user.
    pub uid: u32,
    /// Does everything work that nfblame needs?
    pub healthy: bool,
    /// The features, in the order in which packets and their blames meet them.
    pub features: Vec<Feature>,
}

impl Report {
    /// Looks at the calling thread's network namespace.
    pub fn new() -> Self {
        // Without privilege there is nothing to read, which the features will say.
        let rules = Ruleset::read().ok();
        let groups = rules.as_ref().map(|r| LogRules::new(r).groups()).unwrap_or_default();
        let features: Vec<Feature> =
            [privilege::all(), rules::all(), log::all(&groups), trace::all(rules.as_ref()), host::all()]
                .into_iter()
                .flatten()
                .collect();
        Self {
            schema: crate::blame::SCHEMA,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim_end().to_owned(),
            netns: ns::current_id().ok().map(|id| id.to_string()),
            uid: nix::unistd::geteuid().as_raw(),
            healthy: features.iter().all(|f| !f.needed || f.state == State::Works),
            features,
        }
    }
}

impl Default for Report {
    fn default() -> Self {
        Self::new()
    }
}
