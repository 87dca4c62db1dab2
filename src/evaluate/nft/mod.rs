//! nf_tables as the kernel runs it: the register machine, its expressions, sets, and the walk through a base chain.

pub mod chain;
mod conditions;
mod describe;
pub mod expr;
pub mod file;
pub mod info;
pub mod machine;
mod members;
pub mod memory;
pub mod paths;
pub mod registers;
pub mod sets;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "test code")]
pub(crate) mod testing;

pub use chain::{run, run_known};
pub use conditions::conditions;
pub use file::FiledTable;
pub use info::PacketInfo;
pub use machine::{Machine, Step};
pub use memory::Memory;
pub use paths::{Path, call_stacks};
pub use registers::{Registers, Unknown};
