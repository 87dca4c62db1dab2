//! Rulesets as JSON. Rules are rendered while they are written: a large ruleset is never in memory as text.

use std::cell::RefCell;
use std::io::{self, Write};

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use crate::blame::{SCHEMA, Time};
use crate::evaluate::ChainRef;
use crate::listing::{Blocker, Chain, Hooks, Listing, Met, Named, Policy, Rates, Stand, chains};
use crate::ruleset::Problem;

/// All hooks, in order, with what stands there by name; then all chains with their rules, and all sets and objects.
///
/// # Errors
/// When writing fails.
pub fn hooks(listing: &Listing<'_>, out: &mut impl Write) -> io::Result<()> {
    document(out, &Document { listing })
}

/// Everything that stops packets.
///
/// # Errors
/// When writing fails.
pub fn blockers(listing: &Listing<'_>, blockers: &[Blocker], out: &mut impl Write) -> io::Result<()> {
    document(out, &Part { head: Head::of(listing), blockers: Some(blockers), policies: None })
}

/// The policies of all base chains.
///
/// # Errors
/// When writing fails.
pub fn policies(listing: &Listing<'_>, policies: &[Policy], out: &mut impl Write) -> io::Result<()> {
    document(out, &Part { head: Head::of(listing), blockers: None, policies: Some(policies) })
}

/// What grew since the last time, as a line.
#[derive(Debug, Serialize)]
pub struct RatesLine<'a> {
    schema: u32,
    event: &'static str,
    time: Time,
    #[serde(flatten)]
    rates: &'a Rates,
}

impl<'a> RatesLine<'a> {
    /// As of now.
    pub fn new(rates: &'a Rates) -> Self {
        Self { schema: SCHEMA, event: "rates", time: Time::now(), rates }
    }
}

fn document(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Head<'a> {
    schema: u32,
    generation: Option<u32>,
    problems: &'a [Problem],
}

impl<'a> Head<'a> {
    fn of(listing: &Listing<'a>) -> Self {
        let rules = listing.rules();
        Self { schema: SCHEMA, generation: rules.generation, problems: &rules.problems }
    }
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blockers: Option<&'a [Blocker]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policies: Option<&'a [Policy]>,
}

struct Document<'a, 'r> {
    listing: &'a Listing<'r>,
}

impl Serialize for Document<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let listing = self.listing;
        let head = Head::of(listing);
        let all = Hooks::of(listing.rules());
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("schema", &head.schema)?;
        map.serialize_entry("generation", &head.generation)?;
        map.serialize_entry("problems", head.problems)?;
        map.serialize_entry("hooks", &all.iter().map(|hook| HookView { listing, hook }).collect::<Vec<_>>())?;
        map.serialize_entry("chains", &Sequence::new(chains(listing.rules()).map(|at| ChainView { listing, at })))?;
        let objects = listing.named().into_iter().map(|object| NamedView { listing, object });
        map.serialize_entry("objects", &Sequence::new(objects))?;
        map.end()
    }
}

struct HookView<'a, 'r> {
    listing: &'a Listing<'r>,
    hook: &'a Hooks,
}

impl Serialize for HookView<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("hook", 4)?;
        out.serialize_field("family", self.hook.family)?;
        out.serialize_field("hook", &self.hook.hook)?;
        out.serialize_field("device", &self.hook.device)?;
        let stands = self.hook.stands.iter().map(|stand| StandView { listing: self.listing, stand });
        out.serialize_field("stations", &stands.collect::<Vec<_>>())?;
        out.end()
    }
}

struct StandView<'a, 'r> {
    listing: &'a Listing<'r>,
    stand: &'a Stand,
}

impl Serialize for StandView<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let chain = self.stand.met.chain().map(|at| self.listing.chain(at));
        let mut out = s.serialize_map(None)?;
        out.serialize_entry("kind", self.stand.met.name())?;
        out.serialize_entry("priority", &self.stand.priority)?;
        out.serialize_entry("tied", &self.stand.tied)?;
        if let Met::Foreign(name) = &self.stand.met {
            out.serialize_entry("name", name)?;
        }
        if let Some(chain) = &chain {
            out.serialize_entry("backend", &chain.backend)?;
            out.serialize_entry("family", chain.family)?;
            out.serialize_entry("table_name", &chain.table_name)?;
            out.serialize_entry("chain_name", &chain.chain_name)?;
            out.serialize_entry("policy", &chain.policy)?;
        }
        out.end()
    }
}

struct ChainView<'a, 'r> {
    listing: &'a Listing<'r>,
    at: ChainRef,
}

#[derive(Serialize)]
struct WithRules<'a, R: Serialize> {
    #[serde(flatten)]
    chain: &'a Chain,
    rules: R,
}

impl Serialize for ChainView<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let entries = self.listing.entries(self.at);
        let rules: Sequence<_> = Sequence::new(entries);
        WithRules { chain: &self.listing.chain(self.at), rules }.serialize(s)
    }
}

struct NamedView<'a, 'r> {
    listing: &'a Listing<'r>,
    object: Named,
}

#[derive(Serialize)]
struct WithElements<'a> {
    #[serde(flatten)]
    object: &'a Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    elements: Option<Vec<String>>,
}

impl Serialize for NamedView<'_, '_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let elements = self.object.len.map(|_| self.listing.elements(&self.object));
        WithElements { object: &self.object, elements }.serialize(s)
    }
}

/// An iterator as a list that is made while it is written.
struct Sequence<I>(RefCell<Option<I>>);

impl<I: Iterator> Sequence<I> {
    fn new(items: I) -> Self {
        Self(RefCell::new(Some(items)))
    }
}

impl<I: Iterator<Item: Serialize>> Serialize for Sequence<I> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(self.0.take().into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_ruleset_is_a_document_too() -> io::Result<()> {
        let rules = crate::ruleset::Ruleset::default();
        let mut out = Vec::new();
        hooks(&Listing::new(&rules), &mut out)?;
        let text = String::from_utf8_lossy(&out).into_owned();
        assert_eq!(
            text,
            "{\"schema\":1,\"generation\":null,\"problems\":[],\"hooks\":[],\"chains\":[],\"objects\":[]}\n"
        );
        Ok(())
    }
}
