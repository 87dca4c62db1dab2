//! The TCP tracker (`nf_conntrack_tcp_packet`, net/netfilter/nf_conntrack_proto_tcp.c). It also checks sequence numbers
//! against windows that it has seen, which no interface tells; what depends on them is left open.

use super::super::facts::Host;
use super::super::sysctl::{Why, number};
use super::{Look, Says};
use crate::evaluate::release::is_reached;
use crate::sys::ct::{Flow, ProtoInfo, Status, TcpState};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const URG: u8 = 0x20;
const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

/// `IP_CT_TCP_FLAG_CLOSE_INIT`.
const CLOSE_INIT: u8 = 0x04;
/// `IP_CT_TCP_FLAG_BE_LIBERAL`.
const BE_LIBERAL: u8 = 0x08;

/// What a segment is to the tracker (`get_conntrack_index`).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Segment {
    Syn,
    SynAck,
    Fin,
    Ack,
    Rst,
    None,
}

impl Segment {
    fn of(flags: u8) -> Self {
        match flags {
            f if f & RST != 0 => Self::Rst,
            f if f & (SYN | ACK) == SYN | ACK => Self::SynAck,
            f if f & SYN != 0 => Self::Syn,
            f if f & FIN != 0 => Self::Fin,
            f if f & ACK != 0 => Self::Ack,
            _ => Self::None,
        }
    }
}

/// What the tracker's table says (`tcp_conntracks`): the new state, packets to be let pass unseen, packets that are invalid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    To(TcpState),
    Ignore,
    Invalid,
}

/// One cell of `tcp_conntracks[dir][segment][state]`.
fn next(reply: bool, segment: Segment, old: TcpState) -> Next {
    use Next::{Ignore, Invalid, To};
    use Segment as G;
    use TcpState::{
        Close, CloseWait, Established, FinWait, LastAck, None, SynRecv, SynSent, SynSent2, TimeWait, Unknown,
    };
    match (segment, old) {
        (_, Unknown(_)) | (G::None, _) => Invalid,
        (G::Syn, None) => {
            if reply {
                Invalid
            } else {
                To(SynSent)
            }
        }
        (G::Syn, SynSent) => To(if reply { SynSent2 } else { SynSent }),
        (G::Syn, SynSent2) => To(SynSent2),
        (G::Syn, TimeWait) => To(SynSent),
        (G::Syn, Close) => {
            if reply {
                Invalid
            } else {
                To(SynSent)
            }
        }
        (G::Syn, _) => {
            if reply {
                Invalid
            } else {
                Ignore
            }
        }
        (G::SynAck, SynSent) if reply => To(SynRecv),
        (G::SynAck, SynSent2) => To(SynRecv),
        (G::SynAck, None) => Invalid,
        (G::SynAck, SynRecv) if !reply => To(SynRecv),
        (G::SynAck, _) => {
            if reply {
                Ignore
            } else {
                Invalid
            }
        }
        (G::Fin, SynRecv | Established) => To(FinWait),
        (G::Fin, FinWait | CloseWait | LastAck) => To(LastAck),
        (G::Fin, TimeWait) => To(TimeWait),
        (G::Fin, Close) => To(Close),
        (G::Fin, None | SynSent | SynSent2) => Invalid,
        (G::Ack, None) => {
            if reply {
                Invalid
            } else {
                To(Established)
            }
        }
        (G::Ack, SynSent | SynSent2) => {
            if reply {
                Ignore
            } else {
                Invalid
            }
        }
        (G::Ack, SynRecv) => To(if reply { SynRecv } else { Established }),
        (G::Ack, Established) => To(Established),
        (G::Ack, FinWait | CloseWait) => To(CloseWait),
        (G::Ack, LastAck | TimeWait) => To(TimeWait),
        (G::Ack, Close) => To(Close),
        (G::Rst, None) => Invalid,
        (G::Rst, _) => To(Close),
    }
}

/// `tcp_error`: the header's length, the checksum, the flags. None: it is broken.
fn segment<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Option<Segment>, Why> {
    let Some(h) = look.header::<20>()? else { return Ok(None) };
    let length = usize::from(h[12] >> 4) * 4;
    if length < 20 || length > look.transport_length() || look.checksum_is_wrong()? {
        return Ok(None);
    }
    let flags = h[13] & !(ECE | CWR | PSH);
    const VALID: [u8; 9] = [SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG];
    Ok(VALID.contains(&flags).then(|| Segment::of(flags)))
}

/// `tcp_new`: a SYN begins a connection, and so does any ACK if the tracker is loose.
pub(super) fn new<H: Host + ?Sized>(look: &Look<'_, H>) -> Result<Says, Why> {
    let Some(segment) = segment(look)? else { return Ok(Says::Invalid) };
    Ok(match next(false, segment, TcpState::None) {
        Next::To(TcpState::SynSent) => Says::Fits,
        Next::To(_) if number(look.host, "net.netfilter.nf_conntrack_tcp_loose".into())?.is_on() => Says::Fits,
        _ => Says::Invalid,
    })
}

/// A segment of a connection that is known.
pub(super) fn known<H: Host + ?Sized>(look: &Look<'_, H>, flow: &Flow, reply: bool) -> Result<Says, Why> {
    let Some(segment) = segment(look)? else { return Ok(Says::Invalid) };
    let Some(ProtoInfo::Tcp { state, flags, .. }) = &flow.protoinfo else {
        return Err("TCP state of the connection".into());
    };
    let to = match next(reply, segment, *state) {
        Next::Invalid => return Ok(Says::Invalid),
        Next::Ignore => return Ok(Says::Ignored),
        Next::To(to) => to,
    };
    let closing = flags.is_some_and(|(o, r)| (o.flags | r.flags) & CLOSE_INIT != 0);
    if to == TcpState::SynSent && matches!(state, TcpState::TimeWait | TcpState::Close | TcpState::SynSent2) {
        if closing {
            return Ok(Says::Reopens);
        }
        const WHAT: &str = "the last packet of the closed connection was this side's RST";
        return Ok(Says::Either(WHAT, Box::new(Says::Reopens), Box::new(Says::Ignored)));
    }
    // A SYN sets the window anew. Since 5.13 one that comes again before any other answer is let pass, and not counted.
    if segment == Segment::Syn && *state == TcpState::SynSent {
        let answered = flow.status.is_none_or(|s| s.contains(Status::SEEN_REPLY));
        let release = look.host.sysctl("kernel.osrelease").known();
        return Ok(match release.and_then(|r| is_reached(&r, (5, 13)).known()) {
            _ if answered => Says::Fits,
            Some(true) => Says::Ignored,
            Some(false) => Says::Fits,
            None => Says::Perhaps,
        });
    }
    // Whoever is liberal is not checked, but for the sequence number of a RST.
    let own = flags.map(|(o, r)| if reply { r } else { o });
    let liberal = own.is_some_and(|f| f.flags & BE_LIBERAL != 0)
        || number(look.host, "net.netfilter.nf_conntrack_tcp_be_liberal".into())?.is_on();
    if liberal && segment != Segment::Rst {
        return Ok(Says::Fits);
    }
    const WINDOW: &str = "its sequence numbers are within the window that conntrack has seen";
    Ok(Says::Either(WINDOW, Box::new(Says::Perhaps), Box::new(Says::Invalid)))
}
