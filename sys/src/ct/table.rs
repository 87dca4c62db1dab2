//! The conversation with ctnetlink.

use byteorder::BE;

use super::expect::Expectation;
use super::filter::Filter;
use super::flow::Flow;
use super::stats::{CpuStats, Totals};
use super::tuple::Tuple;
use super::zone::{Zone, ZoneScope};
use crate::error::Result;
use crate::modules::{Presence, presence};
use crate::netlink::{Builder, Client, Family, Socket, Transport};
use crate::uapi::netfilter::NFPROTO_UNSPEC;
use crate::uapi::nfnetlink::{NFNL_SUBSYS_CTNETLINK, NFNL_SUBSYS_CTNETLINK_EXP};
use crate::uapi::nfnetlink_conntrack::*;

/// The connection table of the network namespace in which it was opened.
#[derive(Debug)]
pub struct Conntrack<T: Transport = Socket> {
    client: Client<T>,
}

impl Conntrack<Socket> {
    /// Opens a socket.
    pub fn open() -> Result<Self> {
        Ok(Self::new(Client::open(Family::Netfilter)?))
    }

    /// Would asking load kernel modules, and with them begin to track connections?
    pub fn would_load() -> bool {
        let loadable = |name, symbol| presence(name, symbol) == Presence::Loadable;
        match presence("nf_conntrack_netlink", "ctnetlink_dump_table") {
            // And with it what it builds upon.
            Presence::Present => false,
            Presence::Loadable => true,
            Presence::Unknown => {
                loadable("nfnetlink", "nfnetlink_subsys_register") || loadable("nf_conntrack", "nf_conntrack_in")
            }
        }
    }
}

impl<T: Transport> Conntrack<T> {
    /// Asks through an open conversation.
    pub fn new(client: Client<T>) -> Self {
        Self { client }
    }

    /// Should long dumps be received by a thread of their own, as they are unless this says otherwise? The answer is
    /// what was so before.
    pub fn set_read_ahead(&mut self, on: bool) -> bool {
        self.client.set_read_ahead(on)
    }

    /// The connection of which one direction, either, is this tuple, as a packet of that zone finds it. One question does
    /// for both directions.
    pub fn lookup(&mut self, tuple: &Tuple, zone: Zone) -> Result<Option<Flow>> {
        let (scoped, kind) = match zone.scope {
            ZoneScope::Both => (None, CTA_TUPLE_ORIG),
            // A zone of one direction is told with a tuple of that direction; it is looked for in both all the same.
            ZoneScope::Original => (Some(zone.id), CTA_TUPLE_ORIG),
            ZoneScope::Reply => (Some(zone.id), CTA_TUPLE_REPLY),
        };
        let mut found = None;
        let asked = self.client.get(
            "look up the connection of",
            "a packet",
            |b, flags, seq| {
                b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, flags, seq, tuple.family(), 0);
                Tuple { zone: scoped.filter(|id| *id != 0), ..*tuple }.write(b, kind);
                if scoped.is_none() && zone.id != 0 {
                    b.u16::<BE>(CTA_ZONE, zone.id);
                }
            },
            |m| {
                found = Some(Flow::parse(m.nfgen()?.1)?);
                Ok(())
            },
        );
        match asked {
            Err(e) if e.errno() == Some(libc::ENOENT) => Ok(None),
            asked => asked.map(|()| found),
        }
    }

    /// Hands the connections that pass the filter to `each`, one at a time: however large the table, only one is in
    /// memory. Connections that come or go meanwhile may be seen or not; none is seen twice unless the table is resized.
    pub fn dump(&mut self, filter: &Filter, mut each: impl FnMut(&Flow)) -> Result<()> {
        let mut seen = 0u64;
        let asked = self.dump_once(filter, true, &mut |flow| {
            seen += 1;
            each(flow);
        });
        match asked {
            // A kernel that cannot filter by that says so at once.
            Err(e)
                if seen == 0 && filter.is_demanding() && matches!(e.errno(), Some(libc::EOPNOTSUPP | libc::EINVAL)) =>
            {
                self.dump_once(filter, false, &mut each)
            }
            asked => asked,
        }
    }

    fn dump_once(&mut self, filter: &Filter, ask_kernel: bool, each: &mut dyn FnMut(&Flow)) -> Result<()> {
        let _ = self.client.dump(
            "list connections",
            "",
            |b, flags, seq| {
                b.nf_message(NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, flags, seq, filter.wire_family(), 0);
                if ask_kernel {
                    filter.write(b);
                }
            },
            |m| {
                let flow = Flow::parse(m.nfgen()?.1)?;
                if filter.matches(&flow) {
                    each(&flow);
                }
                Ok(())
            },
        )?;
        Ok(())
    }

    /// The size of the table.
    pub fn totals(&mut self) -> Result<Totals> {
        let mut totals = Totals::default();
        self.client.get(
            "read the size of",
            "the connection table",
            |b, flags, seq| header(b, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS, flags, seq),
            |m| {
                totals = Totals::parse(m.nfgen()?.1)?;
                Ok(())
            },
        )?;
        Ok(totals)
    }

    /// The counters of every CPU.
    pub fn cpu_stats(&mut self) -> Result<Vec<CpuStats>> {
        let mut all = Vec::new();
        let _ = self.client.dump(
            "read the counters of",
            "connection tracking",
            |b, flags, seq| header(b, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS_CPU, flags, seq),
            |m| {
                let (nfgen, attrs) = m.nfgen()?;
                all.push(CpuStats::parse(nfgen.res_id, attrs)?);
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Everything that is expected.
    pub fn expectations(&mut self) -> Result<Vec<Expectation>> {
        let mut all = Vec::new();
        let _ = self.client.dump(
            "list expectations",
            "",
            |b, flags, seq| header(b, NFNL_SUBSYS_CTNETLINK_EXP, IPCTNL_MSG_EXP_GET, flags, seq),
            |m| {
                all.push(Expectation::parse(m.nfgen()?.1)?);
                Ok(())
            },
        )?;
        Ok(all)
    }
}

fn header(b: &mut Builder, subsystem: u8, message: u8, flags: u16, seq: u32) {
    b.nf_message(subsystem, message, flags, seq, NFPROTO_UNSPEC, 0);
}
