//! The options of IPv4, as the host looks at them once it has routed a packet that came in (`__ip_options_compile`).

use std::ops::Range;

use super::fact::Fact;
use super::headers::Network;
use super::packet::Packet;

const END: u8 = 0;
const NOTHING: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE_ROUTE: u8 = 131;
const CIPSO: u8 = 134;
const STRICT_ROUTE: u8 = 137;
const ROUTER_ALERT: u8 = 148;

/// What options ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// A source route.
    pub route: Option<SourceRoute>,
    /// A security label, which the kernel takes or not.
    pub labelled: bool,
    /// Every router is to look at the packet.
    pub alert: bool,
    /// What the kernel writes into the packet: its address, the time. Ranges from the network header.
    pub filled: Vec<Range<usize>>,
}

/// A source route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceRoute {
    /// Only by routers that it names.
    pub strict: bool,
    /// Are all of its routers behind?
    pub done: bool,
}

/// Options that contradict themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

/// Reads the options of a packet. Absent: it has none.
pub fn read(packet: &Packet) -> Fact<Result<Options, Broken>> {
    let Fact::Is([first]) = packet.array(0) else { return Fact::Absent };
    let header = usize::from(first & 0xf) * 4;
    if packet.network != Network::Ip4 || header <= 20 {
        return Fact::Absent;
    }
    match packet.read(20, header - 20) {
        Fact::Is(bytes) => Fact::Is(parse(bytes)),
        Fact::Absent => Fact::Is(Err(Broken)),
        Fact::Unknown(what) => Fact::Unknown(what),
    }
}

fn parse(all: &[u8]) -> Result<Options, Broken> {
    let mut found = Options::default();
    let mut seen = [false; 3];
    // Each of these may be there once.
    let mut once = |n: usize| if std::mem::replace(&mut seen[n], true) { Err(Broken) } else { Ok(()) };
    let mut rest = all;
    while let Some((&kind, behind)) = rest.split_first() {
        let at = 20 + all.len() - rest.len();
        if kind == END {
            if behind.iter().any(|b| *b != 0) {
                found.filled.push(at..20 + all.len());
            }
            break;
        }
        if kind == NOTHING {
            rest = behind;
            continue;
        }
        let length = usize::from(*behind.first().ok_or(Broken)?);
        let (option, behind) = rest.split_at_checked(length).filter(|_| length >= 2).ok_or(Broken)?;
        rest = behind;
        // The kernel reads the pointer of an option of two bytes out of the next one, and refuses the length.
        let pointer = option.get(2).copied().map(usize::from);
        match kind {
            LOOSE_ROUTE | STRICT_ROUTE => {
                let pointer = pointer.filter(|p| *p >= 4).ok_or(Broken)?;
                once(0)?;
                found.route = Some(SourceRoute { strict: kind == STRICT_ROUTE, done: pointer > length });
            }
            RECORD_ROUTE => {
                once(1)?;
                let pointer = pointer.filter(|p| *p >= 4).ok_or(Broken)?;
                if pointer <= length {
                    if pointer + 3 > length {
                        return Err(Broken);
                    }
                    found.filled.push(at..at + length);
                }
            }
            TIMESTAMP => {
                once(2)?;
                let (pointer, flags) = pointer.zip(option.get(3)).filter(|(p, _)| *p >= 5).ok_or(Broken)?;
                let kind = flags & 0xf;
                let wants = if matches!(kind, 1 | 3) { 7 } else { 3 };
                if pointer <= length {
                    if pointer + wants > length {
                        return Err(Broken);
                    }
                } else if kind != 3 && flags >> 4 == 15 {
                    return Err(Broken);
                }
                found.filled.push(at..at + length);
            }
            ROUTER_ALERT if length < 4 => return Err(Broken),
            ROUTER_ALERT => found.alert |= option.get(2..4) == Some(&[0, 0]),
            CIPSO if std::mem::replace(&mut found.labelled, true) => return Err(Broken),
            _ => {}
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_contradict_themselves_are_told_from_those_that_do_not() {
        let fine: &[&[u8]] = &[
            &[1, 1, 1, 0],
            &[148, 4, 0, 0],
            &[7, 7, 4, 0, 0, 0, 0, 0],
            &[7, 7, 8, 9, 9, 9, 9, 0],
            &[68, 8, 5, 0, 0, 0, 0, 0],
            &[68, 8, 9, 0xe0, 0, 0, 0, 0],
            &[0x9e, 4, 0, 0],
            &[0, 68, 68, 68],
        ];
        let broken: &[&[u8]] = &[
            &[1, 1, 1, 68],
            &[7, 2, 0, 0],
            &[7, 9, 4, 0],
            &[7, 7, 3, 0, 0, 0, 0, 0],
            &[7, 7, 5, 0, 0, 0, 0, 0],
            &[148, 3, 0, 0],
            &[68, 8, 9, 0xf0, 0, 0, 0, 0],
            &[68, 12, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0],
            &[7, 3, 4, 7, 3, 4, 0, 0],
            &[131, 3, 4, 137, 3, 4, 0, 0],
        ];
        for o in fine {
            assert!(parse(o).is_ok(), "{o:?}");
        }
        for o in broken {
            assert!(parse(o).is_err(), "{o:?}");
        }
    }

    #[test]
    fn a_source_route_says_how_far_it_is_done() {
        let route = |o: &[u8]| parse(o).ok().and_then(|o| o.route);
        assert_eq!(route(&[131, 7, 4, 1, 2, 3, 4, 0]), Some(SourceRoute { strict: false, done: false }));
        assert_eq!(route(&[137, 7, 8, 1, 2, 3, 4, 0]), Some(SourceRoute { strict: true, done: true }));
        let filled = parse(&[1, 7, 7, 4, 0, 0, 0, 0]).map(|o| (o.filled.first().cloned(), o.filled.len()));
        assert_eq!(filled, Ok((Some(21..28), 1)));
    }
}
