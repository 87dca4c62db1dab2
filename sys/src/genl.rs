//! Generic netlink, carried by neli: which families the kernel has.

use neli::consts::genl::{CtrlAttr, CtrlCmd};
use neli::consts::nl::{GenlId, NlmF};
use neli::consts::socket::NlFamily;
use neli::err::SocketError;
use neli::genl::{Genlmsghdr, GenlmsghdrBuilder};
use neli::nl::{NlPayload, NlmsghdrBuilder};
use neli::socket::synchronous::NlSocketHandle;
use neli::utils::Groups;

use crate::Text;
use crate::error::{Error, Malformed, Result};
use crate::rt::from_neli;

/// The version of the controller's own protocol.
const CONTROLLER: u8 = 2;

/// A family (`CTRL_ATTR_*`, include/uapi/linux/genetlink.h).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Family {
    /// The message type by which it is spoken to.
    pub id: u16,
    /// Its name, such as `NET_DM`.
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
                    all.push(Family { id, name: name.trim_end_matches('\0').into() });
                }
                NlPayload::Err(e) => {
                    return Err(Error::os(OP, "", std::io::Error::from_raw_os_error(e.error().abs())));
                }
                NlPayload::DumpExtAck(_) | NlPayload::Ack(_) | NlPayload::Empty => return Ok(all),
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
