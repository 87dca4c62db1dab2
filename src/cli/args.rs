//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// git blame for dropped packets: which rule, policy or setting dropped a packet, and why.
#[derive(Debug, Parser)]
#[command(name = "nfblame", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "Exit codes: 0 done, nothing to report; 1 drops, findings or a \"no\"; 2 error.";

/// What every command understands.
#[derive(Debug, Args)]
pub struct Global {
    /// Print JSON (a stream is one object a line)
    #[arg(short, long, global = true)]
    pub json: bool,
    /// Work in this network namespace
    #[arg(long, global = true, value_name = "NAME|PID|PATH")]
    pub netns: Option<String>,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Print numbers instead of names (this is the default; accepted for habit's sake)
    #[arg(short, long, global = true)]
    pub numeric: bool,
    /// Say less
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more (twice: much more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the main job on throw-away networks: three misconfigured firewalls, real packets, and who dropped each
    Demo,
    /// What this kernel and these privileges allow, with the reason and the remedy for each "no"
    Doctor(Doctor),
    /// Show the rulesets as the kernel holds them, of all backends, in the order in which packets meet them
    List(super::list::Args),
    /// Show every logged or traced drop as it happens, with the rule to blame
    Watch(Watch),
    /// Show the connection table: entries, usage and trouble, what fills it
    Conntrack(super::conntrack::Args),
    /// Show what is wrong, or may be, with this host's firewall and packet path, and what to change
    Check(super::check::Args),
    /// Say what would happen to a packet here and now, hook by hook, and who would stop it
    Explain(super::explain::Args),
    /// Say why a packet does not arrive: one sentence, with the evidence and the rules that nearly let it pass
    Why(super::explain::WhyArgs),
}

/// `nfblame doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// First put back what a killed run could not: in which log the kernel's legacy TRACE records go
    #[arg(long)]
    pub repair: bool,
}

/// `nfblame watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Only packets that match, in a subset of pcap-filter: `tcp and dst port 80 and not host 10.0.0.1`
    #[arg(value_name = "FILTER", trailing_var_arg = true)]
    pub filter: Vec<String>,
    /// Only packets that came in or go out by this interface
    #[arg(short, long, value_name = "IFACE")]
    pub interface: Option<String>,
    /// Stop after this many
    #[arg(short, long, value_name = "COUNT")]
    pub count: Option<u64>,
    /// Bind this NFLOG group instead of those that the rulesets name (repeatable)
    #[arg(short, long, value_name = "GROUP")]
    pub group: Vec<u16>,
    /// Also write the packets to a pcapng file, each with its blame as a comment
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,
    /// Trace packets that match FILTER through all rules: sees also drops that no rule logs. Installs a table of our
    /// own, which vanishes when we end
    #[arg(long)]
    pub trace: bool,
    /// With --trace: trace at most this many packets a second
    #[arg(long, value_name = "N", requires = "trace", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// One line a packet
    #[arg(short, long)]
    pub brief: bool,
    /// Leave the kernel's drop monitor alone. Without this, where the kernel has one that nobody uses, it runs while we
    /// watch, and tells of drops that no rule logs
    #[arg(long)]
    pub no_drop_monitor: bool,
    /// Also packets that got through, and drops that are normal life
    #[arg(long)]
    pub all: bool,
}
