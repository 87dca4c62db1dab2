//! Rules in the words of the tool that owns them.

pub mod iptables;
