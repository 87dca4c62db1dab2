//! Finding an IPv4 option as the kernel does: it checks them all first (`__ip_options_compile`).

use crate::evaluate::{Context, Fact};

const HEADER: usize = 20;
const END: u8 = 0;
const NOP: u8 = 1;
const RR: u8 = 7;
const TIMESTAMP: u8 = 68;
const LSRR: u8 = 131;
const SSRR: u8 = 137;
const RA: u8 = 148;

/// `ipv4_find_option`: where the option is, from the network header.
pub fn find(cx: &mut Context<'_>, target: u8) -> Fact<usize> {
    let length = match cx.packet.array::<HEADER>(0) {
        Fact::Is([first, ..]) => usize::from(first & 15) * 4,
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    if length <= HEADER {
        return Fact::Absent;
    }
    let bytes = match cx.packet.read(HEADER, length - HEADER) {
        Fact::Is(b) => b.to_vec(),
        Fact::Absent => return Fact::Absent,
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    match check(&bytes) {
        Err(Bad) => Fact::Absent,
        Ok(found) => {
            // The kernel refuses options it does not know, if the process it happens to interrupt may not send raw packets.
            if found.privileged && !cx.ask("whether the kernel accepts unusual IP options", b"nft ip options", true) {
                return Fact::Absent;
            }
            match target {
                SSRR | LSRR => found.route.filter(|&(_, kind)| kind == target).map(|(at, _)| at),
                RR => found.record,
                RA => found.alert,
                _ => None,
            }
            .map(|at| at + HEADER)
            .into()
        }
    }
}

/// The options are broken: none is found.
struct Bad;

#[derive(Default)]
struct Options {
    route: Option<(usize, u8)>,
    record: Option<usize>,
    timestamp: bool,
    alert: Option<usize>,
    privileged: bool,
}

fn check(bytes: &[u8]) -> Result<Options, Bad> {
    let mut found = Options::default();
    let mut at = 0;
    while let Some(&kind) = bytes.get(at) {
        match kind {
            END => break,
            NOP => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        let length = usize::from(*rest.get(1).ok_or(Bad)?);
        if length < 2 || length > rest.len() {
            return Err(Bad);
        }
        let byte = |i: usize| rest.get(i).copied().unwrap_or(0);
        let pointer = usize::from(byte(2));
        match kind {
            SSRR | LSRR => {
                if found.route.is_some() || pointer != 4 || length < 7 || (length - 3) % 4 != 0 {
                    return Err(Bad);
                }
                found.route = Some((at, kind));
            }
            RR => {
                if found.record.is_some() || length < 3 || pointer < 4 || (pointer <= length && pointer + 3 > length) {
                    return Err(Bad);
                }
                found.record = Some(at);
            }
            TIMESTAMP => {
                if found.timestamp || length < 4 || pointer < 5 {
                    return Err(Bad);
                }
                let (flag, overflow) = (byte(3) & 15, byte(3) >> 4);
                if pointer <= length {
                    let room = if matches!(flag, 1 | 3) { 7 } else { 3 };
                    if pointer + room > length {
                        return Err(Bad);
                    }
                    found.privileged |= !matches!(flag, 0 | 1 | 3);
                } else if flag != 3 && overflow == 15 {
                    return Err(Bad);
                }
                found.timestamp = true;
            }
            RA => {
                if length < 4 {
                    return Err(Bad);
                }
                if byte(2) == 0 && byte(3) == 0 {
                    found.alert = Some(at);
                }
            }
            _ => found.privileged = true,
        }
        at += length;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::environment::Nowhere;
    use crate::evaluate::{Assumptions, Hook, Network, Packet};

    fn find_in(options: &[u8], target: u8) -> Fact<usize> {
        let mut b = vec![0x40 | (5 + options.len() as u8 / 4), 0, 0, 20 + options.len() as u8];
        b.resize(20, 0);
        b.extend(options);
        let mut a = Assumptions::new();
        find(&mut Context::new(Packet::new(Network::Ip4, b), Hook::Input, &Nowhere, &mut a), target)
    }

    #[test]
    fn options_are_found_where_they_are() {
        assert_eq!(find_in(&[NOP, RA, 4, 0, 0, RR, 7, 4, 0, 0, 0, 0], RA), Fact::Is(21));
        assert_eq!(find_in(&[NOP, RA, 4, 0, 0, RR, 7, 4, 0, 0, 0, 0], RR), Fact::Is(25));
        assert_eq!(find_in(&[LSRR, 7, 4, 1, 2, 3, 4, END], LSRR), Fact::Is(20));
        assert_eq!(find_in(&[LSRR, 7, 4, 1, 2, 3, 4, END], SSRR), Fact::Absent);
        assert_eq!(find_in(&[], RA), Fact::Absent);
        assert_eq!(find_in(&[END, RA, 4, 0], RA), Fact::Absent);
    }

    #[test]
    fn one_broken_option_hides_all() {
        assert_eq!(find_in(&[RA, 4, 0, 0, RR, 3, 3, NOP], RA), Fact::Absent);
        assert_eq!(find_in(&[RA, 4, 0, 0, RR, 9, 4, NOP], RA), Fact::Absent);
        assert_eq!(find_in(&[RA, 4, 0, 1], RA), Fact::Absent);
    }
}
