//! nf_tables: tables, chains, rules and their expressions, sets, objects, trace records.
//!
//! What the kernel holds, decoded from borrowed attributes ([`Attrs`](crate::netlink::Attrs)) into owned meaning.
//! Numbers and names come from `include/uapi/linux/netfilter/nf_tables.h`.
//!
//! # What is not known
//! * An **expression** that was not understood to its last attribute is [`Expr::Unknown`]: it carries the raw
//!   attributes, and what could be read as `known`. So every other variant of [`Expr`] is the whole truth, and a
//!   reader that handles `Unknown` cannot mistake a newer, longer expression for a plain one.
//! * An **enum** keeps a number it does not know (`MetaKey::Unknown(93)`), a flag word keeps its unknown bits.
//! * Any other **object** ([`Table`], [`Chain`], [`Rule`], [`Set`], [`Element`], [`Object`], [`Flowtable`],
//!   [`Trace`]) keeps the attributes that were not understood, or were malformed, in its `unread` list. It is empty
//!   when everything was read.

pub mod chain;
pub mod data;
pub mod dump;
pub mod element;
pub mod expr;
pub mod family;
mod fields;
pub mod flowtable;
pub mod generation;
pub mod monitor;
pub mod object;
mod present;
pub mod rule;
pub mod set;
pub mod table;
pub mod trace;
pub mod userdata;
pub mod write;

pub use chain::{BaseChain, Chain, ChainFlags, ChainKind, Device};
pub use data::{Data, Reg, Value, Verdict};
pub use dump::{Dumper, RulesOf};
pub use element::{Element, ElementExtra, ElementFlags, Elements};
pub use expr::Expr;
pub use family::{Family, Hook};
pub use fields::RawAttr;
pub(crate) use fields::{AttrExt, Required, read_all};
pub use flowtable::{Flowtable, FlowtableFlags};
pub use generation::Generation;
pub use monitor::{Change, Event, Monitor, Notification};
pub use object::{Object, ObjectData, ObjectKind};
pub use present::is_present;
pub use rule::{Compat, CompatFlags, Rule};
pub use set::{Set, SetFlags, SetPolicy};
pub use table::{Table, TableFlags};
pub use trace::{Trace, TraceKind};
pub use userdata::Userdata;
pub use write::{Batch, Place, Refused};
