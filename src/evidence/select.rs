//! Which packets are of interest.

use super::dropmon::Dropped;
use super::packet::network;
use super::trace::{Journey, View};
use crate::filter::{Filter, Subject};
use crate::sys::nflog;

/// A filter and an interface, either of which may be missing.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only packets for which this is true.
    pub filter: Option<Filter>,
    /// Only packets that came in or go out by the device with this index, or by this bridge port.
    pub interface: Option<u32>,
}

impl Selection {
    /// Is a logged packet of interest?
    pub fn takes(&self, p: &nflog::Packet<'_>) -> bool {
        let by_interface = self.interface.is_none_or(|i| [p.iif, p.oif, p.physin, p.physout].contains(&Some(i)));
        by_interface
            && self.filter.as_ref().is_none_or(|f| f.matches(&Subject::new(network(p), p.payload)) == Some(true))
    }

    /// Is a dropped packet of interest? By which device it was to leave is not told.
    pub fn takes_dropped(&self, d: &Dropped) -> bool {
        let subject = Subject::new(d.network, &d.payload);
        self.interface.is_none_or(|i| d.iif == Some(i))
            && self.filter.as_ref().is_none_or(|f| f.matches(&subject) == Some(true))
    }

    /// Is a traced packet of interest? One that our own rule selected and whose headers a record does not hold is.
    pub fn takes_journey(&self, j: &Journey) -> bool {
        let by_interface = self.interface.is_none_or(|i| {
            j.steps.iter().filter_map(|s| View::of(&s.record)).any(|v| v.iif == Some(i) || v.oif == Some(i))
        });
        let by_filter = self.filter.as_ref().is_none_or(|f| match j.first_view() {
            Some(v) => f.matches(&v.subject()).unwrap_or(j.selected),
            None => j.selected,
        });
        by_interface && by_filter
    }
}
