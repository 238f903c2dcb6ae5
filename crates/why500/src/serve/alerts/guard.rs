//! Where messages must not go: this machine, its networks, the clouds' own services.
//!
//! Whoever may write the configuration could else make the server speak to what only it can reach (server-side request forgery;
//! OWASP, "Server Side Request Forgery Prevention Cheat Sheet"). Names are looked up once, what is refused is left out, and the
//! connection goes to the addresses that remain: a name that points elsewhere a moment later changes nothing. Redirects are not
//! followed, and proxies of the environment are not asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// Networks of IPv4 that are nobody's on the Internet, or a cloud's own (IANA IPv4 Special-Purpose Address Registry).
const REFUSED_4: [(Ipv4Addr, u32); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Metadata of most clouds is at 169.254.169.254.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // Azure's WireServer, which hands out credentials (learn.microsoft.com, "What is IP address 168.63.129.16?").
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    // Alibaba's metadata lies in the shared space above; Oracle's older one here.
    (Ipv4Addr::new(192, 0, 0, 192), 32),
];

/// Of IPv6 only what is handed out (2000::/3) is spoken to, and of that not these (IANA IPv6 Special-Purpose Address Registry).
const REFUSED_6: [(Ipv6Addr, u32); 4] = [
    // Protocols' own, Teredo among them, behind which lies an address of IPv4.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// May it be spoken to?
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            !REFUSED_4
                .iter()
                .any(|(net, length)| (bits ^ net.to_bits()).checked_shr(32 - length).unwrap_or(0) == 0)
        }
        IpAddr::V6(v6) => {
            // `::ffff:10.0.0.1` and NAT64's `64:ff9b::10.0.0.1` are what they hold.
            if let Some(v4) = v6.to_ipv4_mapped().or_else(|| nat64(v6)) {
                return is_public(IpAddr::V4(v4));
            }
            let bits = v6.to_bits();
            bits >> 125 == 0b001
                && !REFUSED_6.iter().any(|(net, length)| (bits ^ net.to_bits()) >> (128 - length) == 0)
        }
    }
}

/// The address of IPv4 within one of NAT64's well-known prefix (RFC 6052 §2.1).
fn nat64(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    const PREFIX: u128 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0).to_bits();
    let bits = v6.to_bits();
    (bits >> 32 == PREFIX >> 32).then(|| Ipv4Addr::from_bits(bits as u32))
}

/// Why a name is not spoken to.
const REFUSED: &str = "it is an address of this machine or of a private network; `allow_private = true` in the channel's settings \
                       allows it";

/// The addresses of a name that may be spoken to.
///
/// # Errors
/// It has none, or none that may be.
pub fn addresses(host: &str, port: u16, allow_private: bool) -> Result<Vec<SocketAddr>, String> {
    let all: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|e| format!("{host}: {e}"))?.collect();
    let may: Vec<SocketAddr> = all.iter().copied().filter(|a| allow_private || is_public(a.ip())).collect();
    match (may.is_empty(), all.is_empty()) {
        (false, _) => Ok(may),
        (true, true) => Err(format!("{host}: the name has no address")),
        (true, false) => Err(format!("{host}: {REFUSED}")),
    }
}

/// Looks names up and leaves out what must not be spoken to.
#[derive(Debug, Default)]
pub struct Guarded(DefaultResolver);

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let all = self.0.resolve(uri, config, timeout)?;
        let mut may = self.empty();
        for address in all.iter().filter(|a| is_public(a.ip())) {
            may.push(*address);
        }
        if may.is_empty() { Err(ureq::Error::Other(REFUSED.into())) } else { Ok(may) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_spoken_to() {
        for refused in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.192",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "100::1",
            "3fff::1",
        ] {
            assert!(!is_public(refused.parse().unwrap()), "{refused}");
        }
        for public in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "9.255.255.255",
            "11.0.0.0",
            "2606:4700::1111",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2a00:1450::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn a_name_that_points_inside_is_refused() {
        assert!(addresses("localhost", 80, false).unwrap_err().contains("allow_private"));
        assert!(!addresses("localhost", 80, true).unwrap().is_empty());
        // Written in ways that only some readers take for an address.
        for odd in ["127.1", "0x7f000001", "2130706433", "[::1]"] {
            let found = addresses(odd, 80, false);
            assert!(found.is_err(), "{odd}: {found:?}");
        }
    }
}
