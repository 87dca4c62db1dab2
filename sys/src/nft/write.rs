//! Changing what the kernel holds: batches, which are applied as a whole or not at all.

use std::fmt;

use super::fields::Put;
use super::{
    BaseChain, Chain, Device, Elements, Expr, Family, Flowtable, Object, ObjectData, Rule, Set, Table, TableFlags,
};
use crate::Text;
use crate::error::{Error, Result};
use crate::netlink::{Builder, Client, Transport};
use crate::uapi::nf_tables::*;
use crate::uapi::nfnetlink::*;

const REQUEST: u16 = libc::NLM_F_REQUEST as u16;
const CREATE: u16 = libc::NLM_F_CREATE as u16;
const EXCL: u16 = libc::NLM_F_EXCL as u16;
const APPEND: u16 = libc::NLM_F_APPEND as u16;
/// Room left in one message for what is around a list of elements; a nested attribute holds at most 64 KiB.
const LIST: usize = 48 * 1024;

/// Where a rule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// To the end of its chain.
    Append,
    /// To the beginning of its chain.
    Insert,
    /// Behind the rule with this handle.
    After(u64),
    /// Before the rule with this handle.
    Before(u64),
    /// In place of the rule with this handle.
    Replace(u64),
}

/// Changes that the kernel applies as a whole or not at all.
///
/// Handles, use counts and everything else that the kernel assigns itself is not written.
#[derive(Debug)]
pub struct Batch {
    b: Builder,
    /// What each change is about, in order.
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    op: &'static str,
    object: String,
}

/// Why a batch was refused: every message that the kernel objected to, in order. Nothing was applied.
#[derive(Debug)]
pub struct Refused {
    /// At least one.
    pub errors: Vec<Error>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, e) in self.errors.iter().enumerate() {
            write!(f, "{}{e}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.errors.first().map(|e| e as _)
    }
}

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        Self { errors: vec![e] }
    }
}

impl Refused {
    /// The errno of the first refusal: `ERESTART` when the ruleset was no longer of the generation asked for.
    pub fn errno(&self) -> Option<i32> {
        self.errors.first().and_then(Error::errno)
    }

    /// Was the ruleset no longer of the generation asked for?
    pub fn is_stale(&self) -> bool {
        self.errno() == Some(libc::ERESTART)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Batch {
    /// An empty batch; with a generation, one that is refused if the ruleset has changed since.
    pub fn new(generation: Option<u32>) -> Self {
        let mut batch = Self { b: Builder::new(), parts: Vec::new() };
        batch.frame(NFNL_MSG_BATCH_BEGIN).opt_be32(NFNL_BATCH_GENID, generation);
        batch
    }

    /// Adds a table; it is no error if it is there, unless it shall be new.
    pub fn add_table(&mut self, t: &Table) -> &mut Self {
        // What belongs to a socket cannot be shared: it must be new.
        let excl = if t.flags.contains(TableFlags::OWNER) { EXCL } else { 0 };
        let b = self.message("create", table_name(t.family, &t.name), NFT_MSG_NEWTABLE, CREATE | excl, t.family);
        b.str(NFTA_TABLE_NAME, &t.name).be32(NFTA_TABLE_FLAGS, t.flags.bits());
        put_userdata(b, NFTA_TABLE_USERDATA, &t.userdata.0);
        self
    }

    /// Deletes a table and everything in it.
    pub fn delete_table(&mut self, family: Family, name: &Text) -> &mut Self {
        let object = table_name(family, name);
        self.message("delete", object, NFT_MSG_DELTABLE, 0, family).str(NFTA_TABLE_NAME, name);
        self
    }

    /// Adds a chain; it is no error if it is there.
    pub fn add_chain(&mut self, c: &Chain) -> &mut Self {
        let object = format!("chain {} of {}", c.name, table_name(c.family, &c.table));
        let b = self.message("create", object, NFT_MSG_NEWCHAIN, CREATE, c.family);
        b.str(NFTA_CHAIN_TABLE, &c.table).str(NFTA_CHAIN_NAME, &c.name);
        if let Some(base) = &c.base {
            put_base(b, c.family, base);
        }
        b.opt_be32(NFTA_CHAIN_ID, c.id);
        put_userdata(b, NFTA_CHAIN_USERDATA, &c.userdata.0);
        self
    }

    /// Deletes an empty chain that nothing refers to.
    pub fn delete_chain(&mut self, family: Family, table: &Text, name: &Text) -> &mut Self {
        let object = format!("chain {name} of {}", table_name(family, table));
        let b = self.message("delete", object, NFT_MSG_DELCHAIN, 0, family);
        b.str(NFTA_CHAIN_TABLE, table).str(NFTA_CHAIN_NAME, name);
        self
    }

    /// Adds a rule.
    pub fn add_rule(&mut self, r: &Rule, place: Place) -> &mut Self {
        let (op, flags) = match place {
            Place::Append | Place::After(_) => ("add", CREATE | APPEND),
            Place::Insert | Place::Before(_) => ("insert", CREATE),
            Place::Replace(_) => ("replace", libc::NLM_F_REPLACE as u16),
        };
        let b = self.message(op, rule_name(r.family, &r.table, &r.chain), NFT_MSG_NEWRULE, flags, r.family);
        b.str(NFTA_RULE_TABLE, &r.table).str(NFTA_RULE_CHAIN, &r.chain);
        match place {
            Place::After(handle) | Place::Before(handle) => b.be64(NFTA_RULE_POSITION, handle),
            Place::Replace(handle) => b.be64(NFTA_RULE_HANDLE, handle),
            Place::Append | Place::Insert => b,
        };
        Expr::write_list(&r.exprs, b, NFTA_RULE_EXPRESSIONS);
        if let Some(compat) = r.compat.or_else(|| r.implied_compat()) {
            b.nest(NFTA_RULE_COMPAT, |b| {
                b.be32(NFTA_RULE_COMPAT_PROTO, compat.proto).be32(NFTA_RULE_COMPAT_FLAGS, compat.flags.bits());
            });
        }
        put_userdata(b, NFTA_RULE_USERDATA, &r.userdata.0);
        self
    }

    /// Deletes the rule with this handle.
    pub fn delete_rule(&mut self, family: Family, table: &Text, chain: &Text, handle: u64) -> &mut Self {
        let b = self.message("delete", rule_name(family, table, chain), NFT_MSG_DELRULE, 0, family);
        b.str(NFTA_RULE_TABLE, table).str(NFTA_RULE_CHAIN, chain).be64(NFTA_RULE_HANDLE, handle);
        self
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, family: Family, table: &Text, chain: &Text) -> &mut Self {
        let b = self.message("flush", rule_name(family, table, chain), NFT_MSG_DELRULE, 0, family);
        b.str(NFTA_RULE_TABLE, table).str(NFTA_RULE_CHAIN, chain);
        self
    }

    /// Adds a set or map; it is no error if it is there. It needs an id, unique within the batch, if rules of the
    /// same batch shall find it although it is anonymous (then its name is a pattern such as `__set%d`).
    pub fn add_set(&mut self, s: &Set) -> &mut Self {
        let object = format!("set {} of {}", s.name, table_name(s.family, &s.table));
        let b = self.message("create", object, NFT_MSG_NEWSET, CREATE, s.family);
        b.str(NFTA_SET_TABLE, &s.table).str(NFTA_SET_NAME, &s.name).be32(NFTA_SET_FLAGS, s.flags.bits());
        b.be32(NFTA_SET_KEY_TYPE, s.key_type).be32(NFTA_SET_KEY_LEN, s.key_len);
        b.opt_be32(NFTA_SET_DATA_TYPE, s.data_type).opt_be32(NFTA_SET_DATA_LEN, s.data_len);
        b.opt_be32(NFTA_SET_OBJ_TYPE, s.object_kind.map(|k| k.code()));
        b.opt_be32(NFTA_SET_POLICY, s.policy.map(|p| p.code())).be32(NFTA_SET_ID, s.id.unwrap_or(0));
        if s.size.is_some() || !s.fields.is_empty() {
            b.nest(NFTA_SET_DESC, |b| {
                b.opt_be32(NFTA_SET_DESC_SIZE, s.size);
                if !s.fields.is_empty() {
                    b.nest(NFTA_SET_DESC_CONCAT, |b| {
                        for len in &s.fields {
                            b.nest(NFTA_LIST_ELEM, |b| {
                                b.be32(NFTA_SET_FIELD_LEN, *len);
                            });
                        }
                    });
                }
            });
        }
        b.opt_be64(NFTA_SET_TIMEOUT, s.timeout).opt_be32(NFTA_SET_GC_INTERVAL, s.gc_interval);
        put_userdata(b, NFTA_SET_USERDATA, &s.userdata.0);
        Expr::write_some(&s.exprs, b, NFTA_SET_EXPR, NFTA_SET_EXPRESSIONS);
        self
    }

    /// Adds elements to a set, found by name, or by its id within the batch.
    pub fn add_elements(&mut self, e: &Elements, set_id: Option<u32>) -> &mut Self {
        let mut rest = e.elements.as_slice();
        while !rest.is_empty() {
            let object = format!("elements of set {} of {}", e.set, table_name(e.family, &e.table));
            let b = self.message("add", object, NFT_MSG_NEWSETELEM, CREATE, e.family);
            b.str(NFTA_SET_ELEM_LIST_TABLE, &e.table).str(NFTA_SET_ELEM_LIST_SET, &e.set);
            b.opt_be32(NFTA_SET_ELEM_LIST_SET_ID, set_id);
            let list = b.begin(NFTA_SET_ELEM_LIST_ELEMENTS);
            let start = b.len();
            while let [element, more @ ..] = rest {
                b.nest(NFTA_LIST_ELEM, |b| element.write(b));
                rest = more;
                if b.len() - start > LIST {
                    break;
                }
            }
            b.end(list);
        }
        self
    }

    /// Adds a stateful object; it is no error if it is there.
    pub fn add_object(&mut self, o: &Object) -> &mut Self {
        let object = format!("{} {} of {}", o.kind, o.name, table_name(o.family, &o.table));
        let b = self.message("create", object, NFT_MSG_NEWOBJ, CREATE, o.family);
        b.str(NFTA_OBJ_TABLE, &o.table).str(NFTA_OBJ_NAME, &o.name).be32(NFTA_OBJ_TYPE, o.kind.code());
        b.nest(NFTA_OBJ_DATA, |b| o.data.iter().for_each(|d| ObjectData::write(d, b)));
        put_userdata(b, NFTA_OBJ_USERDATA, &o.userdata.0);
        self
    }

    /// Adds a flowtable; it is no error if it is there.
    pub fn add_flowtable(&mut self, t: &Flowtable) -> &mut Self {
        let object = format!("flowtable {} of {}", t.name, table_name(t.family, &t.table));
        let b = self.message("create", object, NFT_MSG_NEWFLOWTABLE, CREATE, t.family);
        b.str(NFTA_FLOWTABLE_TABLE, &t.table).str(NFTA_FLOWTABLE_NAME, &t.name);
        b.nest(NFTA_FLOWTABLE_HOOK, |b| {
            b.be32(NFTA_FLOWTABLE_HOOK_NUM, t.hook.and_then(|h| h.number(Family::Netdev)).unwrap_or(0));
            b.be32(NFTA_FLOWTABLE_HOOK_PRIORITY, t.priority as u32);
            b.nest(NFTA_FLOWTABLE_HOOK_DEVS, |b| t.devices.iter().for_each(|d| d.write(b)));
        });
        b.be32(NFTA_FLOWTABLE_FLAGS, t.flags.bits());
        self
    }

    /// How many messages of change there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Applies the batch.
    ///
    /// # Errors
    /// Every message that the kernel objected to, with its words. Then nothing was applied.
    pub fn commit<T: Transport>(mut self, client: &mut Client<T>) -> Result<(), Refused> {
        self.frame(NFNL_MSG_BATCH_END);
        self.send(client)
    }

    /// Asks the kernel whether it would apply the batch, without applying it (what `nft --check` does).
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn check<T: Transport>(self, client: &mut Client<T>) -> Result<(), Refused> {
        self.send(client)
    }

    fn send<T: Transport>(self, client: &mut Client<T>) -> Result<(), Refused> {
        let Self { b, parts } = self;
        if parts.is_empty() {
            return Ok(());
        }
        // The kernel refuses what is wrong without being asked; only the last change has to be acknowledged.
        let mut errors = client.batch("change", "nf_tables", b.finish(), parts.len())?;
        for (index, error) in &mut errors {
            // Index 0 is the batch itself.
            if let (Some(part), Error::Kernel { op, object, .. }) =
                (index.checked_sub(1).and_then(|i| parts.get(i)), error)
            {
                *op = part.op;
                object.clone_from(&part.object);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Refused { errors: errors.into_iter().map(|(_, e)| e).collect() }) }
    }
}

impl Batch {
    /// Begins a message that changes something.
    fn message(&mut self, op: &'static str, object: String, msg: u8, flags: u16, family: Family) -> &mut Builder {
        self.parts.push(Part { op, object });
        self.b.nf_message(NFNL_SUBSYS_NFTABLES, msg, REQUEST | flags, 0, family.code(), 0)
    }

    /// Begins the message that begins or ends the batch.
    fn frame(&mut self, kind: u16) -> &mut Builder {
        self.b.message(kind, REQUEST, 0).raw(&[0, 0]).raw(&u16::from(NFNL_SUBSYS_NFTABLES).to_be_bytes())
    }
}

fn table_name(family: Family, table: &Text) -> String {
    format!("table {family} {table}")
}

fn rule_name(family: Family, table: &Text, chain: &Text) -> String {
    format!("rule of chain {chain} of {}", table_name(family, table))
}

fn put_userdata(b: &mut Builder, kind: u16, bytes: &[u8]) {
    if !bytes.is_empty() {
        b.attr(kind, bytes);
    }
}

fn put_base(b: &mut Builder, family: Family, base: &BaseChain) {
    b.nest(NFTA_CHAIN_HOOK, |b| {
        b.opt_be32(NFTA_HOOK_HOOKNUM, base.hook.number(family)).be32(NFTA_HOOK_PRIORITY, base.priority as u32);
        match base.devices.as_slice() {
            [] => {}
            [Device { name, prefix: false }] => {
                b.str(NFTA_HOOK_DEV, name);
            }
            devices => {
                b.nest(NFTA_HOOK_DEVS, |b| devices.iter().for_each(|d| d.write(b)));
            }
        }
    });
    b.be32(NFTA_CHAIN_POLICY, base.policy.code() as u32).str(NFTA_CHAIN_TYPE, base.kind.as_bytes());
    if let Some(counters) = &base.counters {
        b.nest(NFTA_CHAIN_COUNTERS, |b| counters.write(b));
    }
}
