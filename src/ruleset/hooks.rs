//! What is registered at netfilter's hooks, as the kernel itself tells where `nfnetlink_hook` is loaded: the order of base
//! chains of equal priority, and what stands between them that is in no ruleset.

use nix::net::if_::if_nameindex;
use serde::Serialize;

use super::Ruleset;
use crate::sys::hook::{self, Function, Point};
use crate::sys::netlink::{Client, Transport};
use crate::sys::nft::{self, Family, Hook};
use crate::sys::{Error, Text};

/// What is registered at each point, in the order in which packets meet it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Registered {
    points: Vec<(Point, Vec<Function>)>,
}

/// Hooks that are no device's.
const HOOKS: [Hook; 5] = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

impl Registered {
    /// Asks about all points of the calling thread's network namespace, and of these devices. None: this kernel tells
    /// nothing.
    ///
    /// # Errors
    /// Those of [`hook::read`].
    pub fn read<T: Transport>(client: &mut Client<T>, devices: &[Text]) -> Result<Option<Self>, Error> {
        let stacks = [Family::Ip, Family::Ip6, Family::Arp, Family::Bridge].into_iter();
        let points = stacks.flat_map(|family| HOOKS.into_iter().map(move |hook| Point::new(family, hook)));
        let at_device = |d: &Text| [Hook::Ingress, Hook::Egress].map(|hook| Point::of_device(hook, d.clone()));
        let mut all = Vec::new();
        for point in points.chain(devices.iter().flat_map(at_device)) {
            match hook::read(client, &point)? {
                Some(functions) => all.push((point, functions)),
                // A kernel that cannot tell of the first cannot tell of any.
                None if all.is_empty() => return Ok(None),
                None => {}
            }
        }
        Ok(Some(Self { points: all }))
    }

    /// What is registered at one point; none where the kernel did not tell.
    pub fn at(&self, family: Family, hook: Hook, device: Option<&Text>) -> Option<&[Function]> {
        let is = |p: &Point| p.family == family && p.hook == hook && p.device.as_ref() == device;
        self.points.iter().find(|(p, _)| is(p)).map(|(_, functions)| functions.as_slice())
    }

    /// All points.
    pub fn points(&self) -> impl Iterator<Item = &(Point, Vec<Function>)> {
        self.points.iter()
    }
}

impl Ruleset {
    /// What the kernel now tells of the hooks that these rules hang on. None: it tells nothing, or cannot be asked without
    /// loading a module.
    ///
    /// # Errors
    /// Those of [`hook::read`].
    pub fn registered_now<T: Transport>(&self, client: &mut Client<T>) -> Result<Option<Registered>, Error> {
        if hook::is_present() { Registered::read(client, &self.hooked_devices()) } else { Ok(None) }
    }

    /// Reads that, in place of what was read before. False: the generation has changed since the rules were read, so that
    /// what was told belongs to others, and is not kept.
    pub fn read_registered<T: Transport>(&mut self, client: &mut Client<T>) -> bool {
        self.registered = None;
        match self.registered_now(client) {
            Ok(told) => self.registered = told,
            Err(e) => self.problem("what is registered at the hooks".into(), &e),
        }
        if self.registered.is_none() || self.generation.is_none() {
            return true;
        }
        let now = nft::dump::generation(client).ok().map(|g| g.id);
        self.registered.take_if(|_| now != self.generation).is_none()
    }

    /// Devices of this namespace that a base chain hangs on.
    fn hooked_devices(&self) -> Vec<Text> {
        let chains = self.nft.iter().flat_map(|t| &t.chains);
        let wanted: Vec<_> = chains.filter_map(|c| c.def.base.as_ref()).flat_map(|b| &b.devices).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let there = if_nameindex();
        let names = there.iter().flatten().map(|i| i.name().to_bytes());
        names.filter(|name| wanted.iter().any(|w| w.takes(name))).map(Text::new).collect()
    }
}
