//! The capabilities that this process holds.

use caps::{CapSet, Capability};

use super::feature::Feature;

/// One feature for each capability that matters. Whether it counts in the namespace at hand, whose user namespace may
/// be another, only the other features show.
pub fn all() -> Vec<Feature> {
    vec![
        held(
            Feature::new("CAP_NET_ADMIN", "reading rulesets, NFLOG, tracing"),
            Capability::CAP_NET_ADMIN,
            "run as root, or: setcap cap_net_admin+ep on the program",
        ),
        held(
            Feature::new("CAP_SYS_ADMIN", "--netns, and the demo's own namespaces").optional(),
            Capability::CAP_SYS_ADMIN,
            "run as root",
        ),
        held(
            Feature::new("CAP_SYS_PTRACE", "naming the program that holds an NFLOG group").optional(),
            Capability::CAP_SYS_PTRACE,
            "run as root",
        ),
    ]
}

fn held(feature: Feature, capability: Capability, remedy: &str) -> Feature {
    match caps::has_cap(None, CapSet::Effective, capability) {
        Ok(true) => feature,
        Ok(false) => feature.no(format!("{capability} is not in this process's effective set"), remedy),
        Err(e) => feature.unknown(e.to_string(), remedy),
    }
}
