//! Zones: connections with the same addresses and ports, kept apart.

/// In which directions a zone counts (`NF_CT_ZONE_DIR_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ZoneScope {
    /// In both.
    #[default]
    Both,
    /// In that of the first packet; answers are of zone 0.
    Original,
    /// In that of the answers; the first packet is of zone 0.
    Reply,
}

/// `struct nf_conntrack_zone`. The default is zone 0, which is no zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Zone {
    /// Its number.
    pub id: u16,
    /// Where it counts.
    pub scope: ZoneScope,
}

impl Zone {
    /// A zone of both directions.
    pub fn both(id: u16) -> Self {
        Self { id, scope: ZoneScope::Both }
    }

    /// The number that counts in one direction (`nf_ct_zone_id`).
    pub fn in_direction(self, reply: bool) -> u16 {
        match self.scope {
            ZoneScope::Original if reply => 0,
            ZoneScope::Reply if !reply => 0,
            _ => self.id,
        }
    }
}
