//! ipset over nfnetlink: sets, their elements, and the indices by which xtables rules refer to them.
//!
//! [`Ipset::open`] says `None` where the kernel has ipset not loaded: asking over netlink would load it.

mod header;
mod kind;
mod member;
mod sockopt;
mod value;

use byteorder::BE;

pub use header::{Header, Options};
pub use kind::Kind;
pub use member::{Element, Extra, Iface, Mac, Member, Net, Port};

use crate::Text;
use crate::error::{Error, Malformed, Result};
use crate::netlink::{Builder, Client, Family, Message, Socket, Transport};
use crate::uapi::ip_set::*;
use crate::uapi::netfilter::NFPROTO_IPV4;
use crate::uapi::nfnetlink::NFNL_SUBSYS_IPSET;

/// A conversation with ipset in one network namespace.
#[derive(Debug)]
pub struct Ipset<T: Transport = Socket> {
    client: Client<T>,
    protocol: u8,
}

/// A set and its elements, in the kernel's order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Set {
    /// What it was made with.
    pub header: Header,
    /// Its elements.
    pub members: Vec<Member>,
}

/// A step of a dump.
#[derive(Debug)]
pub enum Event<'a> {
    /// A set begins; its elements follow.
    Set(Header),
    /// An element of that set.
    Member(&'a Header, Member),
}

/// Reads all sets of the calling thread's network namespace, each with its index; `None` if ipset is not loaded.
///
/// # Errors
/// As [`Ipset::open`] and [`Ipset::list`].
pub fn read() -> Result<Option<Vec<Set>>> {
    let Some(mut ipset) = Ipset::open()? else { return Ok(None) };
    let sets = ipset.list()?;
    with_indices(&ipset, sets).map(Some)
}

/// The same sets without their elements.
///
/// # Errors
/// As [`Ipset::open`] and [`Ipset::headers`].
pub fn read_headers() -> Result<Option<Vec<Set>>> {
    let Some(mut ipset) = Ipset::open()? else { return Ok(None) };
    let sets = ipset.headers()?.into_iter().map(|header| Set { header, members: Vec::new() }).collect();
    with_indices(&ipset, sets).map(Some)
}

/// Newer protocols have the indices in the headers.
fn with_indices(ipset: &Ipset, mut sets: Vec<Set>) -> Result<Vec<Set>> {
    if ipset.protocol == IPSET_PROTOCOL_MIN {
        for (index, name) in sockopt::names()? {
            if let Some(set) = sets.iter_mut().find(|set| set.header.name == name) {
                set.header.index = Some(index);
            }
        }
    }
    Ok(sets)
}

impl Ipset<Socket> {
    /// Opens a conversation in the calling thread's network namespace; `None` if ipset is not loaded.
    ///
    /// # Errors
    /// When privileges are missing or the kernel speaks no protocol that this crate does.
    pub fn open() -> Result<Option<Self>> {
        if !sockopt::loaded()? {
            return Ok(None);
        }
        Self::new(Client::open(Family::Netfilter)?).map(Some)
    }

    /// The name of the set with that index; `None` if there is none.
    ///
    /// # Errors
    /// What the kernel refused.
    pub fn name(&mut self, index: u16) -> Result<Option<Text>> {
        if self.protocol > IPSET_PROTOCOL_MIN {
            self.name_by_netlink(index)
        } else {
            Ok(sockopt::name(index)?.flatten())
        }
    }
}

impl<T: Transport> Ipset<T> {
    /// Talks through any client, in the newest protocol that both sides know.
    ///
    /// # Errors
    /// What the kernel refused, or that it speaks no protocol that this crate does.
    pub fn new(mut client: Client<T>) -> Result<Self> {
        let op = "ask for the protocol of";
        let mut versions = None;
        let write = |b: &mut Builder, flags, seq| {
            b.nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_PROTOCOL, flags, seq, NFPROTO_IPV4, 0)
                .u8(IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
        };
        client.get(op, "ipset", write, |m| {
            let (_, attrs) = m.nfgen()?;
            let newest = attrs.find(IPSET_ATTR_PROTOCOL).ok_or(Malformed::Missing("IPSET_ATTR_PROTOCOL"))?.u8()?;
            let oldest = attrs.find(IPSET_ATTR_PROTOCOL_MIN).map_or(Ok(newest), |a| a.u8())?;
            versions = Some((oldest, newest));
            Ok(())
        })?;
        let (oldest, newest) =
            versions.ok_or_else(|| Malformed::Missing("IPSET_ATTR_PROTOCOL").of("ipset protocol"))?;
        if oldest > IPSET_PROTOCOL || newest < IPSET_PROTOCOL_MIN {
            let error = Error::os(op, format!("ipset (kernel {oldest} to {newest})"), std::io::ErrorKind::Unsupported);
            return Err(error.with_hint("this nfblame speaks ipset protocols 6 and 7"));
        }
        Ok(Self { client, protocol: newest.min(IPSET_PROTOCOL) })
    }

    /// The protocol spoken: 6 has no indices in headers.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// Reads all sets with their elements; lists come after the sets that they list.
    ///
    /// # Errors
    /// What the kernel refused, and messages that break their format.
    pub fn list(&mut self) -> Result<Vec<Set>> {
        let mut sets: Vec<Set> = Vec::new();
        self.dump(0, |event| match (event, sets.last_mut()) {
            (Event::Set(header), _) => sets.push(Set { header, members: Vec::new() }),
            (Event::Member(_, member), Some(set)) => set.members.push(member),
            (Event::Member(..), None) => {}
        })?;
        Ok(sets)
    }

    /// Reads all sets without their elements.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn headers(&mut self) -> Result<Vec<Header>> {
        let mut headers = Vec::new();
        self.dump(IPSET_FLAG_LIST_HEADER, |event| {
            if let Event::Set(header) = event {
                headers.push(header);
            }
        })?;
        Ok(headers)
    }

    /// Reads all sets, handing over each header and each element as it comes: memory stays flat.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn stream(&mut self, each: impl FnMut(Event<'_>)) -> Result<()> {
        self.dump(0, each)
    }

    fn dump(&mut self, list_flags: u32, mut each: impl FnMut(Event<'_>)) -> Result<()> {
        let protocol = self.protocol;
        let mut current: Option<Header> = None;
        let write = |b: &mut Builder, flags, seq| {
            b.nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_LIST, flags, seq, NFPROTO_IPV4, 0)
                .u8(IPSET_ATTR_PROTOCOL, protocol);
            if list_flags != 0 {
                b.u32::<BE>(IPSET_ATTR_FLAGS, list_flags);
            }
        };
        // Sets have no generation and the kernel never calls their dump interrupted.
        let _ = self.client.dump("list", "ipsets", write, |m| part(m, &mut current, &mut each))?;
        Ok(())
    }

    fn name_by_netlink(&mut self, index: u16) -> Result<Option<Text>> {
        let mut name = None;
        let protocol = self.protocol;
        let write = |b: &mut Builder, flags, seq| {
            b.nf_message(NFNL_SUBSYS_IPSET, IPSET_CMD_GET_BYINDEX, flags, seq, NFPROTO_IPV4, 0)
                .u8(IPSET_ATTR_PROTOCOL, protocol)
                .u16::<BE>(IPSET_ATTR_INDEX, index);
        };
        let result = self.client.get("look up", "ipset index", write, |m| {
            name = m.nfgen()?.1.find(IPSET_ATTR_SETNAME).map(|a| a.text());
            Ok(())
        });
        match result {
            Err(e) if e.errno() == Some(libc::ENOENT) => Ok(None),
            Err(e) => Err(e.with_object(format!("ipset index {index}"))),
            Ok(()) => Ok(name),
        }
    }
}

/// One message of a dump: a set begins, or goes on.
fn part(
    m: Message<'_>,
    current: &mut Option<Header>,
    each: &mut impl FnMut(Event<'_>),
) -> std::result::Result<(), Malformed> {
    let (_, attrs) = m.nfgen()?;
    if attrs.find(IPSET_ATTR_DATA).is_some() {
        let header = Header::parse(attrs)?;
        each(Event::Set(header.clone()));
        *current = Some(header);
    }
    let Some(header) = current else { return Err(Malformed::Missing("IPSET_ATTR_DATA")) };
    for adt in attrs.find(IPSET_ATTR_ADT).map(|a| a.nested()).into_iter().flatten() {
        let adt = adt?;
        // The kernel leaves an empty nest where it gave up on an element that did not fit.
        if !adt.bytes().is_empty() {
            each(Event::Member(header, Member::parse(&header.kind, adt.nested())?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
