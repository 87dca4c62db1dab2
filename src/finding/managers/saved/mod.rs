//! Files from which rules are loaded at boot, and what of them is not in the kernel. Only what is certain is read of them: of
//! what cannot be understood it is said that it was not compared.

pub(super) mod compiled;
pub(super) mod firewalld;
pub(super) mod nftables;
pub(super) mod settings;
pub(super) mod ufw;

/// How a file compares with the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Saved {
    /// They are not the same.
    Differs {
        /// The file.
        path: String,
        /// What is different, a line each.
        how: Vec<String>,
        /// How to keep what is now, and how to go back.
        advice: String,
    },
    /// Nobody knows: nothing can be said of what this file would load.
    NotCompared {
        /// The file.
        path: String,
        /// Why, as a clause.
        why: &'static str,
        /// What tells more.
        advice: &'static str,
    },
}
