//! What rules match, as sets of packets: which packets are left for a rule by those before it?
//!
//! A packet is a point, each of its properties ([`axis::What`]) an axis; what a rule matches is a few boxes ([`Region`]), each with ranges on
//! some axes. Properties that depend on each other are taken for independent, and a match that is not understood is an axis of its own or
//! makes its rule *inexact*: it then covers nothing, and is covered as if it matched everything. So what is said to be covered is covered.

mod axis;
mod chain;
mod cover;
mod jump;
mod nft;
mod ranges;
mod region;
mod shape;
#[cfg(test)]
mod tests;
mod ways;
mod xt;

pub use axis::{Axes, Axis, What};
pub use chain::{Analysed, Chains, Dead};
pub use cover::{Index, Verdict};
pub use ranges::Ranges;
pub use region::Region;
pub use shape::{Ends, Shape};
pub use ways::{Way, Ways};
