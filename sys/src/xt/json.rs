//! Tables for readers of JSON: what the blob means, not how it lies.

use serde::ser::{SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};

use super::table::{Action, Chain, Rule, Table, Verdict};
use super::{Match, Target};
use crate::TextRef;

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut table = s.serialize_struct("Table", 3)?;
        table.serialize_field("family", &self.family())?;
        table.serialize_field("name", self.name())?;
        table.serialize_field("chains", &Seq(|| self.chains()))?;
        table.end()
    }
}

impl Serialize for Chain<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut chain = s.serialize_struct("Chain", 5)?;
        chain.serialize_field("name", self.name())?;
        chain.serialize_field("hook", &self.hook())?;
        chain.serialize_field("policy", &self.policy())?;
        chain.serialize_field("counters", &self.counters())?;
        chain.serialize_field("rules", &Seq(|| self.rules()))?;
        chain.end()
    }
}

impl Serialize for Rule<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let family = self.family();
        let matches = || {
            self.entry.matches().map(|m| match m {
                Ok(m) => Shown::Whole(m.decode(family)),
                Err(e) => Shown::Malformed { malformed: e.to_string() },
            })
        };
        let action = match self.action() {
            Ok(Action::Verdict(verdict)) => Some(ShownAction::Verdict(verdict)),
            Ok(Action::Jump(chain)) => Some(ShownAction::Jump(chain)),
            Ok(Action::Goto(chain)) => Some(ShownAction::Goto(chain)),
            Ok(Action::Nowhere(offset)) => Some(ShownAction::Nowhere(offset)),
            Ok(Action::Target(target)) => Some(ShownAction::Target(target.decode(family))),
            Ok(Action::Continue) => None,
            Err(e) => Some(ShownAction::Malformed(e.to_string())),
        };
        let mut rule = s.serialize_struct("Rule", 5)?;
        rule.serialize_field("position", &self.position)?;
        rule.serialize_field("counters", &self.entry.counters)?;
        rule.serialize_field("selector", &self.entry.selector)?;
        rule.serialize_field("matches", &Seq(matches))?;
        rule.serialize_field("action", &action)?;
        rule.end()
    }
}

/// A match, or what is wrong with it.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Whole(Match<'a>),
    Malformed { malformed: String },
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum ShownAction<'a> {
    Verdict(Verdict),
    Jump(TextRef<'a>),
    Goto(TextRef<'a>),
    Nowhere(i32),
    Target(Target<'a>),
    Malformed(String),
}

/// An iterator that can be made again.
struct Seq<F>(F);

impl<I, F> Serialize for Seq<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut seq = s.serialize_seq(None)?;
        for item in (self.0)() {
            seq.serialize_element(&item)?;
        }
        seq.end()
    }
}
