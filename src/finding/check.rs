//! All checks.

use super::code::{Code, codes};
use super::report::Finding;
use super::view::View;

/// Everything that is found, the worst first.
pub fn all(view: &View<'_>) -> Vec<Finding> {
    check(view, |_| true)
}

/// What the checks of the wanted codes find, the worst first.
pub fn check(view: &View<'_>, wanted: impl Fn(&Code) -> bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for code in codes().into_iter().filter(|c| wanted(c)) {
        (code.check)(view, &mut found);
    }
    // Rules may be missing, doubled or out of order.
    if view.rules.problems.iter().any(|p| p.torn) {
        found = found.into_iter().map(|f| f.possible("the rules changed while they were read")).collect();
    }
    found.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.code));
    found
}
