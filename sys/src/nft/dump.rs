//! Reading what the kernel holds.
//!
//! A ruleset takes several dumps, and it may change between and during them. [`Dumper`] notes everything that
//! betrays a change; [`Dumper::is_consistent`] says whether all that was read belongs to one generation.

use super::{Chain, Elements, Family, Flowtable, Generation, Object, Rule, Set, Table};
use crate::Text;
use crate::error::{Malformed, Result};
use crate::netlink::{Builder, Client, Message, Transport};
use crate::uapi::nf_tables::*;
use crate::uapi::nfnetlink::NFNL_SUBSYS_NFTABLES;

/// Reads tables, chains, rules and the rest, and notes whether they changed meanwhile.
#[derive(Debug)]
pub struct Dumper<'c, T: Transport> {
    client: &'c mut Client<T>,
    /// The generation before the first dump.
    begun: Option<u32>,
    interrupted: bool,
    /// A reply belonged to another generation than `begun`.
    mixed: bool,
    /// Messages that could not be understood at all.
    pub unreadable: Vec<Unreadable>,
}

/// A message that could not be understood at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// What it was about.
    pub what: &'static str,
    /// How it was wrong.
    pub why: Malformed,
    /// Its payload.
    pub bytes: Box<[u8]>,
}

/// Asks for the generation of the ruleset.
///
/// # Errors
/// Without `CAP_NET_ADMIN`, or on a kernel without nf_tables.
pub fn generation<T: Transport>(client: &mut Client<T>) -> Result<Generation> {
    let op = "read the generation of";
    let mut answer = None;
    client.get(op, "nf_tables", request(NFT_MSG_GETGEN, Family::Unspec, |_| ()), |m| {
        if is(&m, NFT_MSG_NEWGEN) {
            answer = Some(Generation::decode(&m)?);
        }
        Ok(())
    })?;
    answer.ok_or(Malformed::Missing("NFT_MSG_NEWGEN").of(op))
}

/// Reads one rule as it is now, its counters included; nothing if there is none with that handle.
///
/// # Errors
/// Without `CAP_NET_ADMIN`.
pub fn rule<T: Transport>(
    client: &mut Client<T>,
    family: Family,
    table: &Text,
    chain: &Text,
    handle: u64,
) -> Result<Option<Rule>> {
    let mut answer = None;
    let which = |b: &mut Builder| {
        b.str(NFTA_RULE_TABLE, table).str(NFTA_RULE_CHAIN, chain).u64::<byteorder::BE>(NFTA_RULE_HANDLE, handle);
    };
    let read = client.get("read", "a rule", request(NFT_MSG_GETRULE, family, which), |m| {
        if is(&m, NFT_MSG_NEWRULE) {
            answer = Some(Rule::decode(&m)?);
        }
        Ok(())
    });
    match read {
        Err(e) if e.errno() == Some(libc::ENOENT) => Ok(None),
        other => other.map(|()| answer),
    }
}

impl<'c, T: Transport> Dumper<'c, T> {
    /// Notes the generation that what follows should belong to.
    pub fn begin(client: &'c mut Client<T>) -> Result<Self> {
        let begun = generation(client)?.id;
        Ok(Self { client, begun: Some(begun), interrupted: false, mixed: false, unreadable: Vec::new() })
    }

    /// Begins without asking for the generation: nothing but interrupted dumps will be noticed.
    pub fn without_generation(client: &'c mut Client<T>) -> Self {
        Self { client, begun: None, interrupted: false, mixed: false, unreadable: Vec::new() }
    }

    /// Reads over another client what belongs to the same generation, if that client may. What it notes is to be handed
    /// [back](Self::join).
    pub fn beside<'d>(&self, client: &'d mut Client<T>) -> Option<Dumper<'d, T>> {
        generation(client).ok()?;
        Some(Dumper { client, begun: self.begun, interrupted: false, mixed: false, unreadable: Vec::new() })
    }

    /// Takes over what another one noted.
    pub fn join(&mut self, other: Dumper<'_, T>) {
        self.interrupted |= other.interrupted;
        self.mixed |= other.mixed;
        self.unreadable.extend(other.unreadable);
    }

    /// The client that it reads over.
    pub fn client(&mut self) -> &mut Client<T> {
        self.client
    }

    /// The generation before the first dump.
    pub fn generation(&self) -> Option<u32> {
        self.begun
    }

    /// Asks for the generation once more, and says whether all that was read belongs to one.
    pub fn is_consistent(&mut self) -> Result<bool> {
        let same = match self.begun {
            Some(id) => generation(self.client)?.id == id,
            None => true,
        };
        Ok(same && !self.interrupted && !self.mixed)
    }

    /// The tables of a family, or of all with [`Family::Unspec`].
    pub fn tables(&mut self, family: Family, each: impl FnMut(Table)) -> Result<()> {
        self.dump("list", "tables", NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE, family, |_| (), Table::decode, each)
    }

    /// The chains of every table of a family.
    pub fn chains(&mut self, family: Family, each: impl FnMut(Chain)) -> Result<()> {
        self.dump("list", "chains", NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, family, |_| (), Chain::decode, each)
    }

    /// The rules of a family: of every table, of one, or of one chain; in order within each chain.
    pub fn rules(&mut self, family: Family, of: RulesOf<'_>, mut each: impl FnMut(Rule)) -> Result<()> {
        let (table, chain) = match of {
            RulesOf::All => (None, None),
            RulesOf::Table(table) => (Some(table), None),
            RulesOf::Chain(table, chain) => (Some(table), Some(chain)),
        };
        let filter = |b: &mut Builder| {
            if let Some(table) = table {
                b.str(NFTA_RULE_TABLE, table);
            }
            if let Some(chain) = chain {
                b.str(NFTA_RULE_CHAIN, chain);
            }
        };
        // The kernel need not know the filter.
        let wanted = |r: &Rule| table.is_none_or(|t| r.table == *t) && chain.is_none_or(|c| r.chain == *c);
        self.dump("list", "rules", NFT_MSG_GETRULE, NFT_MSG_NEWRULE, family, filter, Rule::decode, |r| {
            if wanted(&r) {
                each(r);
            }
        })
    }

    /// The sets and maps of every table of a family, without their elements.
    pub fn sets(&mut self, family: Family, each: impl FnMut(Set)) -> Result<()> {
        self.dump("list", "sets", NFT_MSG_GETSET, NFT_MSG_NEWSET, family, |_| (), Set::decode, each)
    }

    /// The elements of one set, in portions.
    pub fn elements(&mut self, family: Family, table: &Text, set: &Text, each: impl FnMut(Elements)) -> Result<()> {
        let name = |b: &mut Builder| {
            b.str(NFTA_SET_ELEM_LIST_TABLE, table).str(NFTA_SET_ELEM_LIST_SET, set);
        };
        let (get, new) = (NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM);
        self.dump("list", "set elements", get, new, family, name, Elements::decode, each)
    }

    /// The stateful objects of every table of a family.
    pub fn objects(&mut self, family: Family, each: impl FnMut(Object)) -> Result<()> {
        self.dump("list", "objects", NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, family, |_| (), Object::decode, each)
    }

    /// The flowtables of every table of a family.
    pub fn flowtables(&mut self, family: Family, each: impl FnMut(Flowtable)) -> Result<()> {
        let (get, new) = (NFT_MSG_GETFLOWTABLE, NFT_MSG_NEWFLOWTABLE);
        self.dump("list", "flowtables", get, new, family, |_| (), Flowtable::decode, each)
    }

    #[allow(clippy::too_many_arguments, reason = "the one place where all kinds of dump meet")]
    fn dump<V>(
        &mut self,
        op: &'static str,
        object: &'static str,
        get: u8,
        new: u8,
        family: Family,
        attrs: impl FnOnce(&mut Builder),
        decode: impl Fn(&Message<'_>) -> Result<V, Malformed>,
        mut each: impl FnMut(V),
    ) -> Result<()> {
        let Self { client, begun, mixed, unreadable, .. } = self;
        let dumped = client.dump(op, object, request(get, family, attrs), |m| {
            if !is(&m, new) {
                return Ok(());
            }
            if let (Some(id), Ok((nfgen, _))) = (*begun, m.nfgen()) {
                *mixed |= nfgen.res_id != id as u16;
            }
            match decode(&m) {
                Ok(v) => each(v),
                // The rest of the dump is still worth having.
                Err(why) => unreadable.push(Unreadable { what: object, why, bytes: m.payload.into() }),
            }
            Ok(())
        })?;
        self.interrupted |= dumped.interrupted;
        Ok(())
    }
}

/// Which rules of a family to read.
#[derive(Debug, Clone, Copy)]
pub enum RulesOf<'a> {
    /// Those of every table.
    All,
    /// Those of the table.
    Table(&'a Text),
    /// Those of one chain of the table.
    Chain(&'a Text, &'a Text),
}

fn is(m: &Message<'_>, msg: u8) -> bool {
    m.kind == u16::from(NFNL_SUBSYS_NFTABLES) << 8 | u16::from(msg)
}

fn request(msg: u8, family: Family, attrs: impl FnOnce(&mut Builder)) -> impl FnOnce(&mut Builder, u16, u32) {
    move |b, flags, seq| {
        b.nf_message(NFNL_SUBSYS_NFTABLES, msg, flags, seq, family.code(), 0);
        attrs(b);
    }
}
