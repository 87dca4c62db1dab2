//! Files from which rules are loaded at boot, and what of them is not in the kernel. Only what is certain is read of them: of
//! what cannot be understood nothing is said.

pub(super) mod firewalld;
pub(super) mod nftables;
pub(super) mod settings;
pub(super) mod ufw;

/// What differs between a file and the kernel: each difference in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Differs {
    /// The file.
    pub path: String,
    /// What is different, a line each.
    pub how: Vec<String>,
    /// How to keep what is now, and how to go back.
    pub advice: String,
}
