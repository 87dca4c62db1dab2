//! `nfblame demo`: the main job on a network of its own, with nothing installed and nothing of the host touched.

pub mod lab;
pub mod traffic;

pub use lab::{Host, Lab};
pub use traffic::Probe;
