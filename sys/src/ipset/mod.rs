//! ipset contents.
