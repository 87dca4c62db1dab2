//! nfblame: git blame for dropped packets.
#![forbid(unsafe_code)]
