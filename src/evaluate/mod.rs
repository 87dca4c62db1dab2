//! One packet through the ruleset, as the kernel would take it.
