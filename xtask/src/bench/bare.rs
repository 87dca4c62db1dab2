//! The same dump with the bytes thrown away.

use super::Plan;
use super::contest::Contestant;

/// `bare_dump` for a kind of dump.
pub fn contestant(plan: &Plan, what: &str) -> Contestant {
    Contestant::new(format!("bare dump ({what})"), &plan.programs.bare, &[what])
}
