//! `nfblame conntrack`.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args as ClapArgs, ValueEnum};
use nfblame::evaluate::Fact;
use nfblame::evidence::Stop;
use nfblame::host::conntrack::{self, Summary};
use nfblame::host::{Usage, sysctl};
use nfblame::report::conntrack as report;
use nfblame::report::json;
use nfblame::ruleset::render::Out;
use nfblame::ruleset::render::nft::{Names, System};
use nfblame::sys;
use nfblame::sys::ct::{Conntrack, Events, Filter, ProtoInfo, Status, TupleFilter};
use nfblame::sys::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};

use super::args::Global;
use super::exit::Exit;
use super::signals;

/// How many of each kind `top` shows by default.
const TOP: usize = 10;
/// How much text is collected before it is written.
const CHUNK: usize = 16 << 10;
/// From so many connections on the order of a list is not the kernel's, which is that of a hash.
const LARGE: u32 = 20_000;
/// Enough for a list, and every page of a stack counts.
const STACK: usize = 64 << 10;
/// What goes wrong on any thread.
type Failed = Box<dyn Error + Send + Sync>;
/// Room for changes of connections that are not read yet, in bytes.
const BUFFER: usize = 8 << 20;

/// `nfblame conntrack`.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// What to show
    #[arg(value_enum, default_value_t = What::List)]
    what: What,
    /// Only IPv4 (4) or IPv6 (6)
    #[arg(short, long, value_name = "4|6", value_parser = clap::value_parser!(u8).range(4..=6))]
    family: Option<u8>,
    /// Only this protocol, by name (tcp, udp, icmp, icmpv6, sctp, dccp, gre, udplite) or number
    #[arg(short, long, value_name = "PROTO", value_parser = protocol)]
    protocol: Option<u8>,
    /// Only connections from this address
    #[arg(short, long, value_name = "ADDRESS")]
    src: Option<IpAddr>,
    /// Only connections to this address, as the client sees it
    #[arg(short, long, value_name = "ADDRESS")]
    dst: Option<IpAddr>,
    /// Only connections from this port
    #[arg(long, value_name = "PORT")]
    sport: Option<u16>,
    /// Only connections to this port, as the client sees it
    #[arg(long, value_name = "PORT")]
    dport: Option<u16>,
    /// Only connections whose answers come from this address (the real server behind NAT)
    #[arg(long, value_name = "ADDRESS")]
    reply_src: Option<IpAddr>,
    /// Only connections whose answers go to this address (the address behind which a client is masqueraded)
    #[arg(long, value_name = "ADDRESS")]
    reply_dst: Option<IpAddr>,
    /// Only connections with this mark, under a mask if there is one
    #[arg(short, long, value_name = "MARK[/MASK]", value_parser = mark)]
    mark: Option<(u32, u32)>,
    /// Only connections of this zone
    #[arg(short = 'w', long, value_name = "ZONE")]
    zone: Option<u16>,
    /// Only connections with these status bits (seen_reply, assured, src_nat, …); `!` before a name: without it
    #[arg(short = 'u', long, value_name = "[!]BIT,…", value_delimiter = ',', value_parser = status_bit)]
    status: Vec<(Status, bool)>,
    /// Only connections in this state (established, time_wait, cookie_wait, …)
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<&'static str>,
    /// How many of each kind `top` shows
    #[arg(short, long, value_name = "COUNT", default_value_t = TOP)]
    count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Every connection
    List,
    /// Usage against the limit, and what went wrong on each CPU
    Stats,
    /// What the table is full of: states, sources, destinations, services
    Top,
    /// Connections as they begin, change and end
    Events,
    /// Connections that others have announced (FTP's data connection and the like)
    Expect,
}

/// Shows the connection table.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    let usage = usage()?;
    tell_if_it_would_load()?;
    let filter = args.filter();
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match args.what {
        What::List if global.json => list_json(&filter, &mut out)?,
        What::List => list(&filter).map_err(|e| e as Box<dyn Error>)?,
        What::Stats => stats(global, usage, &mut out)?,
        What::Top => top(global, &filter, args.count, usage, &mut out)?,
        What::Events => events(global, &filter, &mut out)?,
        What::Expect => expectations(global, &mut out)?,
    }
    out.flush()?;
    Ok(Exit::Nothing)
}

/// Lists everything as text: what [`run`] does when nothing but the command is given.
pub fn run_plain() -> Result<Exit, Box<dyn Error>> {
    tell_if_it_would_load()?;
    match list(&Filter::any()).map_err(|e| e as Box<dyn Error>) {
        Ok(()) => Ok(Exit::Nothing),
        // Where nothing tracks connections, that is the better word.
        Err(e) if !super::exit::is_broken_pipe(e.as_ref()) => Err(usage().err().unwrap_or(e)),
        Err(e) => Err(e),
    }
}

fn tell_if_it_would_load() -> Result<(), Box<dyn Error>> {
    if Conntrack::would_load() {
        return Err(
            "the connection table cannot be read without loading a module: modprobe nf_conntrack_netlink".into()
        );
    }
    Ok(())
}

/// In small buffers, however large the table. Nearly all the time goes into the kernel's writing of a dump, so the two
/// families of a large table are dumped at once.
fn list(filter: &Filter) -> Result<(), Failed> {
    let mut kernel = Conntrack::open()?;
    if *filter != Filter::any() || kernel.totals().map_or(0, |t| t.entries) < LARGE {
        return list_part(&mut kernel, filter);
    }
    let of = |family| Filter { family, ..Filter::any() };
    thread::scope(|s| {
        let other = thread::Builder::new().stack_size(STACK).spawn_scoped(s, || {
            let mut kernel = Conntrack::open()?;
            kernel.set_read_ahead(false);
            list_part(&mut kernel, &of(NFPROTO_IPV6))
        });
        let Ok(other) = other else { return list_part(&mut kernel, filter) };
        let listed = list_part(&mut kernel, &of(NFPROTO_IPV4));
        other.join().map_err(|_| io::Error::other("a thread that listed connections ended"))?.and(listed)
    })
}

/// Writes whole lines at a time: others may write between them.
fn list_part(kernel: &mut Conntrack, filter: &Filter) -> Result<(), Failed> {
    let mut text = Out::with_capacity(CHUNK + 1024);
    let mut failed = Ok(());
    let now = now();
    kernel.dump(filter, |flow| {
        report::flow(&mut text, flow, now);
        text.str("\n");
        if text.len() >= CHUNK {
            if failed.is_ok() {
                failed = io::stdout().lock().write_all(text.as_bytes());
            }
            text.truncate(0);
        }
    })?;
    failed?;
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn list_json(filter: &Filter, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut failed = Ok(());
    Conntrack::open()?.dump(filter, |flow| {
        if failed.is_ok() {
            failed = serde_json::to_writer(&mut *out, &report::FlowLine::new(flow, None))
                .map_err(io::Error::from)
                .and_then(|()| out.write_all(b"\n"));
        }
    })?;
    Ok(failed?)
}

fn stats(global: &Global, usage: Usage, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let cpus = Conntrack::open()?.cpu_stats()?;
    if global.json {
        json::line(out, &report::StatsLine::new(usage, &cpus))?;
        return Ok(());
    }
    writeln!(out, "{}", report::usage(usage))?;
    for cpu in &cpus {
        writeln!(out, "{}", report::cpu(cpu).trim_end())?;
    }
    Ok(())
}

fn top(
    global: &Global,
    filter: &Filter,
    count: usize,
    usage: Usage,
    out: &mut impl Write,
) -> Result<(), Box<dyn Error>> {
    let mut summary = Summary::default();
    Conntrack::open()?.dump(filter, |flow| summary.add(flow))?;
    let top = summary.top(count);
    if global.json {
        json::line(out, &report::TopLine::new(&summary, &top, Some(usage)))?;
    } else {
        out.write_all(report::top(&summary, &top, Some(usage)).as_bytes())?;
    }
    Ok(())
}

fn expectations(global: &Global, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut line = Out::new();
    for expected in Conntrack::open()?.expectations()? {
        if global.json {
            json::line(out, &report::ExpectLine::new(&expected))?;
        } else {
            line.truncate(0);
            report::expectation(&mut line, &expected);
            line.str("\n");
            out.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

/// Until a signal.
fn events(global: &Global, filter: &Filter, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let signals = signals::block()?;
    let stop = Stop::new()?;
    signals.stop_on_signal(stop.clone())?;
    let mut events = Events::open(BUFFER)?;
    let names = System::new();
    let mut line = Out::new();
    while !stop.wait_readable(&events)? {
        let mut failed = Ok(());
        let received = events.receive(|change, flow| {
            if failed.is_err() || !filter.matches(flow) {
                return;
            }
            failed = if global.json {
                json::line(out, &report::FlowLine::new(flow, Some(change)))
            } else {
                line.truncate(0);
                report::change(&mut line, change, flow, now());
                if let Some(program) = flow.port.and_then(|port| names.program(port)) {
                    line.str(&format!(" progname={program}"));
                }
                line.str("\n");
                out.write_all(line.as_bytes()).and_then(|()| out.flush())
            };
        });
        match received {
            Err(sys::Error::Overrun { .. }) if global.json => json::line(out, &lost())?,
            Err(sys::Error::Overrun { .. }) => eprintln!("nfblame: changes of connections were lost (ENOBUFS)"),
            received => received?,
        }
        failed?;
    }
    Ok(())
}

/// The contract's word for loss. How much was lost the kernel does not say.
fn lost() -> serde_json::Value {
    let schema = nfblame::blame::SCHEMA;
    serde_json::json!({"schema": schema, "event": "lost", "source": "conntrack events", "count": null, "cause": "ENOBUFS"})
}

fn usage() -> Result<Usage, Box<dyn Error>> {
    match conntrack::usage(sysctl::read) {
        Fact::Is(usage) => Ok(usage),
        Fact::Absent => Err("this kernel does not track connections: modprobe nf_conntrack_netlink".into()),
        Fact::Unknown(why) => Err(why.into()),
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

impl Args {
    fn filter(&self) -> Filter {
        let (mut value, mut mask) = (Status::empty(), Status::empty());
        for (bit, on) in &self.status {
            mask |= *bit;
            value.set(*bit, *on);
        }
        Filter {
            family: match self.family {
                Some(4) => NFPROTO_IPV4,
                Some(6) => NFPROTO_IPV6,
                _ => 0,
            },
            mark: self.mark,
            status: (!mask.is_empty()).then_some((value, mask)),
            zone: self.zone,
            state: self.state,
            orig: TupleFilter {
                src: self.src,
                dst: self.dst,
                protocol: self.protocol,
                sport: self.sport,
                dport: self.dport,
            },
            reply: TupleFilter { src: self.reply_src, dst: self.reply_dst, ..TupleFilter::default() },
        }
    }
}

fn protocol(text: &str) -> Result<u8, String> {
    let known = [
        ("icmp", 1),
        ("tcp", 6),
        ("udp", 17),
        ("dccp", 33),
        ("gre", 47),
        ("icmpv6", 58),
        ("icmp6", 58),
        ("sctp", 132),
        ("udplite", 136),
    ];
    match known.iter().find(|(name, _)| *name == text) {
        Some((_, number)) => Ok(*number),
        None => text.parse().map_err(|_| "not a protocol that is known by name, nor a number up to 255".into()),
    }
}

fn state(text: &str) -> Result<&'static str, String> {
    ProtoInfo::state_named(text).ok_or("no protocol's tracker has a state of that name".into())
}

/// Decimal, or hexadecimal after `0x`.
fn mark(text: &str) -> Result<(u32, u32), String> {
    let number = |t: &str| match t.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).map_err(|e| e.to_string()),
        None => t.parse::<u32>().map_err(|e| e.to_string()),
    };
    match text.split_once('/') {
        Some((value, mask)) => Ok((number(value)?, number(mask)?)),
        None => Ok((number(text)?, u32::MAX)),
    }
}

fn status_bit(text: &str) -> Result<(Status, bool), String> {
    let (name, on) = text.strip_prefix('!').map_or((text, true), |name| (name, false));
    let known = || Status::all().iter_names().map(|(name, _)| name.to_ascii_lowercase());
    match Status::from_name(&name.to_ascii_uppercase()) {
        Some(bit) => Ok((bit, on)),
        None => Err(format!("the bits are {}", known().collect::<Vec<_>>().join(", "))),
    }
}
