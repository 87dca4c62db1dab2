//! Comparisons that later ones imply.

use nfblame_sys::nft::Family;
use nfblame_sys::nft::expr::{ExthdrOp, MetaKey};

use super::{ETHERTYPE, Resolver};
use crate::ruleset::render::nft::header::{
    ECHO, ECHO_REPLY, ECHO_REPLY6, ECHO6, ETHER, ICMP, ICMP6, IP, IP6, Layer, UNKNOWN, VLAN,
};
use crate::ruleset::render::nft::statement::{Relation, Stmt};
use crate::ruleset::render::nft::tree::{Id, Kind, Node, Payload};

/// Where the comparisons are that name a header, and so may turn out to be implied.
#[derive(Debug, Default)]
pub(super) struct Dependencies {
    /// By the layer whose header they name.
    naming: [Option<usize>; 5],
    /// The last ICMP type that was compared.
    icmp_type: u8,
    /// The statement before, if it is shown and only compares.
    pub previous: Option<usize>,
}

impl Dependencies {
    /// The comparison that names the header of that layer.
    fn place(&self, layer: Layer) -> Option<Layer> {
        let get = |layer: Layer| self.naming.get(layer as usize).copied().flatten().map(|_| layer);
        get(layer).or_else(|| (layer == Layer::Transport).then(|| get(Layer::Inner)).flatten())
    }

    fn get(&self, layer: Layer) -> Option<usize> {
        *self.naming.get(self.place(layer)? as usize)?
    }
}

impl<'r> Resolver<'r, '_> {
    /// Remembers a comparison that names the header above `layer`.
    pub(super) fn remember(&mut self, stmt: usize, layer: Layer) {
        if self.is_echo(stmt) {
            return;
        }
        if let Some(place) = self.implied.naming.get_mut(layer.above() as usize) {
            *place = Some(stmt);
        }
    }

    /// Is it a comparison with an ICMP echo type? Such a one is never implied, because the field of an echo message
    /// may stand in a reply as well.
    fn is_echo(&mut self, stmt: usize) -> bool {
        let Some((_, left, right)) = self.comparison(stmt) else { return false };
        let (Kind::Payload(p), Some(value)) = (left.kind, right.value()) else { return false };
        if right.bits != 8 {
            return false;
        }
        let value = value as u8;
        if p.header.is(&ICMP) {
            self.implied.icmp_type = if value == ECHO_REPLY { ECHO } else { value };
            self.implied.icmp_type == ECHO
        } else if p.header.is(&ICMP6) {
            self.implied.icmp_type = value;
            value == ECHO6 || value == ECHO_REPLY6
        } else {
            false
        }
    }

    /// The comparison that names the header of that layer.
    pub(super) fn named(&self, layer: Layer) -> Option<usize> {
        self.implied.get(layer)
    }

    /// Leaves out the comparison that names the header of that layer.
    pub(super) fn leave_out(&mut self, layer: Layer) {
        let Some(place) = self.implied.place(layer) else { return };
        let Some(stmt) = self.implied.naming.get_mut(place as usize).and_then(Option::take) else { return };
        if let Some(shown) = self.shown.get_mut(stmt) {
            *shown = None;
        }
        if self.implied.previous == Some(stmt) {
            self.implied.previous = None;
        }
    }

    /// The two sides of a comparison that is shown.
    pub(super) fn comparison(&self, stmt: usize) -> Option<(Relation, Node<'r>, Node<'r>)> {
        match *self.shown.get(stmt)?.as_ref()? {
            Stmt::Match { op, left, right } => Some((op, self.tree.get(left), self.tree.get(right))),
            _ => None,
        }
    }

    /// A field implies the header that it is in.
    pub(super) fn payload_implies(&mut self, id: Id) {
        let node = self.tree.get(id);
        let Kind::Payload(p) = node.kind else { return };
        if p.header.is(&UNKNOWN) {
            return;
        }
        let Some(stmt) = self.named(p.layer) else { return };
        let Some((op, left, right)) = self.comparison(stmt) else { return };
        if self.payload_replaces(&node, p, op, &left, &right) {
            self.leave_out(p.layer);
        }
    }

    fn payload_replaces(&self, node: &Node<'r>, p: Payload, op: Relation, left: &Node<'r>, right: &Node<'r>) -> bool {
        let before = match left.kind {
            Kind::Payload(before) => Some(before),
            _ => None,
        };
        if let (Family::Bridge | Family::Netdev | Family::Inet, Some(before)) = (self.context.family, before) {
            // `ip protocol tcp tcp dport 22` says more than `tcp dport 22` where IPv6 may come.
            let names_family = before.header.is(&IP) || before.header.is(&IP6);
            if before.layer == Layer::Network && names_family && p.layer == Layer::Transport {
                return false;
            }
            if op == Relation::Eq && p.layer == before.layer {
                if node.names_next {
                    return false;
                }
                if p.layer == Layer::Link {
                    return link_replaces(before, right);
                }
            }
        }
        let both_transport = p.layer == Layer::Transport && before.is_some_and(|b| b.layer == Layer::Transport);
        match before.filter(|_| both_transport) {
            Some(before) if before.header.is(&ICMP) || before.header.is(&ICMP6) => {
                let message = p.header.fields.get(p.field).and_then(|f| f.messages.icmp_type());
                before.header.is(p.header) && message == Some(self.implied.icmp_type)
            }
            _ => true,
        }
    }

    /// An extension header or option implies the header before it.
    pub(super) fn extension_implies(&mut self, op: ExthdrOp) {
        match op {
            ExthdrOp::Tcpopt => self.leave_out(Layer::Transport),
            ExthdrOp::Ipv6 | ExthdrOp::Ipv4 => self.leave_out(Layer::Network),
            _ => {}
        }
    }

    /// May a comparison with `meta` make the one that names the network header redundant?
    pub(super) fn meta_replaces(&self, left: &Node<'r>, right: &Node<'r>) -> bool {
        let Some((_, dep, dep_value)) = self.named(Layer::Network).and_then(|stmt| self.comparison(stmt)) else {
            return true;
        };
        let value = dep_value.value().unwrap_or(0) as u32;
        let family = match dep.kind {
            Kind::Meta(MetaKey::Nfproto) => Family::from(value as u8),
            Kind::Meta(MetaKey::Protocol) => family_of(value),
            Kind::Payload(p) if p.layer == Layer::Link && dep.ty == ETHERTYPE => family_of(value),
            _ => return true,
        };
        match self.context.family {
            Family::Inet | Family::Netdev | Family::Bridge => {}
            own @ (Family::Ip | Family::Ip6) => return own == family,
            _ => return true,
        }
        if !matches!(left.kind, Kind::Meta(MetaKey::L4proto)) {
            return true;
        }
        const IPPROTO_ICMP: u8 = 1;
        const IPPROTO_ICMPV6: u8 = 58;
        match right.value().unwrap_or(0) as u8 {
            IPPROTO_ICMP => family != Family::Ip6,
            IPPROTO_ICMPV6 => family != Family::Ip,
            _ => false,
        }
    }
}

/// `vlan id 2` implies `ether type 8021q`, and nothing implies `vlan type …`.
fn link_replaces(before: Payload, value: &Node<'_>) -> bool {
    const ETH_P_8021Q: u128 = 0x8100;
    if before.header.is(&VLAN) {
        return false;
    }
    match value.value().filter(|_| before.header.is(&ETHER) && value.bits == 16) {
        Some(value) => value == ETH_P_8021Q,
        None => true,
    }
}

fn family_of(ethertype: u32) -> Family {
    match ethertype & 0xffff {
        0x0800 => Family::Ip,
        0x86dd => Family::Ip6,
        _ => Family::Unspec,
    }
}
