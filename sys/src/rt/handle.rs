//! The conversation with rtnetlink, carried by neli.

use std::fmt::Debug;

use neli::consts::nl::{NlmF, NlmsgerrAttr};
use neli::consts::rtnl::Rtm;
use neli::consts::socket::NlFamily;
use neli::err::{Nlmsgerr, SocketError};
use neli::nl::{NlPayload, NlmsghdrBuilder};
use neli::socket::synchronous::NlSocketHandle;
use neli::types::Buffer;
use neli::utils::Groups;
use neli::{Size, ToBytes};

use crate::error::{Error, Extack, Malformed, Result};

/// How often a dump that was interrupted is begun again.
const TRIES: u32 = 8;

/// A conversation with rtnetlink in the network namespace of the thread that opened it.
pub struct Handle {
    socket: NlSocketHandle,
    seq: u32,
}

impl Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").field("port", &self.socket.pid()).finish_non_exhaustive()
    }
}

impl Handle {
    /// Opens a socket.
    pub fn open() -> Result<Self> {
        let socket = NlSocketHandle::connect(NlFamily::Route, None, Groups::empty())
            .map_err(|e| from_neli("open", "rtnetlink socket", e))?;
        // Old kernels lack either; everything works without, with poorer words.
        let _ = socket.enable_ext_ack(true);
        let _ = socket.enable_strict_checking(true);
        Ok(Self { socket, seq: 0 })
    }

    /// Asks for a change and waits until the kernel has made or refused it.
    pub(super) fn change<P>(&mut self, op: &'static str, object: &str, kind: Rtm, flags: NlmF, payload: P) -> Result<()>
    where
        P: Size + ToBytes + Debug,
    {
        self.exchange(op, object, kind, flags | NlmF::ACK, payload, |_| Ok(())).map(drop)
    }

    /// Asks for one object; `each` gets what follows the netlink header of every answer.
    pub(super) fn get<P>(
        &mut self,
        op: &'static str,
        object: &str,
        kind: Rtm,
        payload: P,
        each: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<()>
    where
        P: Size + ToBytes + Debug,
    {
        self.exchange(op, object, kind, NlmF::ACK, payload, each).map(drop)
    }

    /// Lists objects, again from the start if they changed meanwhile; `each` turns one answer into an item, or none.
    pub(super) fn dump<P, T>(
        &mut self,
        op: &'static str,
        kind: Rtm,
        payload: impl Fn() -> Result<P>,
        each: impl Fn(&[u8]) -> Result<Option<T>, Malformed>,
    ) -> Result<Vec<T>>
    where
        P: Size + ToBytes + Debug,
    {
        for _ in 0..TRIES {
            let mut all = Vec::new();
            let interrupted = self.exchange(op, "", kind, NlmF::DUMP, payload()?, |bytes| {
                all.extend(each(bytes)?);
                Ok(())
            })?;
            if !interrupted {
                return Ok(all);
            }
        }
        Err(Error::Torn { what: op, tries: TRIES })
    }

    /// One request and its answers up to the ack or the end of the dump. True: the dump was interrupted.
    fn exchange<P>(
        &mut self,
        op: &'static str,
        object: &str,
        kind: Rtm,
        flags: NlmF,
        payload: P,
        mut each: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<bool>
    where
        P: Size + ToBytes + Debug,
    {
        self.seq = self.seq.wrapping_add(1);
        let request = NlmsghdrBuilder::default()
            .nl_type(kind)
            .nl_flags(NlmF::REQUEST | flags)
            .nl_seq(self.seq)
            .nl_payload(NlPayload::Payload(payload))
            .build()
            .map_err(|_| Malformed::Missing("a field of the request").of(op))?;
        self.socket.send(&request).map_err(|e| from_neli(op, object, e))?;
        let mut interrupted = false;
        let mut failed = None;
        loop {
            let (messages, _) = match self.socket.recv::<Rtm, Buffer>() {
                Ok(received) => received,
                Err(SocketError::Io(e)) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(from_neli(op, object, e)),
            };
            for message in messages {
                let message = message.map_err(|e| from_neli(op, object, e))?;
                if *message.nl_seq() != self.seq {
                    continue; // an answer to a request that was given up
                }
                interrupted |= message.nl_flags().contains(NlmF::DUMP_INTR);
                match message.nl_payload() {
                    NlPayload::Ack(_) | NlPayload::Empty => return failed.map_or(Ok(interrupted), Err),
                    NlPayload::DumpExtAck(end) if *end.error() == 0 => return failed.map_or(Ok(interrupted), Err),
                    NlPayload::DumpExtAck(end) => {
                        return Err(Error::os(op, object, std::io::Error::from_raw_os_error(end.error().abs())));
                    }
                    NlPayload::Err(refusal) => return Err(refused(op, object, refusal)),
                    NlPayload::Payload(bytes) => {
                        // The rest is read all the same, so that the conversation stays usable.
                        if failed.is_none() {
                            failed = each(bytes.as_ref()).err().map(|e| e.of(op));
                        }
                    }
                }
            }
        }
    }
}

/// The kernel's refusal, with its own words.
pub(crate) fn refused<M>(op: &'static str, object: &str, refusal: &Nlmsgerr<M>) -> Error {
    let words = refusal.ext_ack().get_attr_handle();
    let message = words
        .get_attr_payload_as_with_len::<String>(NlmsgerrAttr::Msg)
        .ok()
        .map(|m| m.trim_end_matches('\0').to_owned());
    let mut error = Error::os(op, object, std::io::Error::from_raw_os_error(refusal.error().abs()));
    if let (Error::Kernel { extack, .. }, Some(message)) = (&mut error, message) {
        *extack = Some(Extack { message: Some(message), offset: None });
    }
    error
}

/// neli's error as ours.
pub(crate) fn from_neli(op: &'static str, object: &str, e: SocketError) -> Error {
    let source = match e {
        SocketError::Io(e) => match e.raw_os_error() {
            Some(libc::ENOBUFS) => return Error::Overrun { what: op },
            Some(code) => std::io::Error::from_raw_os_error(code),
            None => std::io::Error::new(e.kind(), e.to_string()),
        },
        // neli reads into 32 KiB and does not say when the kernel had more: the message then contradicts its length.
        e => std::io::Error::new(std::io::ErrorKind::InvalidData, e.to_string()),
    };
    Error::os(op, object, source)
}
