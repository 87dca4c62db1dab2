//! A packet as arguments.

use std::error::Error;

use nfblame::explain::{Ask, Question, logged};
use nix::unistd::{Group, User};

/// A packet in words.
#[derive(Debug, Clone, clap::Args)]
pub struct Packet {
    /// PROTOCOL SRC[:PORT] DST[:PORT]: `tcp 10.0.0.5:4242 10.0.0.1:80`, `icmp6 2001:db8::5 2001:db8::1`
    #[arg(value_names = ["PROTOCOL", "SRC", "DST"], num_args = 0..=3)]
    pub packet: Vec<String>,
    /// The packet of a line that a LOG rule wrote to the kernel's log: 'IN=eth0 OUT= SRC=… DST=… PROTO=TCP SPT=… DPT=…'
    #[arg(long = "log", value_name = "LINE", conflicts_with = "packet")]
    pub line: Option<String>,
    /// The interface that it comes in by (without it: the one that leads back to SRC)
    #[arg(short, long, value_name = "IFACE")]
    pub interface: Option<String>,
    /// This host sends it
    #[arg(long, conflicts_with = "interface")]
    pub out: bool,
    /// The interface that it leaves by, instead of the one that routing chooses
    #[arg(long, value_name = "IFACE")]
    pub oif: Option<String>,
    /// What conntrack says of it: new, established, related, invalid, untracked (without it: what its table says now)
    #[arg(long, value_name = "STATE")]
    pub ct: Option<String>,
    /// The packet mark
    #[arg(long, value_name = "MARK")]
    pub mark: Option<String>,
    /// The user that sends it, by name or number
    #[arg(long, value_name = "USER")]
    pub uid: Option<String>,
    /// The group that sends it, by name or number
    #[arg(long, value_name = "GROUP")]
    pub gid: Option<String>,
    /// The control group (version 2) that sends it
    #[arg(long, value_name = "PATH")]
    pub cgroup: Option<String>,
    /// TCP flags, `syn,ack` (without it: syn for a new connection, ack for an established one)
    #[arg(long, value_name = "FLAGS")]
    pub flags: Option<String>,
    /// Bytes from the IP header on
    #[arg(long, visible_alias = "length", value_name = "BYTES")]
    pub len: Option<usize>,
    /// The type of an ICMP message, by name or number (without it: an echo request)
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// The code of an ICMP message
    #[arg(long, value_name = "CODE")]
    pub code: Option<u8>,
    /// TTL or hop limit
    #[arg(long, value_name = "N")]
    pub ttl: Option<u8>,
    /// TOS or traffic class
    #[arg(long, value_name = "N")]
    pub tos: Option<String>,
    /// DSCP, by name or number
    #[arg(long, value_name = "DSCP", conflicts_with = "tos")]
    pub dscp: Option<String>,
    /// The hardware address that it comes from
    #[arg(long, value_name = "MAC")]
    pub mac: Option<String>,
    /// Begin at this hook: ingress, prerouting, input, forward, output, postrouting, egress
    #[arg(long, value_name = "HOOK")]
    pub hook: Option<String>,
}

impl Packet {
    /// The question that the arguments ask.
    pub fn question(&self) -> Result<Question, Box<dyn Error>> {
        if let Some(line) = &self.line {
            return Ok(self.ask(logged::ask(line)?)?.question()?);
        }
        let [protocol, src, dst] = self.packet.as_slice() else {
            return Err("say which packet: PROTOCOL SRC[:PORT] DST[:PORT], such as `tcp 10.0.0.5 10.0.0.1:80`".into());
        };
        let ends = Ask { protocol: protocol.clone(), src: src.clone(), dst: dst.clone(), ..Ask::default() };
        Ok(self.ask(ends)?.question()?)
    }

    /// The same question about a packet of another source.
    pub fn question_from(&self, other: &str) -> Result<Question, Box<dyn Error>> {
        if self.line.is_some() {
            return Err("--log names one packet: write it out to ask beside which other it differs".into());
        }
        let mut packet = self.packet.clone();
        if let Some(src) = packet.get_mut(1) {
            *src = other.to_owned();
        }
        Self { packet, ..self.clone() }.question()
    }

    /// What the arguments say beside the packet.
    pub fn common(&self) -> Result<Question, Box<dyn Error>> {
        let any = Ask { protocol: "41".into(), src: "0.0.0.0".into(), dst: "0.0.0.0".into(), ..Ask::default() };
        Ok(self.ask(any)?.question()?)
    }

    /// With the options, which count more than what a line says.
    fn ask(&self, ends: Ask) -> Result<Ask, Box<dyn Error>> {
        let told = self.interface.is_some() || self.out;
        Ok(Ask {
            iif: if told { self.interface.clone() } else { ends.iif },
            out: if told { self.out } else { ends.out },
            oif: self.oif.clone().or(ends.oif),
            ct: self.ct.clone().or(ends.ct),
            mark: self.mark.clone().or(ends.mark),
            uid: self.uid.as_deref().map(user).transpose()?.or(ends.uid),
            gid: self.gid.as_deref().map(group).transpose()?.or(ends.gid),
            cgroup: self.cgroup.clone().or(ends.cgroup),
            flags: self.flags.clone().or(ends.flags),
            length: self.len.or(ends.length),
            kind: self.kind.clone().or(ends.kind),
            code: self.code.or(ends.code),
            ttl: self.ttl.or(ends.ttl),
            tos: self.tos.clone().or(ends.tos).filter(|_| self.dscp.is_none()),
            dscp: self.dscp.clone().or(ends.dscp),
            mac: self.mac.clone().or(ends.mac),
            hook: self.hook.clone().or(ends.hook),
            ..ends
        })
    }
}

fn user(text: &str) -> Result<u32, Box<dyn Error>> {
    match text.parse() {
        Ok(uid) => Ok(uid),
        Err(_) => Ok(User::from_name(text)?.ok_or_else(|| format!("there is no user {text:?}"))?.uid.as_raw()),
    }
}

fn group(text: &str) -> Result<u32, Box<dyn Error>> {
    match text.parse() {
        Ok(gid) => Ok(gid),
        Err(_) => Ok(Group::from_name(text)?.ok_or_else(|| format!("there is no group {text:?}"))?.gid.as_raw()),
    }
}
