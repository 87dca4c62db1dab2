//! Internet checksums: checked as conntrack and REJECT check them, adjusted as rewrites adjust them.

use super::fact::Fact;
use super::headers::Network;
use super::ip6;
use super::packet::Packet;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const DCCP: u8 = 33;
const ICMPV6: u8 = 58;
const UDPLITE: u8 = 136;

/// The one's complement sum of 16-bit words, on top of `sum`.
fn add(mut sum: u64, bytes: &[u8]) -> u64 {
    let (words, odd) = bytes.as_chunks::<2>();
    for w in words {
        sum += u64::from(u16::from_be_bytes(*w));
    }
    match odd {
        [last] => sum + (u64::from(*last) << 8),
        _ => sum,
    }
}

/// The one's complement sum of 16-bit words, not folded yet.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    add(0, bytes)
}

/// A sum in 16 bits.
pub(super) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// The checksum of these bytes.
pub fn of(bytes: &[u8]) -> u16 {
    !fold(add(0, bytes))
}

/// A checksum after some of the bytes it covers (at an even offset) were replaced: as right or wrong as it was before.
pub fn replaced(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    let removed = u64::from(!fold(add(0, old)));
    !fold(add(u64::from(!checksum) + removed, new))
}

/// Where in a transport header its checksum is.
pub fn place(protocol: u8) -> Option<usize> {
    match protocol {
        TCP => Some(16),
        UDP | UDPLITE | DCCP => Some(6),
        ICMP | ICMPV6 => Some(2),
        _ => None,
    }
}

/// Does this protocol's checksum cover the addresses?
fn covers_addresses(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | UDPLITE | DCCP | ICMPV6)
}

/// Where the transport header of a packet is, if it is there.
fn transport(packet: &Packet) -> Option<(u8, usize)> {
    match packet.network {
        Network::Ip4 => {
            let h = packet.headers();
            h.transport.filter(|_| h.first_fragment()).zip(h.protocol).map(|(at, protocol)| (protocol, at))
        }
        Network::Ip6 => ip6::skip_extensions(packet).filter(|f| f.fragment == 0).map(|f| (f.protocol, f.offset)),
        _ => None,
    }
}

/// Overwrites bytes of the network header and adjusts the IPv4 header's checksum. `at` is even.
pub fn write_network(packet: &mut Packet, at: usize, new: &[u8]) -> bool {
    let Some(old) = packet.bytes.range(at, new.len()).map(<[u8]>::to_vec) else { return false };
    if packet.network == Network::Ip4
        && let Fact::Is(sum) = packet.array(10)
    {
        let sum = replaced(u16::from_be_bytes(sum), &old, new);
        packet.write(10, &sum.to_be_bytes());
    }
    packet.write(at, new)
}

/// Overwrites an address in the network header and adjusts all checksums that cover it.
pub fn write_address(packet: &mut Packet, at: usize, new: &[u8]) -> bool {
    let Some(old) = packet.bytes.range(at, new.len()).map(<[u8]>::to_vec) else { return false };
    if let Some((protocol, header)) = transport(packet)
        && covers_addresses(protocol)
    {
        if is_unfinished(packet, protocol, header) {
            // As `inet_proto_csum_replace4`: what is there is the sum itself, not its complement.
            if let Some((at, Fact::Is(sum))) = place(protocol).map(|p| (header + p, packet.array(header + p))) {
                let sum = !replaced(!u16::from_be_bytes(sum), &old, new);
                packet.write(at, &sum.to_be_bytes());
            }
        } else {
            adjust(packet, protocol, header, &old, new);
            // In IPv6 the address and the checksum make up for each other (`inet_proto_csum_replace16`).
            if packet.network == Network::Ip4 {
                packet.summed.follow(&old, new);
            }
        }
    }
    write_network(packet, at, new)
}

/// Overwrites bytes of the transport header at `header` and adjusts its checksum. `at` counts from the network header
/// and is at an even distance from `header`.
pub fn write_transport(packet: &mut Packet, protocol: u8, header: usize, at: usize, new: &[u8]) -> bool {
    let Some(old) = packet.bytes.range(at, new.len()).map(<[u8]>::to_vec) else { return false };
    if !is_unfinished(packet, protocol, header) {
        adjust(packet, protocol, header, &old, new);
    }
    packet.write(at, new)
}

/// Adjusts the checksum of the transport header at `header`, if it is there and in use.
fn adjust(packet: &mut Packet, protocol: u8, header: usize, old: &[u8], new: &[u8]) {
    let Some(at) = place(protocol).map(|p| header + p) else { return };
    let Fact::Is(sum) = packet.array(at) else { return };
    let sum = u16::from_be_bytes(sum);
    if protocol == UDP && sum == 0 {
        return;
    }
    let mut sum = replaced(sum, old, new);
    if sum == 0 && matches!(protocol, UDP | UDPLITE) {
        sum = 0xffff;
    }
    packet.write(at, &sum.to_be_bytes());
}

/// Puts the right checksum into an ICMP or ICMPv6 header. Of a packet that is cut it is not known then.
pub fn fill(packet: &mut Packet, protocol: u8, header: usize) {
    let Some(at) = place(protocol).map(|p| header + p) else { return };
    let end = match packet.network {
        Network::Ip4 => packet.headers().total_length.min(packet.length),
        _ => packet.length,
    };
    if !packet.write(at, &[0, 0]) {
        return;
    }
    let sum = match (packet.read(header, end.saturating_sub(header)), packet.addresses()) {
        (Fact::Is(payload), Some((source, destination))) => {
            let mut sum = add(0, payload);
            if packet.network == Network::Ip6 {
                sum += add(add(0, source), destination) + u64::from(protocol) + payload.len() as u64;
            }
            !fold(sum)
        }
        _ => return packet.blurred.push(at..at + 2),
    };
    packet.write(at, &sum.to_be_bytes());
}

/// Is the checksum of the transport header right (`nf_ip_checksum`, `nf_ip6_checksum`)? Unknown if the packet is cut.
///
/// TCP, UDP, UDP-Lite (taken as fully covered), DCCP and ICMP are checked; of other protocols the kernel sums up the
/// whole payload, which means nothing for them. One that is still to be finished is right to the kernel.
pub fn transport_is_right(packet: &Packet, protocol: u8, header: usize) -> Fact<bool> {
    let Some(length) = transport_length(packet, header) else { return Fact::Is(false) };
    is_right_over(packet, protocol, header, length)
}

/// The same, over so many bytes from the header on.
pub fn is_right_over(packet: &Packet, protocol: u8, header: usize, length: usize) -> Fact<bool> {
    if is_unfinished(packet, protocol, header) {
        return Fact::Is(true);
    }
    let payload = match packet.read(header, length) {
        Fact::Is(b) => b,
        Fact::Absent => return Fact::Is(false),
        Fact::Unknown(w) => return Fact::Unknown(w),
    };
    if protocol == UDP && payload.get(6..8) == Some(&[0, 0]) && packet.network == Network::Ip4 {
        return Fact::Is(true);
    }
    let mut sum = add(0, payload);
    // In IPv4 only TCP and UDP have a pseudo header here; everything in IPv6 has.
    if packet.network == Network::Ip6 || matches!(protocol, TCP | UDP) {
        let Some(pseudo) = pseudo_header(packet, protocol, length) else { return Fact::unknown("addresses") };
        sum += pseudo;
    }
    Fact::Is(fold(sum) == 0xffff)
}

/// Is the checksum of a UDP-Lite packet right, which covers the first of its `length` bytes only (`udp_lib_checksum_complete`)?
pub fn udplite_is_right(packet: &Packet, header: usize, covered: usize, length: usize) -> Fact<bool> {
    let Some(pseudo) = pseudo_header(packet, UDPLITE, length) else { return Fact::unknown("addresses") };
    packet.read(header, covered).map(|bytes| fold(add(pseudo, bytes)) == 0xffff)
}

/// `sctp_compute_cksum`: CRC-32c over `length` bytes from the header on, the field itself as 0. It is stored little-endian.
pub fn sctp(packet: &Packet, header: usize, length: usize) -> Fact<u32> {
    packet.read(header, length).map(|bytes| {
        let byte = |(i, b): (usize, &u8)| if (8..12).contains(&i) { 0 } else { *b };
        !bytes.iter().enumerate().map(byte).fold(u32::MAX, |crc, b| {
            (0..8).fold(crc ^ u32::from(b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0x82f6_3b78 } else { c >> 1 })
        })
    })
}

/// Is it left to the device that sends the packet out to finish the checksum (`CHECKSUM_PARTIAL`)? So it is with packets
/// of this host, its containers and virtual machines, and then the field holds the sum of the pseudo header, in
/// which one wrong checksum of 65535 looks the same.
pub fn is_unfinished(packet: &Packet, protocol: u8, header: usize) -> bool {
    let (TCP | UDP, Some(length)) = (protocol, transport_length(packet, header)) else { return false };
    let field = place(protocol).and_then(|p| packet.array(header + p).known());
    let Some(pseudo) = pseudo_header(packet, protocol, length) else { return false };
    field.map(u16::from_be_bytes) == Some(fold(pseudo))
}

/// From the transport header to the end of the packet, padding left out.
fn transport_length(packet: &Packet, header: usize) -> Option<usize> {
    let length = match packet.network {
        Network::Ip4 => packet.headers().total_length.min(packet.length),
        _ => packet.length,
    };
    length.checked_sub(header)
}

/// The sum of the addresses, the protocol and the length.
fn pseudo_header(packet: &Packet, protocol: u8, length: usize) -> Option<u64> {
    let (source, destination) = packet.addresses()?;
    Some(add(add(0, source), destination) + u64::from(protocol) + length as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 UDP packet with right checksums.
    fn udp() -> Packet {
        let mut b = vec![0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        b.extend([0x12, 0x34, 0, 53, 0, 13, 0, 0, b'h', b'e', b'l', b'l', b'o']);
        let sum = of(&b[..20]);
        b[10..12].copy_from_slice(&sum.to_be_bytes());
        let pseudo: Vec<u8> = [&b[12..20], &[0, 17, 0, 13], &b[20..]].concat();
        let sum = of(&pseudo);
        b[26..28].copy_from_slice(&sum.to_be_bytes());
        Packet::new(Network::Ip4, b)
    }

    #[test]
    fn a_right_checksum_stays_right_through_rewrites_and_a_wrong_one_wrong() {
        let mut p = udp();
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(true));
        assert!(write_address(&mut p, 12, &[192, 168, 7, 9]));
        assert!(write_transport(&mut p, UDP, 20, 22, &[0x1f, 0x90]));
        assert!(write_network(&mut p, 8, &[63, 17]));
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(true));
        assert_eq!(of(&p.bytes[..20]), 0);
        p.bytes[30] ^= 1;
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(false));
        assert!(write_address(&mut p, 16, &[1, 2, 3, 4]));
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(false));
    }

    #[test]
    fn a_cut_packet_has_an_unknown_checksum() {
        let mut p = udp();
        p.bytes.truncate(30);
        assert!(transport_is_right(&p, UDP, 20).is_unknown());
    }

    #[test]
    fn a_checksum_that_the_device_will_finish_is_right_before_and_after_rewrites() {
        let mut p = udp();
        let sum = fold(pseudo_header(&p, UDP, 13).unwrap_or(0));
        assert!(p.write(26, &sum.to_be_bytes()));
        assert!(is_unfinished(&p, UDP, 20));
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(true));
        assert!(write_address(&mut p, 12, &[192, 168, 7, 9]));
        assert!(write_transport(&mut p, UDP, 20, 22, &[0x1f, 0x90]));
        assert!(is_unfinished(&p, UDP, 20));
        p.bytes.truncate(30);
        assert_eq!(transport_is_right(&p, UDP, 20), Fact::Is(true), "the rest is not asked for");
        p.bytes[27] ^= 1;
        assert!(!is_unfinished(&p, UDP, 20));
    }
}
