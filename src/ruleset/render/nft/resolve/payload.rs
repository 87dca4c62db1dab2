//! Payload: which field a load is, or which fields one load covers.

use super::Resolver;
use crate::ruleset::render::nft::header::{Header, INET, UNKNOWN};
use crate::ruleset::render::nft::load::raw;
use crate::ruleset::render::nft::tree::{Id, Kind, Node, Payload};

impl<'r> Resolver<'r, '_> {
    /// Names the field that a load is, if the headers known so far have it.
    pub(super) fn complete(&mut self, id: Id) {
        let node = self.tree.get(id);
        let Kind::Payload(p) = node.kind else { return };
        let Some((header, begin)) = self.header_at(&p) else { return };
        let found = header.fields.iter().enumerate().find(|(_, f)| {
            !f.meta && f.offset + begin == p.offset && f.bits == node.bits && self.fits_message(f.messages.icmp_type())
        });
        if let Some((field, f)) = found {
            let kind = Kind::Payload(Payload { header, field, ..p });
            // The order stays as it was loaded.
            self.tree.set(id, Node { kind, ty: f.ty, ..node });
        }
    }

    /// Can a field of that ICMP message be meant?
    fn fits_message(&self, message: Option<u8>) -> bool {
        self.context.icmp_type == 0 || message.is_none_or(|m| m == self.context.icmp_type)
    }

    /// The header that a load is in, and where it begins.
    pub(super) fn header_at(&self, p: &Payload) -> Option<(&'static Header, u32)> {
        let top = self.context.header(p.layer).filter(|h| !h.is(&INET) && !h.is(&UNKNOWN))?;
        Some(self.context.stacked(top, p))
    }

    /// Splits a load into the fields that it covers, in order. What is left over stays raw.
    pub(super) fn expand(&mut self, id: Id) -> smallvec::SmallVec<[Id; 4]> {
        let mut parts = smallvec::SmallVec::new();
        let node = self.tree.get(id);
        let Kind::Payload(p) = node.kind else { return parts };
        let mut rest = node.bits;
        let mut offset = p.offset;
        // A field of `inet` is never in the packet.
        if let Some((header, begin)) = self.header_at(&p) {
            offset -= begin;
            for (index, field) in header.fields.iter().enumerate().skip(1) {
                if field.bits == 0 {
                    break;
                }
                if field.offset != offset || !self.fits_message(field.messages.icmp_type()) {
                    continue;
                }
                let Some(part) = Node::field(header, index) else { continue };
                if field.bits > rest {
                    parts.push(self.tree.add(Node { bits: rest, ..part }));
                    return parts;
                }
                parts.push(self.tree.add(part));
                rest -= field.bits;
                offset += field.bits;
                if rest == 0 {
                    return parts;
                }
            }
        }
        parts.push(self.tree.add(raw(p.layer, offset, rest)));
        parts
    }
}
