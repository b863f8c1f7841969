//! The address or name of a peer as it is typed, and what is wrong with one that is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::metainfo::PeerName;

/// Reads a peer: `83.148.245.186:51413`, `[2a01:4f8::2]:51413`, `seed.example.org:51413`.
pub(super) fn read_peer(text: &str) -> Result<PeerName, String> {
    let text = text.trim();
    let peer = text.parse().map_err(|_| why_no_address(text))?;
    if let PeerName::Address(addr) = &peer {
        let ip = addr.ip().to_canonical();
        if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(format!("no peer can be at {ip}"));
        }
    }
    Ok(peer)
}

/// Why a text is no address of a peer.
fn why_no_address(text: &str) -> String {
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0);
    if text.parse::<Ipv6Addr>().is_ok() || (!text.starts_with('[') && text.matches(':').count() > 1) {
        return format!("in brackets, as [{}]:51413", example(text));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            None => return "the ] after the IPv6 address is missing".to_owned(),
            Some((host, _)) if host.parse::<Ipv6Addr>().is_err() => {
                return "what is in brackets is no IPv6 address".to_owned();
            }
            Some((host, port)) => (host, port.strip_prefix(':')),
        },
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let is_name = host.chars().any(|c| !c.is_ascii_digit() && c != '.');
    let ip_is_fine = host.parse::<IpAddr>().is_ok();
    match port {
        _ if !ip_is_fine && !is_name => "four numbers up to 255, as 83.148.245.186".to_owned(),
        None | Some("") => "and its port behind a colon, as :51413".to_owned(),
        Some(port) if !is_port(port) => "a port is a number from 1 to 65535".to_owned(),
        Some(_) => "an address and port, as 83.148.245.186:51413".to_owned(),
    }
}

/// The IPv6 address itself where it is one and short, else one that shows how it is meant.
fn example(text: &str) -> &str {
    if text.len() <= 20 && text.parse::<Ipv6Addr>().is_ok() { text } else { "2a01:4f8::2" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_address_is_said_in_words() {
        for (text, why) in [
            ("83.148.245.186", "and its port behind a colon"),
            ("83.148.245.186:", "and its port behind a colon"),
            ("83.148.245.186:0", "from 1 to 65535"),
            ("83.148.245.186:70000", "from 1 to 65535"),
            ("83.148.245:6881", "four numbers"),
            ("83.148.245.999:6881", "four numbers"),
            ("peer.example", "and its port behind a colon"),
            ("peer.example:x", "from 1 to 65535"),
            ("a peer:6881", "an address and port"),
            ("2a01:4f8::2", "[2a01:4f8::2]:51413"),
            ("2a01:4f8:0:1:6881", "brackets"),
            ("[2a01:4f8::2", "] after"),
            ("[2a01:4f8::2]", "and its port"),
            ("[2a01:4f8::2]6881", "and its port"),
            ("[2a01:4g8::2]:6881", "no IPv6 address"),
            ("224.0.0.1:6881", "no peer can be at"),
            ("0.0.0.0:6881", "no peer can be at"),
        ] {
            let said = read_peer(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
            assert!(said.chars().count() <= 44, "{said}");
        }
        for text in ["[2a01:4f8::2]:51413", "83.148.245.186:51413", "peer.example:6881"] {
            assert_eq!(read_peer(&format!(" {text} ")).unwrap().to_string(), text);
        }
    }
}
