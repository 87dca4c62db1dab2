//! Attribution: evidence, ruleset and host state joined into one answer.
