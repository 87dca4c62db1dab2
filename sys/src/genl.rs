//! Generic netlink, carried by neli: which families the kernel has, and requests to them.

use byteorder::NativeEndian;
use neli::consts::genl::{CtrlAttr, CtrlAttrMcastGrp, CtrlCmd};
use neli::consts::nl::{GenlId, NlmF};
use neli::consts::socket::NlFamily;
use neli::err::SocketError;
use neli::genl::{Genlmsghdr, GenlmsghdrBuilder};
use neli::nl::{NlPayload, NlmsghdrBuilder};
use neli::socket::synchronous::NlSocketHandle;
use neli::types::Buffer;
use neli::utils::Groups;

use crate::Text;
use crate::error::{Error, Malformed, Result};
use crate::netlink::{Attrs, Builder};
use crate::rt::{from_neli, refused};

/// The version of the controller's own protocol.
const CONTROLLER: u8 = 2;
/// The size of `struct genlmsghdr`.
pub const HEADER: usize = 4;

/// A family (`CTRL_ATTR_*`, include/uapi/linux/genetlink.h).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Family {
    /// The message type by which it is spoken to.
    pub id: u16,
    /// Its name, such as `NET_DM`.
    pub name: Text,
    /// Its multicast groups.
    pub groups: Vec<Group>,
}

/// A multicast group of a family.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// What a socket joins.
    pub id: u32,
    /// Its name within the family.
    pub name: Text,
}

/// The families that are there now. They are listed: asking for one by its name would load the module that has it.
///
/// # Errors
/// When the kernel has no generic netlink, or its answer breaks its format.
pub fn families() -> Result<Vec<Family>> {
    const OP: &str = "list generic netlink families";
    let fail = |e| from_neli(OP, "", e);
    let socket = NlSocketHandle::connect(NlFamily::Generic, None, Groups::empty()).map_err(fail)?;
    let incomplete = || Malformed::Missing("a field of the request").of(OP);
    let question = GenlmsghdrBuilder::<CtrlCmd, CtrlAttr>::default().cmd(CtrlCmd::Getfamily).version(CONTROLLER);
    let request = NlmsghdrBuilder::default()
        .nl_type(GenlId::Ctrl)
        .nl_flags(NlmF::REQUEST | NlmF::DUMP)
        .nl_payload(NlPayload::Payload(question.build().map_err(|_| incomplete())?))
        .build()
        .map_err(|_| incomplete())?;
    socket.send(&request).map_err(fail)?;
    let mut all = Vec::new();
    loop {
        let (messages, _) = match socket.recv::<GenlId, Genlmsghdr<CtrlCmd, CtrlAttr>>() {
            Ok(received) => received,
            Err(SocketError::Io(e)) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(fail(e)),
        };
        for message in messages {
            match message.map_err(fail)?.nl_payload() {
                NlPayload::Payload(family) => {
                    let attrs = family.attrs().get_attr_handle();
                    let id = attrs.get_attr_payload_as::<u16>(CtrlAttr::FamilyId);
                    let name = attrs.get_attr_payload_as_with_len::<String>(CtrlAttr::FamilyName);
                    let (Ok(id), Ok(name)) = (id, name) else {
                        return Err(Malformed::Missing("CTRL_ATTR_FAMILY_NAME").of(OP));
                    };
                    let groups = attrs.get_attribute(CtrlAttr::McastGroups).map(|a| groups(a.nla_payload().as_ref()));
                    let (name, groups) = (name.trim_end_matches('\0').into(), groups.unwrap_or_default());
                    all.push(Family { id, name, groups });
                }
                NlPayload::Err(e) => {
                    return Err(Error::os(OP, "", std::io::Error::from_raw_os_error(e.error().abs())));
                }
                NlPayload::DumpExtAck(_) | NlPayload::Ack(_) | NlPayload::Empty => return Ok(all),
            }
        }
    }
}

/// A list of nests, one for each group.
fn groups(list: &[u8]) -> Vec<Group> {
    let group = |nest: Attrs<'_>| {
        let id = nest.find(CtrlAttrMcastGrp::Id.into())?.u32::<NativeEndian>().ok()?;
        Some(Group { id, name: nest.find(CtrlAttrMcastGrp::Name.into())?.text() })
    };
    Attrs::new(list).map_while(Result::ok).filter_map(|a| group(a.nested())).collect()
}

/// A conversation with one family, one request at a time.
pub struct Handle {
    socket: NlSocketHandle,
    family: u16,
    version: u8,
    seq: u32,
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("family", &self.family).finish_non_exhaustive()
    }
}

impl Handle {
    /// Opens a socket to a family in the calling thread's network namespace.
    ///
    /// # Errors
    /// When netlink sockets cannot be made.
    pub fn open(family: u16, version: u8) -> Result<Self> {
        let socket = NlSocketHandle::connect(NlFamily::Generic, None, Groups::empty())
            .map_err(|e| from_neli("open", "generic netlink socket", e))?;
        let _ = socket.enable_ext_ack(true); // without it everything works, with poorer words
        Ok(Self { socket, family, version, seq: 0 })
    }

    /// Sends a command with the attributes that `write` adds, and waits for its ack. `each` gets the attributes of every
    /// answer before it.
    ///
    /// # Errors
    /// When the kernel refuses, with its words, or an answer breaks its format.
    pub fn request(
        &mut self,
        op: &'static str,
        object: &str,
        command: u8,
        write: impl FnOnce(&mut Builder),
        mut each: impl FnMut(Attrs<'_>) -> Result<(), Malformed>,
    ) -> Result<()> {
        let mut attrs = Builder::new();
        write(&mut attrs);
        let mut payload = vec![command, self.version, 0, 0];
        payload.extend(attrs.into_attrs());
        self.seq = self.seq.wrapping_add(1);
        let request = NlmsghdrBuilder::default()
            .nl_type(self.family)
            .nl_flags(NlmF::REQUEST | NlmF::ACK)
            .nl_seq(self.seq)
            .nl_payload(NlPayload::Payload(Buffer::from(payload)))
            .build()
            .map_err(|_| Malformed::Missing("a field of the request").of(op))?;
        self.socket.send(&request).map_err(|e| from_neli(op, object, e))?;
        loop {
            let (messages, _) = match self.socket.recv::<u16, Buffer>() {
                Ok(received) => received,
                Err(SocketError::Io(e)) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(from_neli(op, object, e)),
            };
            for message in messages {
                let message = message.map_err(|e| from_neli(op, object, e))?;
                if *message.nl_seq() != self.seq {
                    continue; // an answer to a request that was given up
                }
                match message.nl_payload() {
                    NlPayload::Ack(_) | NlPayload::DumpExtAck(_) | NlPayload::Empty => return Ok(()),
                    NlPayload::Err(refusal) => return Err(refused(op, object, refusal)),
                    NlPayload::Payload(answer) => {
                        let attrs = answer.as_ref().get(HEADER..).unwrap_or(&[]);
                        each(Attrs::new(attrs)).map_err(|e| e.of(op))?;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_controller_lists_itself() -> Result<()> {
        let all = families()?;
        assert!(all.iter().any(|f| f.name == "nlctrl" && f.id == 16), "{all:?}");
        Ok(())
    }
}
