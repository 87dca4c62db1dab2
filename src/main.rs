//! nfblame
fn main() {}
