//! Records what the kernel says in this network namespace as seeds for the fuzz targets: `fuzz/record.sh` prepares one
//! and runs this in it.
//!
//! ```text
//! target/debug/examples/record_seeds DIRECTORY
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, fs, io, process};

use nfblame::ruleset::Ruleset;
use nfblame::sys::ct::{Conntrack, Filter};
use nfblame::sys::diag::{Protocol, Sockets};
use nfblame::sys::ipset::Ipset;
use nfblame::sys::netlink::{Client, Datagram, Family as Netlink, Messages, Socket, Transport, message};
use nfblame::sys::nft::monitor::Received;
use nfblame::sys::nft::{Event, Expr, Monitor};
use nfblame::sys::rt::Router;
use nfblame::sys::uapi::nf_tables::*;
use nfblame::sys::uapi::nfnetlink::*;
use nfblame::sys::xt::{Action, Table};

/// Messages are put together up to so many bytes.
const PORTION: usize = 1500;
/// What is larger makes a bad seed.
const LARGEST: usize = 12 << 10;
/// There need not be more seeds of a kind.
const MOST: usize = 40;
/// How long packets are waited for.
const WAIT: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(env::args().nth(1).ok_or("usage: record_seeds DIRECTORY")?);
    let rules = nft(&directory)?;
    xtables(&directory, &rules)?;
    conntrack(&directory)?;
    ipset(&directory)?;
    rtnetlink(&directory)?;
    events(&directory)
}

/// Keeps what a socket brings.
struct Tape {
    socket: Socket,
    received: Datagrams,
}

impl Transport for Tape {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send(datagram)
    }

    fn receive(&mut self, buf: &mut [u8]) -> io::Result<Datagram> {
        let datagram = self.socket.receive(buf)?;
        kept(&self.received).push(buf.get(..datagram.len).unwrap_or_default().to_vec());
        Ok(datagram)
    }
}

type Datagrams = Arc<Mutex<Vec<Vec<u8>>>>;

fn kept(all: &Datagrams) -> MutexGuard<'_, Vec<Vec<u8>>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tape(socket: Socket) -> (Tape, Datagrams) {
    let received = Datagrams::default();
    (Tape { socket, received: Arc::clone(&received) }, received)
}

fn open(family: Netlink) -> Result<(Client<Tape>, Datagrams), Box<dyn Error>> {
    let (tape, received) = tape(Socket::open(family)?);
    Ok((Client::new(tape), received))
}

/// The messages that were received, whole, but for the ends of dumps.
fn recorded(datagrams: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    for datagram in datagrams {
        let mut at = 0;
        for m in Messages::new(datagram).map_while(Result::ok) {
            let len = (message::HEADER + m.payload.len()).next_multiple_of(4);
            all.extend(datagram.get(at..at + len).filter(|_| m.kind > message::OVERRUN));
            at += len;
        }
    }
    all
}

fn write(directory: &Path, target: &str, seeds: &[Vec<u8>]) -> Result<(), Box<dyn Error>> {
    let directory = directory.join(target);
    fs::create_dir_all(&directory)?;
    let small: Vec<&Vec<u8>> = seeds.iter().filter(|s| s.len() <= LARGEST).collect();
    let kept = small.iter().step_by(small.len().div_ceil(MOST).max(1));
    for (i, seed) in kept.enumerate() {
        fs::write(directory.join(format!("{i:02}")), seed)?;
    }
    println!("{target}: {} seeds, {} of them small enough", seeds.len(), small.len());
    Ok(())
}

/// Puts pieces together to seeds of a good size.
fn portions<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for piece in pieces {
        match all.last_mut() {
            Some(last) if last.len() + piece.len() <= PORTION => last.extend_from_slice(piece),
            _ => all.push(piece.to_vec()),
        }
    }
    all
}

fn kind(message: &[u8]) -> (u8, u8) {
    match message {
        [_, _, _, _, low, high, ..] => (*high, *low),
        _ => (0, 0),
    }
}

fn nft(directory: &Path) -> Result<Ruleset, Box<dyn Error>> {
    let (mut client, received) = open(Netlink::Netfilter)?;
    let mut rules = Ruleset::default();
    rules.read_nft(&mut client)?;
    let received = kept(&received);
    let messages = recorded(&received);
    let of = |wanted: &[u8]| {
        let wanted = |m: &&[u8]| kind(m).0 == NFNL_SUBSYS_NFTABLES && wanted.contains(&kind(m).1);
        messages.iter().copied().filter(wanted).collect::<Vec<_>>()
    };
    write(directory, "nft_rule", &portions(of(&[NFT_MSG_NEWRULE])))?;
    // A set goes with its elements. The name of the table, and that of the set, are the first attributes of both.
    let mut sets: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut tables: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for m in
        of(&[NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN, NFT_MSG_NEWRULE, NFT_MSG_NEWSET, NFT_MSG_NEWSETELEM, NFT_MSG_NEWOBJ])
    {
        let Some(Ok(message)) = Messages::new(m).next() else { continue };
        let (nfgen, attrs) = message.nfgen()?;
        let names: Vec<&[u8]> = attrs.map_while(Result::ok).take(2).map(|a| a.bytes()).collect();
        let [table, rest @ ..] = names.as_slice() else { continue };
        let table = [&[nfgen.family], *table].concat();
        if let (NFT_MSG_NEWSET | NFT_MSG_NEWSETELEM, [set, ..]) = (kind(m).1, rest) {
            sets.entry([table.as_slice(), *set].concat()).or_default().extend_from_slice(m);
        }
        tables.entry(table).or_default().extend_from_slice(m);
    }
    write(directory, "nft_set", &portions(sets.values().map(Vec::as_slice)))?;
    write(directory, "nft_ruleset", &tables.into_values().collect::<Vec<_>>())?;
    Ok(rules)
}

/// Family, whether it is a target, name and revision.
type Extension = (u8, bool, Vec<u8>, u8);

fn xtables(directory: &Path, rules: &Ruleset) -> Result<(), Box<dyn Error>> {
    let mut legacy = Ruleset::default();
    legacy.read_legacy();
    let tables: Vec<Vec<u8>> = legacy.xt.iter().map(table).collect();
    write(directory, "xt_table", &tables)?;
    let mut payloads: BTreeMap<Extension, BTreeSet<Vec<u8>>> = BTreeMap::new();
    let mut add = |family: u8, is_target, name: &[u8], revision, data: &[u8]| {
        payloads.entry((family, is_target, name.to_vec(), revision)).or_default().insert(data.to_vec());
    };
    for table in &legacy.xt {
        let family = table.family().nfproto();
        for chain in table.chains() {
            for rule in chain.rules() {
                for m in rule.entry.matches().map_while(Result::ok) {
                    add(family, false, m.name.as_bytes(), m.revision, m.data.0);
                }
                if let Ok(Action::Target(t)) = rule.action() {
                    add(family, true, t.name.as_bytes(), t.revision, t.data.0);
                }
            }
        }
    }
    for table in &rules.nft {
        let family = table.def.family.code();
        for expr in table.chains.iter().flat_map(|c| &c.rules).flat_map(|r| &r.exprs) {
            match expr {
                Expr::Match(b) => add(family, false, b.name.as_bytes(), b.revision, &b.data),
                Expr::Target(b) => add(family, true, b.name.as_bytes(), b.revision, &b.data),
                _ => {}
            }
        }
    }
    let mut pieces = Vec::new();
    for ((family, is_target, name, revision), all) in payloads {
        for data in all.iter().take(3) {
            let [low, high] = (data.len() as u16).to_ne_bytes();
            let head = [family, is_target.into(), revision, name.len() as u8, low, high];
            pieces.push([&head, name.as_slice(), data].concat());
        }
    }
    write(directory, "xt_payload", &portions(pieces.iter().map(Vec::as_slice)))
}

/// As `fuzz/src/xt.rs` reads it.
fn table(t: &Table) -> Vec<u8> {
    let info = t.info();
    let mut seed = vec![t.family().nfproto()];
    let numbers = [info.valid_hooks].into_iter().chain(info.hook_entry).chain(info.underflow).chain([info.num_entries]);
    numbers.for_each(|n| seed.extend(n.to_ne_bytes()));
    seed.extend_from_slice(t.as_bytes());
    seed
}

fn conntrack(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut all = Vec::new();
    for what in 0..3 {
        let (client, received) = open(Netlink::Netfilter)?;
        let mut table = Conntrack::new(client);
        match what {
            0 => table.dump(&Filter::any(), |_| ())?,
            1 => drop(table.expectations()?),
            _ => drop(table.cpu_stats()?),
        }
        all.extend(portions(recorded(&kept(&received))));
    }
    write(directory, "conntrack", &all)
}

fn ipset(directory: &Path) -> Result<(), Box<dyn Error>> {
    let (client, received) = open(Netlink::Netfilter)?;
    Ipset::new(client)?.list()?;
    let received = kept(&received);
    let messages = recorded(&received);
    write(directory, "ipset", &portions(messages.into_iter().skip(1)))
}

fn rtnetlink(directory: &Path) -> Result<(), Box<dyn Error>> {
    let mut all = Vec::new();
    for family in [2, 10] {
        let (client, received) = open(Netlink::Route)?;
        Router::new(client).routes::<()>(family, 255, |(), _| ())?;
        all.extend(portions(recorded(&kept(&received))));
    }
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let (client, received) = open(Netlink::SockDiag)?;
        Sockets::new(client).all(protocol, |_| ())?;
        all.extend(portions(recorded(&kept(&received))));
    }
    write(directory, "rtnetlink", &all)
}

/// Logged packets, trace records and notifications, while the script makes some. Ready once it says so.
fn events(directory: &Path) -> Result<(), Box<dyn Error>> {
    let socket = Socket::open(Netlink::Netfilter)?;
    socket.set_receive_buffer(8 << 20)?;
    socket.join(NFNLGRP_NFTABLES)?;
    socket.join(NFNLGRP_NFTRACE)?;
    socket.set_nonblocking(true)?;
    let (tape, received) = tape(socket);
    let mut monitor = Monitor::new(tape);
    fs::write(directory.join(".ready"), process::id().to_string())?;
    let (begin, mut ended) = (Instant::now(), false);
    while !ended && begin.elapsed() < WAIT {
        let got = monitor.receive(|n| ended |= matches!(n.event, Event::Table(_, t) if t.name == "end"))?;
        if matches!(got, Received::Lost | Received::Truncated) {
            return Err(format!("{got:?}").into());
        }
        std::thread::yield_now();
    }
    fs::remove_file(directory.join(".ready"))?;
    let received = kept(&received);
    let messages = recorded(&received);
    let (trace, change): (Vec<&[u8]>, Vec<&[u8]>) = messages.into_iter().partition(|m| kind(m).1 == NFT_MSG_TRACE);
    write(directory, "trace", &portions(trace))?;
    write(directory, "nft_event", &portions(change))
}
