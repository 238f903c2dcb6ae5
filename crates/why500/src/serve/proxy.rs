//! Proxies in front of the port: from them, and from nobody else, it is believed who asks.
//!
//! ```text
//! why500 serve --listen 10.0.0.5:8500 --trusted-proxy 10.0.0.0/24
//! X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.8
//! ```
//!
//! Each proxy appends whom it was asked by, so the list is read from its end, as long as a trusted one wrote it; what stands before that
//! anybody may have made up.

use axum::http::HeaderMap;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Hops looked at: some more than any site has.
const HOPS_MAX: usize = 16;

/// An address, or all that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    /// Bits that have to be the same.
    bits: u32,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong =
            || format!("{text}: an address or a network is expected: 10.0.0.8, 10.0.0.0/24, fd00::/8");
        let (base, bits) = text.split_once('/').map_or((text, None), |(base, bits)| (base, Some(bits)));
        let base: IpAddr = base.parse().map_err(|_| wrong())?;
        let whole = if base.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(whole), str::parse).map_err(|_| wrong())?;
        if bits > whole { Err(wrong()) } else { Ok(Network { base, bits }) }
    }
}

impl Network {
    fn has(&self, address: IpAddr) -> bool {
        let same = |all: u32, differ: u128| {
            let free = all.saturating_sub(self.bits);
            differ.checked_shr(free).unwrap_or(0) == 0
        };
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(32, u128::from(a.to_bits() ^ b.to_bits())),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(128, a.to_bits() ^ b.to_bits()),
            _ => false,
        }
    }
}

/// The address of whoever asks. `peer`: the other end of the connection.
pub fn client(trusted: &[Network], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut at = peer;
    let lists = headers.get_all("x-forwarded-for").iter().rev().filter_map(|v| v.to_str().ok());
    for hop in lists.flat_map(|list| list.rsplit(',')).take(HOPS_MAX) {
        if !trusted.iter().any(|t| t.has(at)) {
            break;
        }
        let hop = hop.trim();
        // Some write the port too.
        let address = hop.parse().or_else(|_| hop.parse::<SocketAddr>().map(|a| a.ip()));
        let Ok(address) = address else { break };
        at = address;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(trusted: &[&str], peer: &str, lists: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        let headers =
            lists.iter().map(|l| ("x-forwarded-for".parse().unwrap(), l.parse().unwrap())).collect();
        client(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (trusted, peer, lists, client) in [
            (&[][..], "10.0.0.8", &["203.0.113.9"][..], "10.0.0.8"),
            (&["10.0.0.0/24"], "10.0.0.8", &["203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/24"], "10.0.1.8", &["203.0.113.9"], "10.0.1.8"),
            // The first was made up by whoever asked; the last two are ours.
            (&["10.0.0.0/24"], "10.0.0.8", &["192.0.2.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9"),
            (&["10.0.0.0/24"], "10.0.0.8", &["192.0.2.1", "203.0.113.9:4711, 10.0.0.7"], "203.0.113.9"),
            (&["10.0.0.8"], "::ffff:10.0.0.8", &["[2001:db8::9]:80"], "2001:db8::9"),
            (&["fd00::/8", "::1"], "::1", &["203.0.113.9,fd12::1"], "203.0.113.9"),
            (&["0.0.0.0/0"], "10.0.0.8", &["unknown"], "10.0.0.8"),
            (&["10.0.0.8"], "10.0.0.8", &[], "10.0.0.8"),
        ] {
            assert_eq!(asked(trusted, peer, lists), client, "{trusted:?} {peer} {lists:?}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "proxy", "10.0.0.0/33", "10.0.0.0/x", "::/129", "10.0.0/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
