//! The address of a peer as it is typed, and what is wrong with one that is none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads a peer's address: `83.148.245.186:51413`, `[2a01:4f8::2]:51413`.
pub(super) fn read_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let Ok(addr) = text.parse::<SocketAddr>() else {
        return Err(why_no_address(text));
    };
    if addr.port() == 0 {
        return Err("a port is a number from 1 to 65535".to_owned());
    }
    let ip = addr.ip().to_canonical();
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(format!("no peer can be at {ip}"));
    }
    Ok(addr)
}

/// Why a text is no address of a peer.
fn why_no_address(text: &str) -> String {
    let is_port = |port: &str| port.parse::<u16>().is_ok();
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
    let ip_is_fine = host.parse::<IpAddr>().is_ok();
    match port {
        _ if !ip_is_fine && host.chars().any(|c| !c.is_ascii_digit() && c != '.') => {
            "an IP address; names are not looked up".to_owned()
        }
        _ if !ip_is_fine => "four numbers up to 255, as 83.148.245.186".to_owned(),
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
            ("peer.example:6881", "names are not looked up"),
            ("2a01:4f8::2", "[2a01:4f8::2]:51413"),
            ("2a01:4f8:0:1:6881", "brackets"),
            ("[2a01:4f8::2", "] after"),
            ("[2a01:4f8::2]", "and its port"),
            ("[2a01:4f8::2]6881", "and its port"),
            ("[2a01:4g8::2]:6881", "no IPv6 address"),
            ("224.0.0.1:6881", "no peer can be at"),
            ("0.0.0.0:6881", "no peer can be at"),
        ] {
            let said = read_address(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
            assert!(said.chars().count() <= 44, "{said}");
        }
        assert_eq!(read_address(" [2a01:4f8::2]:51413 ").unwrap().port(), 51413);
    }
}
