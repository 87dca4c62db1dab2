//! Masks that nft adds by itself, because the kernel loads whole bytes and a field may be less.

use super::Resolver;
use crate::ruleset::render::nft::load;
use crate::ruleset::render::nft::tree::{Exthdr, Id, Kind, Node, Payload};

impl<'r> Resolver<'r, '_> {
    /// If the mask only picks a field out of the bytes loaded, narrows the load to the field. Says how far values that
    /// are compared with it have to be shifted.
    pub(super) fn narrow(&mut self, id: Id, mask: &Node<'r>) -> Option<u32> {
        let node = self.tree.get(id);
        let bits = mask.value()?;
        if bits == 0 {
            return None;
        }
        // The mask covers the bits from `low` to `high`, counted from the right.
        let low = bits.trailing_zeros();
        let high = low + (!(bits >> low)).trailing_zeros();
        let skipped = mask.bits.next_multiple_of(8).checked_sub(high)?;
        let narrowed = match node.kind {
            Kind::Payload(p) => self.narrow_payload(&node, p, skipped, high - low)?,
            Kind::Extension(e) => narrow_extension(&node, e, skipped, high - low)?,
            _ => return None,
        };
        self.tree.set(id, narrowed);
        Some(low)
    }

    fn narrow_payload(&self, node: &Node<'r>, p: Payload, skipped: u32, wanted: u32) -> Option<Node<'r>> {
        let (header, begin) = self.header_at(&p)?;
        let (mut offset, mut rest, mut covered) = (p.offset - begin + skipped, node.bits, 0);
        for field in header.fields.iter().skip(1) {
            if field.offset != offset {
                continue;
            }
            // Fields that fill the load need no mask.
            rest = rest.checked_sub(field.bits).filter(|rest| *rest > 0)?;
            offset += field.bits;
            covered += field.bits;
            if covered == wanted {
                let kind = Kind::Payload(Payload { offset: p.offset + skipped, ..p });
                return Some(Node { kind, bits: covered, ..*node });
            }
        }
        None
    }
}

fn narrow_extension<'r>(node: &Node<'r>, e: Exthdr, skipped: u32, wanted: u32) -> Option<Node<'r>> {
    use nfblame_sys::nft::expr::ExthdrOp;
    let known = match e.op {
        ExthdrOp::Ipv6 => true,
        // A field that has a name already is not looked for again.
        ExthdrOp::Ipv4 | ExthdrOp::Tcpopt => e.field.is_none(),
        _ => false,
    };
    let extension = e.extension.filter(|_| known)?;
    let narrowed = load::node(e.op, extension.number, e.offset + skipped, wanted, false)?;
    let found = matches!(narrowed.kind, Kind::Extension(Exthdr { field: Some(_), .. }));
    found.then_some(Node { order: node.order, ..narrowed })
}
