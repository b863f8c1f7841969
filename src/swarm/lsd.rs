//! Local discovery (BEP 14): when each torrent is announced on the local network, and how much is heard there.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use crate::event::At;
use crate::metainfo::InfoHash;
use crate::wire::{LsdAnnounce, MOST_LSD_TORRENTS};

/// How often a torrent is announced.
const EVERY: Duration = Duration::from_secs(5 * 60);
/// Packets are this far apart, however many torrents there are.
const BETWEEN_PACKETS: Duration = Duration::from_secs(1);
/// Who announces a torrent of ours hears of us unless it was told within this time.
const ANSWER_AFTER: Duration = Duration::from_secs(60);
/// Packets of others that are read in a second.
const MOST_PACKETS_A_SECOND: u32 = 100;
/// Addresses that are taken in a minute, whatever torrents they are for.
const MOST_FOUND_A_MINUTE: u32 = 200;

/// What happens to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input<'a> {
    /// The torrent wants peers. A private torrent never does here.
    Join(InfoHash),
    /// It is to be announced now, unless it was a short while ago.
    Again(InfoHash),
    /// It wants none any more.
    Leave(InfoHash),
    /// A packet came.
    Heard {
        /// Who sent it.
        from: SocketAddr,
        /// What it says.
        packet: &'a [u8],
    },
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// This is sent to the group, on every interface.
    Announce(LsdAnnounce),
    /// This client on the local network has the torrent.
    Found {
        /// The torrent.
        info_hash: InfoHash,
        /// Where it listens.
        addr: SocketAddr,
    },
}

/// Announces torrents on the local network, and hears of those of others.
#[derive(Debug)]
pub struct LocalDiscovery {
    port: u16,
    cookie: String,
    torrents: BTreeMap<InfoHash, Announced>,
    next_packet: At,
    next_answer: At,
    packets: Allowance,
    found: Allowance,
    actions: VecDeque<Action>,
}

#[derive(Clone, Copy, Debug)]
struct Announced {
    due: At,
    last: Option<At>,
}

impl Announced {
    /// Whether it was, within the last minute.
    fn was_announced(&self, now: At) -> bool {
        self.last.is_some_and(|last| now.saturating_sub(last) < ANSWER_AFTER)
    }
}

/// So many in a stretch of time.
#[derive(Debug)]
struct Allowance {
    most: u32,
    every: Duration,
    began: At,
    taken: u32,
}

impl Allowance {
    fn new(most: u32, every: Duration) -> Self {
        Self { most, every, began: At::ZERO, taken: 0 }
    }

    fn take(&mut self, now: At) -> bool {
        if now.saturating_sub(self.began) >= self.every {
            (self.began, self.taken) = (now, 0);
        }
        self.taken += u32::from(self.taken <= self.most);
        self.taken <= self.most
    }
}

impl LocalDiscovery {
    /// For a client that listens on `port`; by the cookie, drawn from `seed`, it knows its own packets.
    pub fn new(port: u16, seed: u64) -> Self {
        Self {
            port,
            cookie: format!("{seed:016x}"),
            torrents: BTreeMap::new(),
            next_packet: At::ZERO,
            next_answer: At::ZERO,
            packets: Allowance::new(MOST_PACKETS_A_SECOND, Duration::from_secs(1)),
            found: Allowance::new(MOST_FOUND_A_MINUTE, Duration::from_secs(60)),
            actions: VecDeque::new(),
        }
    }

    /// Feeds one thing that happened. Afterwards empty [`poll`](Self::poll).
    pub fn handle(&mut self, now: At, input: Input<'_>) {
        match input {
            Input::Join(info_hash) => {
                self.torrents.entry(info_hash).or_insert(Announced { due: now, last: None });
            }
            Input::Again(info_hash) => {
                let torrent = self.torrents.get_mut(&info_hash);
                let rested = torrent.filter(|torrent| !torrent.was_announced(now));
                rested.into_iter().for_each(|torrent| torrent.due = now);
            }
            Input::Leave(info_hash) => drop(self.torrents.remove(&info_hash)),
            Input::Heard { from, packet } => self.heard(now, from, packet),
        }
    }

    /// The next thing to do; `None`: nothing before [`deadline`](Self::deadline).
    pub fn poll(&mut self, now: At) -> Option<Action> {
        self.actions.pop_front().or_else(|| self.announce(now))
    }

    /// When to [`poll`](Self::poll) again if nothing happens before; `None`: nothing is due.
    pub fn deadline(&self) -> Option<At> {
        self.torrents.values().map(|torrent| torrent.due.max(self.next_packet)).min()
    }

    /// The machine's networks changed: all is announced there, too.
    pub fn moved(&mut self, now: At) {
        self.torrents.values_mut().for_each(|torrent| torrent.due = now);
    }

    fn announce(&mut self, now: At) -> Option<Action> {
        if now < self.next_packet {
            return None;
        }
        let mut info_hashes = Vec::new();
        let due = self.torrents.iter_mut().filter(|(_, torrent)| torrent.due <= now);
        for (info_hash, torrent) in due.take(MOST_LSD_TORRENTS) {
            *torrent = Announced { due: now + EVERY, last: Some(now) };
            info_hashes.push(*info_hash);
        }
        if info_hashes.is_empty() {
            return None;
        }
        self.next_packet = now + BETWEEN_PACKETS;
        let cookie = Some(self.cookie.clone());
        Some(Action::Announce(LsdAnnounce { port: self.port, info_hashes, cookie }))
    }

    fn heard(&mut self, now: At, from: SocketAddr, packet: &[u8]) {
        if !self.packets.take(now) {
            return;
        }
        let Ok(heard) = LsdAnnounce::decode(packet) else { return };
        if heard.cookie.as_ref() == Some(&self.cookie) {
            return;
        }
        let mut addr = from;
        addr.set_port(heard.port);
        let mut answers = false;
        for info_hash in heard.info_hashes {
            let Some(torrent) = self.torrents.get_mut(&info_hash) else { continue };
            if !torrent.was_announced(now) && now >= self.next_answer {
                torrent.due = now;
                answers = true;
            }
            if self.found.take(now) {
                self.actions.push_back(Action::Found { info_hash, addr });
            }
        }
        if answers {
            self.next_answer = now + BETWEEN_PACKETS;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: u16 = 6881;

    fn secs(secs: u64) -> At {
        At::from_secs(secs)
    }

    fn hash(n: u8) -> InfoHash {
        InfoHash([n; 20])
    }

    fn packet(port: u16, hashes: &[InfoHash], cookie: &str) -> Vec<u8> {
        let info_hashes = hashes.to_vec();
        LsdAnnounce { port, info_hashes, cookie: Some(cookie.to_owned()) }.encode(false)
    }

    fn hear(discovery: &mut LocalDiscovery, now: At, from: &str, packet: &[u8]) {
        discovery.handle(now, Input::Heard { from: from.parse().unwrap(), packet });
    }

    /// Polls by its deadlines until then: when which torrents were announced, and who was found.
    fn run(
        discovery: &mut LocalDiscovery,
        from: At,
        until: At,
    ) -> (Vec<(u64, Vec<InfoHash>)>, Vec<SocketAddr>) {
        let (mut now, mut announced, mut found) = (from, Vec::new(), Vec::new());
        loop {
            while let Some(action) = discovery.poll(now) {
                match action {
                    Action::Announce(announce) => announced.push((now.as_secs(), announce.info_hashes)),
                    Action::Found { addr, .. } => found.push(addr),
                }
            }
            match discovery.deadline() {
                Some(next) if next <= until => {
                    assert!(next > now, "it stands still at {now:?}");
                    now = next;
                }
                _ => return (announced, found),
            }
        }
    }

    #[test]
    fn announces_at_the_start_and_every_five_minutes_many_in_a_packet() {
        let mut discovery = LocalDiscovery::new(PORT, 1);
        assert_eq!(discovery.deadline(), None);
        (0..45).for_each(|n| discovery.handle(secs(10), Input::Join(hash(n))));
        discovery.handle(secs(10), Input::Join(hash(3)));
        let (announced, _) = run(&mut discovery, secs(10), secs(600));
        let sizes: Vec<(u64, usize)> = announced.iter().map(|(at, hashes)| (*at, hashes.len())).collect();
        assert_eq!(sizes, [(10, 20), (11, 20), (12, 5), (310, 20), (311, 20), (312, 5)]);
        // At the user's wish, and not twice in a minute.
        for (at, announces) in [(601, true), (603, false)] {
            discovery.handle(secs(at), Input::Again(hash(7)));
            let (announced, _) = run(&mut discovery, secs(at), secs(at + 1));
            assert_eq!(announced == [(at, vec![hash(7)])], announces, "{announced:?}");
        }
        (0..45).for_each(|n| discovery.handle(secs(606), Input::Leave(hash(n))));
        assert_eq!(run(&mut discovery, secs(606), secs(10_000)).0, []);
    }

    #[test]
    fn finds_who_has_a_torrent_of_ours_and_not_itself() {
        let mut discovery = LocalDiscovery::new(PORT, 7);
        discovery.handle(secs(0), Input::Join(hash(1)));
        let Some(Action::Announce(own)) = discovery.poll(secs(0)) else { panic!("nothing is announced") };
        hear(&mut discovery, secs(1), "10.0.0.1:6771", &own.encode(false));
        assert_eq!(discovery.poll(secs(1)), None);
        hear(&mut discovery, secs(1), "10.0.0.2:40000", &packet(51413, &[hash(9), hash(1)], "other"));
        let addr = "10.0.0.2:51413".parse().unwrap();
        assert_eq!(discovery.poll(secs(1)), Some(Action::Found { info_hash: hash(1), addr }));
        assert_eq!(discovery.poll(secs(1)), None);
    }

    #[test]
    fn who_comes_later_hears_of_us_at_once_and_a_crowd_gets_one_answer_a_second_and_a_minute_each() {
        let mut discovery = LocalDiscovery::new(PORT, 7);
        [1, 2].iter().for_each(|n| discovery.handle(secs(0), Input::Join(hash(*n))));
        run(&mut discovery, secs(0), secs(0));
        hear(&mut discovery, secs(30), "10.0.0.2:1", &packet(2, &[hash(1)], "x"));
        assert_eq!(run(&mut discovery, secs(30), secs(99)).0, [], "it was told half a minute ago");
        for n in 0..50 {
            let one = hash(1 + n % 2);
            hear(&mut discovery, secs(100), &format!("10.0.0.{n}:1"), &packet(2, &[one], "x"));
        }
        let (announced, found) = run(&mut discovery, secs(100), secs(250));
        assert_eq!((announced, found.len()), (vec![(100, vec![hash(1)])], 50));
        hear(&mut discovery, secs(101), "10.0.0.3:1", &packet(2, &[hash(1), hash(2)], "x"));
        assert_eq!(run(&mut discovery, secs(101), secs(250)).0, [(101, vec![hash(2)])]);
    }

    #[test]
    fn a_flood_costs_no_more_than_its_part() {
        let mut discovery = LocalDiscovery::new(PORT, 7);
        discovery.handle(secs(0), Input::Join(hash(1)));
        let mut found = 0;
        for n in 0..10_000u32 {
            let from = format!("10.0.{}.{}:1", n / 250, n % 250);
            hear(
                &mut discovery,
                secs(5) + Duration::from_micros(n.into()),
                &from,
                &packet(2, &[hash(1)], "x"),
            );
        }
        for second in 6..60 {
            (0..200)
                .for_each(|_| hear(&mut discovery, secs(second), "10.9.9.9:1", &packet(2, &[hash(1)], "x")));
            found += run(&mut discovery, secs(second), secs(second)).1.len();
        }
        assert_eq!(found, MOST_FOUND_A_MINUTE as usize);
    }

    #[test]
    fn in_a_new_network_all_is_announced_again() {
        let mut discovery = LocalDiscovery::new(PORT, 7);
        discovery.handle(secs(0), Input::Join(hash(1)));
        run(&mut discovery, secs(0), secs(0));
        discovery.moved(secs(20));
        assert_eq!(run(&mut discovery, secs(20), secs(20)).0, [(20, vec![hash(1)])]);
    }
}
