//! A complaint.
use super::explainer::{Explained, Explainer};
use super::question::{Invalid, Question};

/// A packet is said to be lost.
///
/// # Errors
/// As [`Explainer::explain`].
pub fn complain(explainer: &Explainer<'_>, q: &Question) -> Result<Explained, Invalid> {
    explainer.answer(q, true)
}
