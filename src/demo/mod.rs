//! `nfblame demo`: the main job on a network of its own, with nothing installed and nothing of the host touched.

pub mod case;
mod firewall;
pub mod lab;
mod run;
pub mod traffic;

pub use case::{Case, Expected};
pub use lab::{Host, Lab};
pub use run::{Demo, Outcome, Progress};
pub use traffic::Probe;
