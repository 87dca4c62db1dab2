//! Native Linux netfilter wire formats.
//!
//! This crate speaks to the kernel and says what the kernel said; it never judges what a drop means. From the
//! bottom up:
//!
//! * [`netlink`]: sockets, the attribute codec, dumps that notice when they were torn, extended acks.
//! * [`uapi`]: the numbers of the kernel's headers, each under its own name.
//! * [`nft`]: tables, chains, rules, sets, objects and trace records of nf_tables.
//! * [`xt`]: legacy ip/ip6/arp tables through their socket options, and the match and target payloads that
//!   nft_compat shares with them.
//! * [`hook`]: what is registered at netfilter's hooks, in order.
//! * [`nflog`], [`ct`], [`ipset`]: packet logs, connection tracking and sets.
//! * [`dropmon`]: packets that the kernel freed, and where.
//! * [`rt`], [`diag`], [`genl`]: links, addresses, routes, neighbours, sockets, and families of generic netlink.
//! * [`ns`]: network namespaces; [`tun`]: devices whose cable ends in this process; [`tap`]: what devices carry.
//!
//! Two rules hold everywhere. What is unknown is a value: an attribute, expression or revision that this crate
//! does not know is kept raw and marked, never an error that hides the rest. And strings that came out of the
//! kernel are [`Text`], which escapes itself when it is displayed.
//!
//! The only `unsafe` of the whole project is in this crate, in the few modules that say so.

mod wire_enum;

pub mod bpf;
pub mod ct;
pub mod diag;
pub mod dropmon;
pub mod error;
pub mod genl;
pub mod hook;
pub mod ipset;
pub mod modules;
pub mod netlink;
pub mod nflog;
pub mod nft;
pub mod ns;
pub mod rt;
pub mod tap;
pub mod text;
pub mod tun;
pub mod uapi;
pub mod xt;

pub use error::{Error, Result};
pub use text::{Text, TextRef};
