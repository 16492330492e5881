//! Is an IP address public?
//!
//! Pure. The list is that of IANA's special-purpose registries, and on the safe side: of IPv6 only
//! what is given out for the whole Internet (2000::/3) is public. An IPv6 address that carries an
//! IPv4 address is no better than that one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is that is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Special {
    Unspecified,
    Loopback,
    Private,
    LinkLocal,
    /// Behind a provider's NAT, 100.64.0.0/10.
    Shared,
    Multicast,
    Broadcast,
    Documentation,
    Benchmarking,
    /// Azure's own service beside each virtual machine; it looks public.
    Platform,
    Reserved,
}

impl fmt::Display for Special {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Special::Unspecified => "an unspecified",
            Special::Loopback => "a loopback",
            Special::Private => "a private",
            Special::LinkLocal => "a link-local",
            Special::Shared => "a shared (carrier NAT)",
            Special::Multicast => "a multicast",
            Special::Broadcast => "a broadcast",
            Special::Documentation => "a documentation",
            Special::Benchmarking => "a benchmarking",
            Special::Platform => "an Azure platform",
            Special::Reserved => "a reserved",
        })
    }
}

/// `None` for a public address.
pub(super) fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

/// Serves DNS, health checks and the agent's secrets to a virtual machine in Azure.
const AZURE_HOST: [u8; 4] = [168, 63, 129, 16];

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    match address.octets() {
        [0, 0, 0, 0] => Some(Special::Unspecified),
        [0, ..] => Some(Special::Reserved),
        [127, ..] => Some(Special::Loopback),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some(Special::Private),
        [169, 254, ..] => Some(Special::LinkLocal),
        [100, 64..=127, ..] => Some(Special::Shared),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some(Special::Documentation),
        [198, 18..=19, ..] => Some(Special::Benchmarking),
        // Protocol assignments, and the relays of 6to4 that were.
        [192, 0, 0, _] | [192, 88, 99, _] => Some(Special::Reserved),
        [224..=239, ..] => Some(Special::Multicast),
        [255, 255, 255, 255] => Some(Special::Broadcast),
        [240..=255, ..] => Some(Special::Reserved),
        AZURE_HOST => Some(Special::Platform),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Special::Unspecified),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Special::Loopback),
        // IPv4-mapped, and NAT64's well-known prefix: these lead to the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => special_v4(v4(a, b)),
        // IPv4-compatible and IPv4-translated: nothing public is there.
        [0, 0, 0, 0, 0, 0, a, b] | [0, 0, 0, 0, 0xffff, 0, a, b] => {
            special_v4(v4(a, b)).or(Some(Special::Reserved))
        }
        // NAT64 of one's own network.
        [0x64, 0xff9b, 1, ..] => Some(Special::Private),
        // 6to4.
        [0x2002, a, b, ..] => special_v4(v4(a, b)),
        // Teredo: a server, and a client whose bits are turned over.
        [0x2001, 0, a, b, _, _, c, d] => special_v4(v4(a, b)).or(special_v4(v4(!c, !d))),
        [0x2001, 2, 0, ..] => Some(Special::Benchmarking),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some(Special::Documentation),
        // The rest of the protocol assignments, 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Some(Special::Reserved),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Special::Private),
        [0xfe80..=0xfebf, ..] => Some(Special::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        [0x2000..=0x3fff, ..] => None,
        _ => Some(Special::Reserved),
    }
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Special> {
        special(text.parse().unwrap())
    }

    #[test]
    fn special_ipv4_addresses_are_known_from_their_first_to_their_last() {
        for (first, last, kind) in [
            ("0.0.0.1", "0.255.255.255", Special::Reserved),
            ("10.0.0.0", "10.255.255.255", Special::Private),
            ("100.64.0.0", "100.127.255.255", Special::Shared),
            ("127.0.0.0", "127.255.255.255", Special::Loopback),
            ("169.254.0.0", "169.254.255.255", Special::LinkLocal),
            ("172.16.0.0", "172.31.255.255", Special::Private),
            ("192.0.0.0", "192.0.0.255", Special::Reserved),
            ("192.0.2.0", "192.0.2.255", Special::Documentation),
            ("192.88.99.0", "192.88.99.255", Special::Reserved),
            ("192.168.0.0", "192.168.255.255", Special::Private),
            ("198.18.0.0", "198.19.255.255", Special::Benchmarking),
            ("198.51.100.0", "198.51.100.255", Special::Documentation),
            ("203.0.113.0", "203.0.113.255", Special::Documentation),
            ("224.0.0.0", "239.255.255.255", Special::Multicast),
            ("240.0.0.0", "255.255.255.254", Special::Reserved),
            ("0.0.0.0", "0.0.0.0", Special::Unspecified),
            ("255.255.255.255", "255.255.255.255", Special::Broadcast),
            ("168.63.129.16", "168.63.129.16", Special::Platform),
        ] {
            assert_eq!(of(first), Some(kind), "{first}");
            assert_eq!(of(last), Some(kind), "{last}");
        }
    }

    #[test]
    fn their_neighbours_are_public() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "168.63.129.17",
            "2000::",
            "2001:200::",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "3fff:1000::",
            "3ffe:ffff::1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn special_ipv6_addresses_are_known() {
        for (text, kind) in [
            ("::", Special::Unspecified),
            ("::1", Special::Loopback),
            ("100::1", Special::Reserved),
            ("1fff:ffff::", Special::Reserved),
            ("4000::", Special::Reserved),
            ("5f00::1", Special::Reserved),
            ("fc00::", Special::Private),
            ("fdff:ffff::1", Special::Private),
            ("fe80::1", Special::LinkLocal),
            ("febf:ffff::1", Special::LinkLocal),
            ("fec0::1", Special::Private),
            ("ff02::1", Special::Multicast),
            ("2001:2::1", Special::Benchmarking),
            ("2001:20::1", Special::Reserved),
            ("2001:1ff::1", Special::Reserved),
            ("2001:db8::1", Special::Documentation),
            ("3fff:fff::1", Special::Documentation),
            ("64:ff9b:1::808:808", Special::Private),
        ] {
            assert_eq!(of(text), Some(kind), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_is_no_better_than_the_ipv4_address_in_it() {
        let kinds = [
            ([127_u8, 0, 0, 1], Special::Loopback),
            ([10, 1, 2, 3], Special::Private),
            ([169, 254, 169, 254], Special::LinkLocal),
            ([100, 64, 0, 1], Special::Shared),
            ([168, 63, 129, 16], Special::Platform),
        ];
        for ([a, b, c, d], kind) in kinds {
            let hex = format!("{a:02x}{b:02x}:{c:02x}{d:02x}");
            let turned = format!("{:02x}{:02x}:{:02x}{:02x}", !a, !b, !c, !d);
            for text in [
                format!("::ffff:{hex}"),
                format!("::{hex}"),
                format!("::ffff:0:{hex}"),
                format!("64:ff9b::{hex}"),
                format!("2002:{hex}::1"),
                format!("2001:0:{hex}::f7f7:f7f7"),
                format!("2001:0:808:808::{turned}"),
            ] {
                assert_eq!(of(&text), Some(kind), "{text}");
            }
        }
    }

    #[test]
    fn an_ipv4_address_that_is_public_stays_so_where_ipv6_leads_to_it() {
        for text in [
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2001:0:808:808::f7f7:f7f7",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
        // Nothing is routed there.
        assert_eq!(of("::8.8.8.8"), Some(Special::Reserved));
        assert_eq!(of("::ffff:0:808:808"), Some(Special::Reserved));
    }
}
