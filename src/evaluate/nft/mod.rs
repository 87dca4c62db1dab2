//! nf_tables as the kernel runs it: the register machine, its expressions, sets, and the walk through a base chain.

pub mod chain;
pub mod changes;
mod describe;
pub mod expr;
pub mod info;
pub mod machine;
pub mod paths;
pub mod registers;
pub mod sets;

pub use chain::run;
pub use changes::SetChanges;
pub use info::PacketInfo;
pub use machine::{Machine, Step};
pub use paths::{Path, call_stacks};
pub use registers::{Registers, Unknown};
