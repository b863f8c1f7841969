//! Names for addresses that tell nothing of whom they belong to.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sha1::{Digest, Sha1};

use super::parts::{Inspect, Parts};
use super::{Event, WebSeedStep};

/// Addresses of which the name is remembered. Those beyond it get one each time anew: the same, but perhaps also
/// somebody else's.
const MOST_REMEMBERED: usize = 1 << 16;
/// Names tried among the few of the documentation's networks before the large one is taken.
const FEW_TRIES: u64 = 8;
const MOST_TRIES: u64 = 32;

/// Gives every address a name that looks like one: the same address always the same in one run, and another one
/// in the next. Names of public addresses lie in networks set aside for documentation and measurement (RFC 5737,
/// RFC 2544, RFC 3849), those of private ones in private networks, so that what follows from their kind still
/// does. Ports are left as they are.
///
/// ```
/// use ttui::event::Pseudonyms;
///
/// let mut pseudonyms = Pseudonyms::new(7, None);
/// let text = pseudonyms.text("Dropped 83.148.245.186:51414.");
/// assert!(!text.contains("83.148.245.186") && text.ends_with(":51414."));
/// assert_eq!(text, pseudonyms.text("Dropped 83.148.245.186:51414."));
/// ```
#[derive(Clone, Debug)]
pub struct Pseudonyms {
    key: [u8; 8],
    /// The user's home folder, which often holds a name, too.
    home: Option<String>,
    names: BTreeMap<IpAddr, IpAddr>,
    taken: BTreeSet<IpAddr>,
}

impl Pseudonyms {
    /// Names drawn from a random number that nobody else knows; `home` is written as `~`.
    pub fn new(key: u64, home: Option<String>) -> Self {
        let home = home.filter(|home| home.len() > 1);
        Self { key: key.to_le_bytes(), home, names: BTreeMap::new(), taken: BTreeSet::new() }
    }

    /// The address's name.
    pub fn ip(&mut self, ip: IpAddr) -> IpAddr {
        if let IpAddr::V6(v6) = ip
            && let Some(v4) = v6.to_ipv4_mapped()
        {
            return match self.ip(v4.into()) {
                IpAddr::V4(name) => name.to_ipv6_mapped().into(),
                name => name,
            };
        }
        let only_one = ip == IpAddr::V6(Ipv6Addr::LOCALHOST);
        if only_one || ip.is_unspecified() || ip.is_multicast() {
            return ip;
        }
        if let Some(name) = self.names.get(&ip) {
            return *name;
        }
        let mut tries = (0..MOST_TRIES).map(|nth| name(ip, nth, self.draw(ip, nth)));
        let free = tries.find(|name| !self.taken.contains(name));
        let chosen = free.unwrap_or_else(|| name(ip, MOST_TRIES, self.draw(ip, MOST_TRIES)));
        if self.names.len() < MOST_REMEMBERED {
            self.names.insert(ip, chosen);
            self.taken.insert(chosen);
        }
        chosen
    }

    /// The address's name, at the same port.
    pub fn addr(&mut self, addr: SocketAddr) -> SocketAddr {
        SocketAddr::new(self.ip(addr.ip()), addr.port())
    }

    fn draw(&self, ip: IpAddr, nth: u64) -> u128 {
        let mut hash = Sha1::new();
        hash.update(self.key);
        hash.update(nth.to_le_bytes());
        match ip {
            IpAddr::V4(ip) => hash.update(ip.octets()),
            IpAddr::V6(ip) => hash.update(ip.octets()),
        }
        let digest: [u8; 20] = hash.finalize().into();
        digest[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    /// The text with a name in place of every address.
    pub fn text(&mut self, text: &str) -> String {
        let text = match &self.home {
            Some(home) => text.replace(home.as_str(), "~"),
            None => text.to_owned(),
        };
        let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':' | '[' | ']');
        let mut named = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(begin) = rest.find(of_address) {
            let (before, from) = rest.split_at(begin);
            let end = from.find(|c: char| !of_address(c)).unwrap_or(from.len());
            let (word, after) = from.split_at(end);
            named.push_str(before);
            named.push_str(&self.word(word));
            rest = after;
        }
        named + rest
    }

    fn word(&mut self, word: &str) -> String {
        // A sentence may end behind it.
        let bare = word.trim_end_matches(['.', ':']);
        for candidate in [word, bare] {
            let tail = &word[candidate.len()..];
            if let Ok(addr) = candidate.parse() {
                return self.addr(addr).to_string() + tail;
            }
            if let Ok(ip) = candidate.parse() {
                return self.ip(ip).to_string() + tail;
            }
        }
        word.to_owned()
    }

    /// The event with names in place of addresses: in every field that is one, and in all texts.
    pub fn event(&mut self, event: &Event) -> Event {
        let mut event = event.clone();
        // Trackers and web seeds go by their names: nobody is a peer for being one.
        let named = matches!(
            event,
            Event::TrackerKnown { .. } | Event::WebSeed { step: WebSeedStep::Known { .. }, .. }
        );
        if !named {
            event.each(&mut Renaming(self));
        }
        event
    }
}

struct Renaming<'a>(&'a mut Pseudonyms);

impl Inspect for Renaming<'_> {
    fn text(&mut self, text: &mut String) {
        *text = self.0.text(text);
    }

    fn ip(&mut self, ip: &mut IpAddr) {
        *ip = self.0.ip(*ip);
    }
}

/// The address that a number names: of the kind that `ip` is.
fn name(ip: IpAddr, nth: u64, number: u128) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let carrier = first == 100 && (64..128).contains(&second);
            let low = number as u32;
            if first == 127 {
                return Ipv4Addr::from_bits(127 << 24 | low & 0x00ff_ffff).into();
            }
            if ip.is_private() || ip.is_link_local() || carrier {
                return Ipv4Addr::from_bits(10 << 24 | low & 0x00ff_ffff).into();
            }
            if nth < FEW_TRIES {
                let [net, host] = [low >> 16, 1 + (low & 0xffff) % 254];
                let net = [[192, 0, 2], [198, 51, 100], [203, 0, 113]][net as usize % 3];
                return Ipv4Addr::new(net[0], net[1], net[2], host as u8).into();
            }
            Ipv4Addr::from_bits(198 << 24 | 18 << 16 | low & 0x0001_ffff).into()
        }
        IpAddr::V6(ip) => {
            let private = ip.is_unique_local() || ip.is_unicast_link_local();
            let (net, bits) = if private { (0xfd, 8) } else { (0x2001_0db8, 32) };
            Ipv6Addr::from_bits(net << (128 - bits) | number >> bits).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{Cause, PeerInfo, PeerKey, Severity, Source};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_of_the_kind_of_the_address() {
        let mut names = Pseudonyms::new(3, None);
        let mut named = |text: &str| names.ip(ip(text)).to_string();
        let documentation = ["192.0.2.", "198.51.100.", "203.0.113."];
        let public = named("83.148.245.186");
        assert!(documentation.iter().any(|net| public.starts_with(net)), "{public}");
        assert!(named("2a01:4f8::7").starts_with("2001:db8:"));
        for private in ["192.168.1.7", "10.1.2.3", "172.16.0.1", "100.64.9.9", "169.254.3.3"] {
            assert!(named(private).starts_with("10."), "{private}");
        }
        assert!(named("fe80::1").starts_with("fd"));
        assert!(named("127.45.1.9").starts_with("127."));
        assert_eq!(named("::1"), "::1");
        assert_eq!(named("::ffff:83.148.245.186"), format!("::ffff:{public}"));
    }

    #[test]
    fn thousands_of_addresses_have_a_name_each() {
        let mut names = Pseudonyms::new(3, None);
        let all: BTreeSet<IpAddr> =
            (0..5000u32).map(|n| names.ip(Ipv4Addr::from_bits(0x5394_0000 + n * 7).into())).collect();
        assert_eq!(all.len(), 5000);
    }

    #[test]
    fn another_run_gives_other_names() {
        let named = |key| Pseudonyms::new(key, None).ip(ip("2a01:4f8::7"));
        assert_eq!(named(1), named(1));
        assert_ne!(named(1), named(2));
    }

    #[test]
    fn replaces_addresses_in_sentences_and_nothing_else() {
        let mut names = Pseudonyms::new(3, Some("/home/eve".to_owned()));
        let (v4, v6) = (names.ip(ip("83.148.245.186")), names.ip(ip("2a01:4f8::7")));
        for (text, expected) in [
            ("Dropped 83.148.245.186:51414.", format!("Dropped {v4}:51414.")),
            ("from 83.148.245.186, later", format!("from {v4}, later")),
            ("[2a01:4f8::7]:80 and 2a01:4f8::7.", format!("[{v6}]:80 and {v6}.")),
            ("cannot write /home/eve/iso/a: full", "cannot write ~/iso/a: full".to_owned()),
            ("a bad face at 12:30 of 2.1: [1]", "a bad face at 12:30 of 2.1: [1]".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(names.text(text), expected);
        }
    }

    #[test]
    fn events_name_nobody() {
        let mut names = Pseudonyms::new(3, None);
        let addr = "83.148.245.186:6881".parse().unwrap();
        let text = "no, 83.148.245.186".to_owned();
        let info =
            PeerInfo { calls_itself: Some("Client at 83.148.245.186".to_owned()), ..PeerInfo::default() };
        for event in [
            Event::Introduced { peer: PeerKey(1), info },
            Event::PeerLearned { peer: PeerKey(1), addr, source: Source::Manual },
            Event::IncomingFailed { addr: addr.ip(), cause: Cause::UnknownInfoHash },
            Event::Note { severity: Severity::Info, text: text.clone(), answer: true },
            Event::Banned { peer: PeerKey(1), until: None, reason: text.clone() },
            Event::AttemptEnded {
                peer: PeerKey(1),
                cause: Cause::LocalError,
                error: None,
                detail: Some(text),
                bytes_in: 0,
                bytes_out: 0,
            },
        ] {
            let named = names.event(&event);
            assert!(!format!("{named:?}").contains("83.148"), "{named:?}");
            assert_ne!(named, event);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(text in "[0-9a-f.:\\[\\] é]{0,60}") {
            Pseudonyms::new(1, None).text(&text);
        }
    }
}
