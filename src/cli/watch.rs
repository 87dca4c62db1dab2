//! `nfblame watch`.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use nfblame::blame::{Blame, SCHEMA};
use nfblame::evidence::{Selection, Stop, TraceConfig};
use nfblame::filter::Filter;
use nfblame::host::{Host, KernelHost};
use nfblame::report::lines::Lines;
use nfblame::report::pcapng::{Direction, Writer};
use nfblame::report::{json, text};
use nfblame::sys::rt::Link;
use nfblame::watch::{Options, Output, Seen, Summary, Watch};

use super::args::{Global, Watch as Args};
use super::exit::Exit;
use super::{output, signals};

/// `XDP_ATTACHED_SKB`.
const XDP_GENERIC: u8 = 2;

/// Watches until a signal, the count, or the end of the evidence.
pub fn run(global: &Global, args: &Args) -> Result<Exit, Box<dyn Error>> {
    // Threads inherit the mask: it has to be set before any is started.
    let signals = signals::block()?;
    let host = KernelHost::open()?;
    let options = Options {
        groups: (!args.group.is_empty()).then(|| args.group.clone()),
        selection: Selection { filter: filter(args)?, interface: interface(&host, args)? },
        trace: args.trace.then_some(TraceConfig { rate: args.rate, ephemeral: false }),
        drop_monitor: !args.no_drop_monitor,
        all: args.all,
    };
    let pcap = args.write.as_deref().map(pcap).transpose()?;
    let watch = Watch::start(options)?;
    let stop = watch.evidence().stopper();
    for gap in watch.evidence().gaps() {
        tracing::warn!("{gap}");
    }
    // The drop monitor tells of what a program takes, but not where it does so in the driver of a network card.
    let monitors = watch.evidence().monitors_drops();
    let is_seen = |l: &Link| {
        monitors
            && (l.xdp.is_some_and(|x| x.attached == XDP_GENERIC)
                || l.kind.as_ref().is_some_and(|k| k.as_bytes() == b"veth"))
    };
    for link in host.links().known().iter().flat_map(|l| l.iter()).filter(|l| l.xdp.is_some() && !is_seen(l)) {
        tracing::warn!(
            "XDP program at {}: packets that it takes cannot be seen from here (nfblame check: NB0801)",
            link.name
        );
    }
    let (out, styled) = output::buffered(global.color)?;
    let mut out = Out {
        out,
        lines: Lines::new(styled),
        styled,
        line: Vec::new(),
        json: global.json,
        brief: args.brief,
        pcap,
        left: args.count,
        failed: None,
    };
    out.ready(global, &watch)?;
    if watch.is_blind() {
        tracing::warn!(
            "nothing will be seen: no rule logs to a group, nothing is traced (--trace), and the kernel's drop monitor is not used (nfblame doctor says what would bring it)"
        );
    }
    signals.stop_on_signal(stop.clone())?;
    let summary = watch.run(&host, &mut |o| out.take(&o, &stop));
    out.finish(&summary, global.quiet)?;
    Ok(if summary.drops > 0 { Exit::Something } else { Exit::Nothing })
}

fn filter(args: &Args) -> Result<Option<Filter>, Box<dyn Error>> {
    let words = args.filter.join(" ");
    if words.trim().is_empty() {
        return Ok(None);
    }
    Filter::parse(&words).map(Some).map_err(|e| format!("{e}\n{}", e.underlined(&words)).into())
}

fn interface(host: &KernelHost, args: &Args) -> Result<Option<u32>, Box<dyn Error>> {
    use nfblame::evaluate::Fact;
    let Some(name) = &args.interface else { return Ok(None) };
    match host.link_named(name.as_bytes()) {
        Fact::Is(link) => Ok(Some(link.index)),
        Fact::Absent => Err(format!("interface {name}: there is none of that name in this network namespace").into()),
        Fact::Unknown(why) => Err(format!("interface {name}: {why}").into()),
    }
}

type Pcap = Writer<BufWriter<Box<dyn Write>>>;

fn pcap(path: &std::path::Path) -> Result<Pcap, Box<dyn Error>> {
    let to: Box<dyn Write> = if path.as_os_str() == "-" {
        Box::new(io::stdout())
    } else {
        Box::new(File::create(path).map_err(|e| format!("create {}: {e}", path.display()))?)
    };
    Ok(Writer::new(BufWriter::new(to))?)
}

/// A blame of several packets that are alike.
#[derive(serde::Serialize)]
struct Counted<'b> {
    #[serde(flatten)]
    blame: &'b Blame,
    count: u64,
}

/// Where everything goes.
struct Out<W> {
    out: W,
    lines: Lines,
    line: Vec<u8>,
    styled: bool,
    json: bool,
    brief: bool,
    pcap: Option<Pcap>,
    /// How many blames may still come.
    left: Option<u64>,
    failed: Option<io::Error>,
}

impl<W: Write> Out<W> {
    fn ready(&mut self, global: &Global, watch: &Watch) -> io::Result<()> {
        if self.json {
            return json::line(&mut self.out, &serde_json::json!({"schema": SCHEMA, "event": "ready"}));
        }
        if !global.quiet {
            let generation = watch.generations().latest().and_then(|r| r.generation);
            let generation = generation.map_or_else(String::new, |g| format!(" (ruleset generation {g})"));
            eprintln!("nfblame: watching{generation}; Ctrl-C ends with a summary");
        }
        Ok(())
    }

    fn take(&mut self, o: &Output<'_>, stop: &Stop) -> ControlFlow<()> {
        match self.print(o) {
            Ok(()) if self.left == Some(0) => {
                stop.stop();
                ControlFlow::Break(())
            }
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => {
                self.failed = Some(e);
                ControlFlow::Break(())
            }
        }
    }

    fn print(&mut self, o: &Output<'_>) -> io::Result<()> {
        match o {
            Output::Blame(blame, seen) => {
                self.blame(blame, seen)?;
                self.packet(blame, seen)?;
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(1);
                }
                Ok(())
            }
            Output::Lost(loss) if self.json => json::line(
                &mut self.out,
                &serde_json::json!({
                    "schema": SCHEMA, "event": "lost", "source": loss.source, "count": loss.at_least(),
                    "at_least": loss.count.is_none(), "cause": loss.cause,
                }),
            ),
            Output::Lost(loss) => {
                let more = if loss.count.is_none() { "at least " } else { "" };
                writeln!(self.out, "LOST {more}{} of {}: {}", loss.at_least(), loss.source, loss.cause)
            }
            Output::Idle => {
                self.out.flush()?;
                self.pcap.as_mut().map_or(Ok(()), Writer::flush)
            }
            Output::Note(note) => {
                tracing::warn!("{note}");
                Ok(())
            }
        }
    }

    fn blame(&mut self, blame: &Blame, seen: &Seen<'_>) -> io::Result<()> {
        if self.json {
            return match seen.count {
                1 => json::line(&mut self.out, blame),
                count => json::line(&mut self.out, &Counted { blame, count }),
            };
        }
        if self.brief {
            self.line.clear();
            self.lines.add(&mut self.line, blame, seen.count, seen.answer);
            return self.out.write_all(&self.line);
        }
        let many = if seen.count > 1 { format!("{:14}{} packets like this\n", "", seen.count) } else { String::new() };
        let block = format!("{}{many}\n", text::block(blame));
        if self.styled {
            self.out.write_all(block.as_bytes())
        } else {
            write!(self.out, "{}", anstream::adapter::strip_str(&block))
        }
    }

    fn packet(&mut self, blame: &Blame, seen: &Seen<'_>) -> io::Result<()> {
        let Some(pcap) = &mut self.pcap else { return Ok(()) };
        let way = match seen.inbound {
            Some(true) => Direction::Inbound,
            Some(false) => Direction::Outbound,
            None => Direction::Unknown,
        };
        let comment = anstream::adapter::strip_str(&text::block(blame)).to_string();
        pcap.packet(seen.time, seen.bytes, blame.packet.length, way, comment.trim_end())
    }

    fn finish(mut self, summary: &Summary, quiet: bool) -> io::Result<()> {
        if let Some(e) = self.failed {
            return Err(e);
        }
        if let Some(pcap) = &mut self.pcap {
            pcap.flush()?;
        }
        if self.json {
            return json::line(&mut self.out, summary);
        }
        self.out.flush()?;
        if !quiet {
            eprint!("{}", text::summary(summary));
        }
        Ok(())
    }
}
