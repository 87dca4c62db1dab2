//! The names in our table, which its trace records bring back.

use super::journey::Edge;
use crate::evaluate::hook::Hook;

/// Every table of ours begins so; the process id follows, since two of us may be at work.
const TABLE: &str = "nfblame-";

/// The name of the table of a process; a number tells several of one process apart.
pub(super) fn table(pid: u32, count: u32) -> String {
    if count == 0 { format!("{TABLE}{pid}") } else { format!("{TABLE}{pid}-{count}") }
}

/// Is that table one of ours, or of another process of this program?
pub fn is_ours(table: &[u8]) -> bool {
    let digits = |b: &[u8]| !b.is_empty() && b.iter().all(u8::is_ascii_digit);
    table.strip_prefix(TABLE.as_bytes()).is_some_and(|rest| rest.splitn(2, |b| *b == b'-').all(digits))
}

/// The chain at that edge of a hook.
pub(super) fn edge_chain(hook: Hook, edge: Edge) -> String {
    match edge {
        Edge::Enters => format!("enter-{}", hook.name()),
        Edge::Leaves => format!("leave-{}", hook.name()),
    }
}

/// The base chain at the ingress of a device.
pub(super) fn ingress_chain(index: u32) -> String {
    format!("enter-ingress-{index}")
}

/// The chain that switches tracing on, at that hook.
pub(super) fn mark_chain(hook: Hook) -> String {
    format!("mark-{}", hook.name())
}

/// What a record from a chain of ours tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) hook: Hook,
    pub(super) edge: Edge,
    /// Our rule has just selected the packet.
    pub(super) selected: bool,
}

/// Reads the name of a chain of ours.
pub(super) fn mark(chain: &[u8]) -> Option<Mark> {
    let name = std::str::from_utf8(chain).ok()?;
    let (what, hook) = name.split_once('-')?;
    let hook = Hook::from_name(hook.split_once('-').map_or(hook, |(h, _)| h))?;
    match what {
        "enter" => Some(Mark { hook, edge: Edge::Enters, selected: false }),
        "mark" => Some(Mark { hook, edge: Edge::Enters, selected: true }),
        "leave" => Some(Mark { hook, edge: Edge::Leaves, selected: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for hook in [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting] {
            for edge in [Edge::Enters, Edge::Leaves] {
                assert_eq!(mark(edge_chain(hook, edge).as_bytes()), Some(Mark { hook, edge, selected: false }));
            }
            assert_eq!(mark(mark_chain(hook).as_bytes()).map(|m| (m.hook, m.selected)), Some((hook, true)));
        }
        let ingress = mark(ingress_chain(7).as_bytes());
        assert_eq!(ingress, Some(Mark { hook: Hook::Ingress, edge: Edge::Enters, selected: false }));
        assert!(is_ours(table(12, 0).as_bytes()) && is_ours(table(12, 3).as_bytes()));
        assert!(is_ours(b"nfblame-12") && !is_ours(b"nfblame-") && !is_ours(b"nfblame-x") && !is_ours(b"filter"));
    }
}
