//! The SCTP tracker (`nf_conntrack_sctp_packet`, net/netfilter/nf_conntrack_proto_sctp.c). Of what it remembers, the state and
//! the verification tags can be asked for; whether INITs crossed and whether a heartbeat failed cannot, and are left open.

use super::super::facts::Host;
use super::super::sysctl::Why;
use super::{Look, Says};
use crate::evaluate::{Fact, checksum};
use crate::sys::ct::{Flow, ProtoInfo};

const DATA: u8 = 0;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const HEARTBEAT: u8 = 4;
const HEARTBEAT_ACK: u8 = 5;
const ABORT: u8 = 6;
const SHUTDOWN: u8 = 7;
const SHUTDOWN_ACK: u8 = 8;
const ERROR: u8 = 9;
const COOKIE_ECHO: u8 = 10;
const COOKIE_ACK: u8 = 11;
const SHUTDOWN_COMPLETE: u8 = 14;

/// `SCTP_CHUNK_FLAG_T`: the tag is the peer's.
const T: u8 = 1;
/// The common header.
const HEADER: usize = 12;
/// `struct sctp_inithdr`, behind the chunk's own header.
const INIT_HEADER: usize = 16;

/// States (`SCTP_CONNTRACK_*`).
const NONE: u8 = 0;
const CLOSED: u8 = 1;
const COOKIE_WAIT: u8 = 2;
const ESTABLISHED: u8 = 4;
const HEARTBEAT_SENT: u8 = 8;

struct Chunk {
    kind: u8,
    flags: u8,
    at: usize,
}

/// What the tracker remembers of a connection; None: not known.
struct Known {
    state: u8,
    /// Verification tags by direction.
    tags: [u32; 2],
    /// INITs that were seen, by direction.
    inits: Option<[bool; 2]>,
    /// Has a heartbeat had the wrong tag, and in which direction?
    failed: Option<Option<usize>>,
}

pub(super) fn new<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Says, Why> {
    let known = Known { state: NONE, tags: [0; 2], inits: Some([false; 2]), failed: Some(None) };
    summed(look, |look, tag, chunks| begin(look, tag, chunks, known))
}

pub(super) fn known<H: Host + ?Sized>(look: &Look<'_, H>, flow: &Flow, reply: bool) -> Result<Says, Why> {
    let Some(ProtoInfo::Sctp { state: state @ NONE..=HEARTBEAT_SENT, vtags: Some((orig, back)) }) = flow.protoinfo
    else {
        return Err("state of the SCTP association".into());
    };
    let known = Known { state, tags: [orig, back], inits: None, failed: None };
    summed(look, |look, tag, chunks| go_on(look, tag, chunks, known, reply.into()))
}

/// The header and its checksum (`sctp_error`), and how the chunks fit together (`do_basic_checks`).
fn summed<H: Host + ?Sized>(
    look: &Look<'_, H>,
    rest: impl FnOnce(&Look<'_, H>, u32, &[Chunk]) -> Result<Says, Why>,
) -> Result<Says, Why> {
    let Some([_, _, _, _, a, b, c, d, e, f, g, h]) = look.header::<HEADER>()? else { return Ok(Says::Invalid) };
    let Some(chunks) = chunks(look)? else { return Ok(Says::Invalid) };
    let says = rest(look, u32::from_be_bytes([a, b, c, d]), &chunks)?;
    let sum = u32::from_le_bytes([e, f, g, h]);
    match checksum::sctp(look.packet, look.at, look.transport_length()) {
        Fact::Is(right) if right != sum && look.sums_up()? => Ok(match sum {
            // What a program of this host's containers sends is summed up by the device that it leaves by.
            0 => Says::Either("the SCTP checksum is left to a device", Box::new(says), Box::new(Says::Invalid)),
            _ => Says::Invalid,
        }),
        _ => Ok(says),
    }
}

/// None: they make no packet.
fn chunks<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Option<Vec<Chunk>>, Why> {
    let (mut at, end) = (look.at + HEADER, look.at + look.transport_length());
    let mut chunks = Vec::new();
    let mut alone = false;
    while at + 4 <= end {
        let [kind, flags, a, b] = match look.packet.array(at) {
            Fact::Is(header) => header,
            Fact::Absent => break,
            Fact::Unknown(why) => return Err(why),
        };
        let length = usize::from(u16::from_be_bytes([a, b]));
        alone |= matches!(kind, INIT | INIT_ACK | SHUTDOWN_COMPLETE);
        if length == 0 || (!chunks.is_empty() && (alone || matches!(kind, COOKIE_ECHO | COOKIE_ACK))) {
            return Ok(None);
        }
        chunks.push(Chunk { kind, flags, at });
        at += length.next_multiple_of(4);
    }
    Ok((!chunks.is_empty()).then_some(chunks))
}

/// A packet of no connection (`sctp_new`).
fn begin<H: Host + ?Sized>(look: &Look<'_, H>, tag: u32, chunks: &[Chunk], mut known: Known) -> Result<Says, Why> {
    if chunks.iter().any(|c| matches!(c.kind, ABORT | SHUTDOWN_COMPLETE | COOKIE_ACK)) {
        return Ok(Says::Invalid);
    }
    for c in chunks {
        match c.kind {
            INIT => match init_tag(look, c)? {
                Some(announced) if tag == 0 => known.tags[1] = announced,
                _ => return Ok(Says::Invalid),
            },
            HEARTBEAT => known.tags[0] = tag,
            SHUTDOWN_ACK => known.tags[1] = tag,
            INIT_ACK | HEARTBEAT_ACK | SHUTDOWN | ERROR | COOKIE_ECHO => {}
            _ => return Ok(Says::Invalid),
        }
    }
    go_on(look, tag, chunks, known, 0)
}

/// The tag that an INIT announces; none if the packet ends before.
fn init_tag<H: Host + ?Sized>(look: &Look<'_, H>, chunk: &Chunk) -> Result<Option<u32>, Why> {
    if chunk.at + 4 + INIT_HEADER > look.at + look.transport_length() {
        return Ok(None);
    }
    match look.packet.array(chunk.at + 4) {
        Fact::Is(tag) => Ok(Some(u32::from_be_bytes(tag))),
        Fact::Absent => Ok(None),
        Fact::Unknown(why) => Err(why),
    }
}

/// A packet in that direction.
fn go_on<H: Host + ?Sized>(
    look: &Look<'_, H>,
    tag: u32,
    chunks: &[Chunk],
    mut known: Known,
    dir: usize,
) -> Result<Says, Why> {
    const FREE: [u8; 7] = [INIT, SHUTDOWN_COMPLETE, COOKIE_ECHO, ABORT, SHUTDOWN_ACK, HEARTBEAT, HEARTBEAT_ACK];
    let back = 1 - dir;
    if tag != known.tags[dir] && !chunks.iter().any(|c| FREE.contains(&c.kind)) {
        return Ok(Says::Invalid);
    }
    let data = chunks.iter().any(|c| c.kind == DATA);
    let (mut ignore, mut open) = (false, false);
    for c in chunks {
        let wrong = match c.kind {
            INIT => tag != 0,
            ABORT | SHUTDOWN_COMPLETE => tag != known.tags[if c.flags & T == 0 { dir } else { back }],
            COOKIE_ECHO => tag != known.tags[dir],
            HEARTBEAT | HEARTBEAT_ACK if known.tags[dir] == 0 => {
                known.tags[dir] = tag;
                false
            }
            HEARTBEAT | HEARTBEAT_ACK if known.tags[dir] == tag => {
                known.failed = Some(None);
                false
            }
            HEARTBEAT | HEARTBEAT_ACK if data || ignore => true,
            HEARTBEAT => {
                known.failed = Some(Some(dir));
                ignore = true;
                continue;
            }
            HEARTBEAT_ACK => {
                open |= known.failed.is_none();
                known.tags = [0; 2];
                known.tags[dir] = tag;
                known.failed.replace(None).is_some_and(|failed| failed != Some(back))
            }
            COOKIE_ACK => {
                known.inits = Some([false; 2]);
                false
            }
            _ => false,
        };
        if wrong || !follows(&mut known.state, c.kind, dir == 1) {
            return Ok(Says::Invalid);
        }
        if !matches!(c.kind, INIT | INIT_ACK) {
            continue;
        }
        let Some(announced) = init_tag(look, c)? else { return Ok(Says::Invalid) };
        let before = known.tags[back];
        if c.kind == INIT_ACK && announced != before {
            match known.inits {
                Some(inits) if (!inits[back] && before != 0) || inits == [true; 2] => return Ok(Says::Invalid),
                Some(_) => {}
                // An INIT from there would have left a tag: there was none to cross.
                None if before == 0 && matches!(known.state, CLOSED | COOKIE_WAIT) => {}
                None => open = true,
            }
        }
        known.tags[back] = announced;
    }
    Ok(match open {
        true => Says::Either("what SCTP's tracker remembers", Box::new(Says::Fits), Box::new(Says::Invalid)),
        false => Says::Fits,
    })
}

/// May this chunk come now (`sctp_conntracks`)? Only answers in an association that has none yet may not; of the states behind
/// it no more is told here than that takes.
fn follows(state: &mut u8, kind: u8, reply: bool) -> bool {
    match kind {
        HEARTBEAT if reply => *state != NONE,
        HEARTBEAT_ACK if reply => {
            let may = *state != NONE;
            if *state == HEARTBEAT_SENT {
                *state = ESTABLISHED;
            }
            may
        }
        INIT | INIT_ACK | ABORT | SHUTDOWN | SHUTDOWN_ACK | ERROR | COOKIE_ECHO | COOKIE_ACK | SHUTDOWN_COMPLETE
            if reply =>
        {
            !matches!(*state, NONE | HEARTBEAT_SENT)
        }
        _ => true,
    }
}
