//! Which addresses belong to the public internet, and a resolver that knows no others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::error::Error;

/// Whether an address may be connected to.
pub(super) type Allowed = fn(IpAddr) -> bool;

/// Resolves names to allowed addresses only. It is the connection's own resolver, so that a name
/// cannot mean another address when it is connected to than when it was looked at.
pub(super) struct Only(pub(super) Allowed);

impl Resolve for Only {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let left: Vec<SocketAddr> =
                found.iter().copied().filter(|address| allowed(address.ip())).collect();
            match found.first() {
                Some(address) if left.is_empty() => Err(refused(&host, address.ip()).into()),
                _ => Ok(Box::new(left.into_iter()) as Addrs),
            }
        })
    }
}

/// Why a host is not connected to.
pub(super) fn refused(host: &str, ip: IpAddr) -> Error {
    let named = if host == ip.to_string() { String::new() } else { format!(" of {host}") };
    Error::invalid_input(format!(
        "image: expected a URL on the public internet; the address {ip}{named} is not on it"
    ))
    .hint(
        "read the image yourself and pass its bytes, or make the client with \
         allow_private_image_urls=True if nobody else chooses the URL",
    )
}

/// Whether an address is one that everybody reaches: neither this machine nor its network, and
/// nothing that is set apart for another purpose (RFC 6890 and its registries).
pub(super) fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    // This network, loopback, multicast, reserved; carriers' own; protocol assignments and the old
    // relay to IPv6; benchmarks.
    let set_apart = matches!(
        ip.octets(),
        [0 | 127 | 224..=255, ..]
            | [100, 64..=127, ..]
            | [192, 0, 0, _]
            | [192, 88, 99, _]
            | [198, 18 | 19, ..]
    );
    !set_apart && !ip.is_private() && !ip.is_link_local() && !ip.is_documentation()
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return is_public_v4(ip);
    }
    let segments = ip.segments();
    match segments {
        // What a network without IPv4 makes of an IPv4 address (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        // Protocol assignments, among them tunnels to any IPv4 address; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Everything else that is public is in one block.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        for ip in [
            "1.1.1.1",
            "93.184.216.34",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }
}
