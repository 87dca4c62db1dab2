//! Questions as JSON lines, one answer line for each.

use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;

use serde::Serialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::explainer::Explainer;
use super::question::{Invalid, Question, Side};
use super::session::{Next, session};
use super::words;
use crate::blame::{Blame, Verdict};
use crate::evaluate::{Hook, Network};
use crate::host::KernelHost;
use crate::sys::{Error, Text};

/// A longer line is answered with an error, without being kept.
const LONGEST: u64 = 16 << 20;
/// No network layer packet is longer: that of a jumbogram is not looked at.
const LONGEST_PACKET: usize = 65535 + 40;

/// The answer to one line.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// What would happen.
    Blame {
        /// The line's `id`.
        id: Id,
        /// The answer.
        #[serde(flatten)]
        blame: Box<Blame>,
    },
    /// The line asks nothing that can be answered.
    Error {
        /// The line's `id`, if it has one that can be read.
        id: Id,
        /// Why.
        error: String,
    },
}

/// The `id` of a line as it was written, whatever it is: JSON has numbers that no type here holds. None: null.
pub type Id = Option<Box<RawValue>>;

impl Answer {
    /// Does the packet pass?
    pub fn passes(&self) -> bool {
        matches!(self, Self::Blame { blame, .. } if blame.verdict == Verdict::Accept)
    }
}

/// Answers lines until their end; `out` gets exactly one answer for each, in order. True: all packets passed.
///
/// `waited` tells whether `input` has had to wait for somebody to write since it was asked last.
///
/// # Errors
/// When the rulesets cannot be read; when `input` or `out` fails.
pub fn run(
    host: &KernelHost,
    mut input: impl BufRead,
    mut waited: impl FnMut() -> bool,
    mut out: impl FnMut(&Answer) -> io::Result<()>,
) -> Result<bool, BatchError> {
    let (mut all_pass, mut failed) = (true, None);
    let mut broken = None;
    let next = || match line(&mut input) {
        Ok(line) => line.map(|item| Next { item, waited: waited() }),
        Err(e) => {
            broken = Some(e);
            None
        }
    };
    session(host, next, |explainer, line| {
        let answer = answer(explainer, &line);
        all_pass &= answer.passes();
        match out(&answer) {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                failed = Some(e);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed.or(broken) {
        Some(e) => Err(e.into()),
        None => Ok(all_pass),
    }
}

/// A batch that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The rulesets could not be read.
    #[error(transparent)]
    Rules(#[from] Error),
    /// Input or output failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A line without its end, or what is wrong with it.
type Line = Result<Vec<u8>, Invalid>;

/// The next line; one that is too long is passed over, not kept.
fn line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(LONGEST).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        return Ok(Some(Ok(bytes)));
    }
    if (bytes.len() as u64) < LONGEST {
        return Ok(Some(Ok(bytes))); // the last one, which has no end
    }
    loop {
        bytes.clear();
        if input.by_ref().take(1 << 16).read_until(b'\n', &mut bytes)? == 0 || bytes.last() == Some(&b'\n') {
            return Ok(Some(Err(Invalid(format!("a line of more than {LONGEST} bytes")))));
        }
    }
}

/// Answers one line.
fn answer(explainer: &Explainer<'_>, line: &Line) -> Answer {
    let (id, question) = match line {
        Ok(bytes) => parse(bytes),
        Err(e) => (None, Err(e.clone())),
    };
    match question.and_then(|q| explainer.explain(&q)) {
        Ok(explained) => Answer::Blame { id, blame: Box::new(explained.blame) },
        Err(e) => Answer::Error { id, error: e.to_string() },
    }
}

/// Reads one line: its `id`, and the question or what is wrong with it.
pub fn parse(line: &[u8]) -> (Id, Result<Question, Invalid>) {
    let (mut id, mut fields) = (None, Map::new());
    let mut json = serde_json::Deserializer::from_slice(line);
    let read = json.deserialize_map(Fields { id: &mut id, fields: &mut fields }).and_then(|()| json.end());
    match read {
        Ok(()) => (id, question(&fields)),
        Err(e) if e.is_data() => (id, Err(Invalid(e.to_string()))),
        Err(e) => (id, Err(Invalid(format!("not JSON: {e}")))),
    }
}

/// Reads an object field by field, so that its `id` is known even if what comes behind it is broken.
struct Fields<'a> {
    id: &'a mut Id,
    fields: &'a mut Map<String, Value>,
}

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                *self.id = map.next_value()?;
            } else {
                let value = map.next_value()?;
                self.fields.insert(key, value);
            }
        }
        Ok(())
    }
}

fn question(o: &Map<String, Value>) -> Result<Question, Invalid> {
    let bytes = hex(o, "packet")?.ok_or_else(|| Invalid::new("\"packet\" is missing"))?;
    if bytes.len() > LONGEST_PACKET {
        return Err(Invalid(format!("\"packet\" has {} bytes", bytes.len())));
    }
    let network = match (text(o, "family")?, bytes.first().map(|b| b >> 4)) {
        (Some("ip"), _) | (None, Some(4)) => Network::Ip4,
        (Some("ip6"), _) | (None, Some(6)) => Network::Ip6,
        (Some("arp"), _) => Network::Arp,
        (Some(f), _) => return Err(Invalid(format!("\"family\" is {f:?}: ip, ip6 or arp"))),
        (None, Some(v)) => return Err(Invalid(format!("the packet's version is {v}"))),
        (None, None) => return Err(Invalid::new("\"packet\" is empty")),
    };
    let hook = match text(o, "hook")? {
        Some(h) => Some(Hook::from_name(h).ok_or_else(|| Invalid(format!("\"hook\" is {h:?}")))?),
        None => None,
    };
    let iif = text(o, "iif")?;
    let side = match (hook, iif) {
        (Some(Hook::Output), _) | (Some(Hook::Postrouting | Hook::Egress), None) => Side::Out,
        (_, Some(iif)) => Side::In(Text::from(iif)),
        (_, None) => Side::Unsaid,
    };
    let out = side == Side::Out;
    let link = hex(o, "l2")?;
    let (uid, gid) = (number(o, "uid")?, number(o, "gid")?);
    Ok(Question {
        length: number(o, "length")?.map(|n| n as usize),
        vlan: link.as_deref().and_then(vlan),
        link,
        side,
        hook,
        oif: text(o, "oif")?.map(Text::from),
        mark: number(o, "mark")?.unwrap_or(0),
        uid: uid.filter(|_| out),
        gid: gid.filter(|_| out),
        cgroup: text(o, "cgroup")?.filter(|_| out).map(Text::from),
        ct: text(o, "ct_state")?.map(words::ct_state).transpose()?,
        ..Question::new(network, bytes)
    })
}

/// The VLAN tag behind the addresses of an Ethernet header: TCI and protocol.
fn vlan(header: &[u8]) -> Option<(u16, u16)> {
    let [a, b, c, d] = *header.get(12..16)?.first_chunk::<4>()?;
    let protocol = u16::from_be_bytes([a, b]);
    matches!(protocol, 0x8100 | 0x88a8).then_some((u16::from_be_bytes([c, d]), protocol))
}

fn text<'o>(o: &'o Map<String, Value>, key: &str) -> Result<Option<&'o str>, Invalid> {
    match o.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => Ok(Some(s)),
        Some(_) => Err(Invalid(format!("{key:?} is not a string"))),
    }
}

fn number(o: &Map<String, Value>, key: &str) -> Result<Option<u32>, Invalid> {
    let wrong = || Invalid(format!("{key:?} is not a number of 32 bits"));
    match o.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => words::number(s).map(Some).map_err(|_| wrong()),
        Some(v) => v.as_u64().and_then(|n| u32::try_from(n).ok()).map(Some).ok_or_else(wrong),
    }
}

fn hex(o: &Map<String, Value>, key: &str) -> Result<Option<Vec<u8>>, Invalid> {
    let Some(text) = text(o, key)? else { return Ok(None) };
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?)).collect();
    match bytes {
        Some(bytes) if odd.is_empty() => Ok(Some(bytes)),
        _ => Err(Invalid(format!("{key:?} is not hex"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> (String, String) {
        let (id, q) = parse(line.as_bytes());
        (id.map(|id| id.get().to_owned()).unwrap_or_default(), q.err().map(|e| e.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_line_of_the_contract_is_read() -> Result<(), Invalid> {
        let line = br#"{"id": 7, "packet": "4500001400000000400600000a0000010a000002", "family": "ip", "hook": "input",
            "iif": "v0", "oif": null, "mark": 5, "uid": null, "ct_state": "established", "l2": "0102030405060a0b0c0d0e0f8100000a0800"}"#;
        let (id, q) = parse(line);
        let q = q?;
        let id = id.map(|id| id.get().to_owned());
        assert_eq!((id.as_deref(), q.network, q.hook, q.mark), (Some("7"), Network::Ip4, Some(Hook::Input), 5));
        assert_eq!((q.side, q.vlan, q.bytes.len()), (Side::In("v0".into()), Some((10, 0x8100)), 20));
        Ok(())
    }

    #[test]
    fn whatever_is_wrong_is_said_and_the_id_kept() {
        let packet = r#""packet":"4500""#;
        for (line, id, word) in [
            ("", "", "not JSON"),
            ("{", "", "not JSON"),
            ("[1]", "", "object"),
            (r#"{"id":1,"packet":"45"#, "1", "not JSON"),
            (r#"{"id":1,"packet":"45"}}"#, "1", "not JSON"),
            (r#"{"id":1}"#, "1", "missing"),
            (r#"{"id":"x","packet":"450"}"#, "\"x\"", "hex"),
            (r#"{"id":2,"packet":"4g"}"#, "2", "hex"),
            (r#"{"id":2,"packet":"é€"}"#, "2", "hex"),
            (r#"{"id":3,"packet":17}"#, "3", "string"),
            (r#"{"id":4,"packet":""}"#, "4", "empty"),
            (r#"{"id":5,"packet":"50"}"#, "5", "version"),
            (&format!(r#"{{"id":6,{packet},"family":"ipx"}}"#), "6", "family"),
            (&format!(r#"{{"id":7,{packet},"hook":"nat"}}"#), "7", "hook"),
            (&format!(r#"{{"id":8,{packet},"mark":-1}}"#), "8", "32 bits"),
            (&format!(r#"{{"id":9,{packet},"mark":4294967296}}"#), "9", "32 bits"),
            (&format!(r#"{{"id":[1],{packet},"ct_state":"open"}}"#), "[1]", "state"),
            (&format!(r#"{{"id":null,{packet},"iif":{{}}}}"#), "", "string"),
        ] {
            let (got, said) = error(line);
            assert!(got == id && said.contains(word), "{line}: {got} {said}");
        }
        let deep = format!(r#"{{"id":1,"mark":{}"#, "[".repeat(100_000));
        assert!(error(&deep).1.contains("not JSON"));
    }

    #[test]
    fn an_id_is_repeated_as_it_was_written() -> serde_json::Result<()> {
        for id in [
            "18446744073709551616",
            "-0",
            "1.0",
            "1e400",
            "0.1000000000000000055",
            r#"{"b":1,"a":[null, 2]}"#,
            r#""\u00e9""#,
            "null",
        ] {
            let (read, _) = parse(format!(r#"{{"packet":"45","id":{id}}}"#).as_bytes());
            let answer = serde_json::to_string(&Answer::Error { id: read, error: String::new() })?;
            assert_eq!(answer, format!(r#"{{"id":{id},"error":""}}"#));
        }
        Ok(())
    }

    #[test]
    fn lines_are_taken_apart_and_long_ones_passed_over() -> io::Result<()> {
        let mut text = b"a\n\n".to_vec();
        text.extend(vec![b'x'; (LONGEST + 5) as usize]);
        text.extend(b"\nlast");
        let mut input = text.as_slice();
        let mut read = Vec::new();
        while let Some(l) = line(&mut input)? {
            read.push(l.map(|b| String::from_utf8_lossy(&b).into_owned()).map_err(|_| ()));
        }
        assert_eq!(read, [Ok("a".into()), Ok(String::new()), Err(()), Ok("last".into())]);
        Ok(())
    }
}
