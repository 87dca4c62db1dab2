//! Names that are not in the ruleset itself.

mod system;

use nfblame_sys::Text;

pub use system::System;

/// Where nft looks up what the ruleset holds as numbers. Each answers `None` if it cannot be told: the number is shown.
pub trait Names: Sync {
    /// The device of that index.
    fn interface(&self, _index: u32) -> Option<Text> {
        None
    }

    /// A transport protocol (`/etc/protocols`).
    fn protocol(&self, _number: u8) -> Option<&str> {
        None
    }

    /// A packet mark (`/etc/iproute2/rt_marks`).
    fn mark(&self, _mark: u32) -> Option<&str> {
        None
    }

    /// A group of devices (`/etc/iproute2/group`).
    fn devgroup(&self, _group: u32) -> Option<&str> {
        None
    }

    /// A routing realm (`/etc/iproute2/rt_realms`).
    fn realm(&self, _realm: u32) -> Option<&str> {
        None
    }

    /// A connection label (`/etc/connlabel.conf`).
    fn label(&self, _bit: u32) -> Option<&str> {
        None
    }

    /// The path of a control group, relative to where control groups are mounted.
    fn cgroup(&self, _id: u64) -> Option<Text> {
        None
    }

    /// The program that holds a netlink socket, for tables with an owner.
    fn program(&self, _port_id: u32) -> Option<Text> {
        None
    }

    /// How many seconds local time is ahead of UTC at a time in seconds since 1970, or now.
    fn utc_offset(&self, _at: Option<i64>) -> i32 {
        0
    }
}

/// Knows no names: numbers stay numbers.
impl Names for () {}
