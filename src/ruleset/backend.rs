//! Which of the three kinds of ruleset a rule belongs to.

use serde::Serialize;

/// Where a rule lives in the kernel, and whose words describe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// nf_tables, in nft's own terms.
    Nft,
    /// nf_tables, put there by iptables-nft and its kin: shown as iptables shows it.
    NftCompat,
    /// The legacy tables.
    Xtables,
}

impl Backend {
    /// What people call it: which tool's words are the ones for it.
    pub fn tool(self, family: &str) -> &'static str {
        match (self, family) {
            (Self::Nft, _) => "nft",
            (Self::NftCompat, "arp") => "arptables-nft",
            (Self::NftCompat, "bridge") => "ebtables-nft",
            (Self::NftCompat, _) => "iptables-nft",
            (Self::Xtables, _) => "legacy",
        }
    }

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nft => "nft",
            Self::NftCompat => "nft-compat",
            Self::Xtables => "xtables",
        }
    }
}
