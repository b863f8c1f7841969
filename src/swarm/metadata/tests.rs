//! Whatever peers answer, the right bytes come in the end, and those who lied are named.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const PART: usize = 16 * 1024;

/// The bytes of an `info`.
fn info(bytes: usize) -> Bytes {
    (0..bytes).map(|n| (n * 7 / 5 % 251) as u8).collect()
}

fn hash_of(info: &[u8]) -> InfoHash {
    InfoHash(Sha1::digest(info).into())
}

fn part_of(info: &Bytes, part: u32) -> MetadataNews {
    let begin = (part as usize * PART).min(info.len());
    let bytes = info.slice(begin..(begin + PART).min(info.len()));
    MetadataNews::Part { part, total_bytes: Some(info.len() as u32), bytes }
}

/// The machine for a magnet, and what it wanted so far.
struct Fetching {
    metadata: Metadata,
    now: At,
    asked: Vec<(u32, u32)>,
    steps: Vec<(u32, MetadataStep)>,
    wrong: Vec<(u32, String)>,
    parts: Parts,
    known: Option<Bytes>,
}

impl Fetching {
    fn new(info: &Bytes) -> Self {
        Self::of(Metadata::new(hash_of(info), false))
    }

    fn of(mut metadata: Metadata) -> Self {
        metadata.set_active(At::ZERO, true);
        Self {
            metadata,
            now: At::ZERO,
            asked: Vec::new(),
            steps: Vec::new(),
            wrong: Vec::new(),
            parts: Parts::default(),
            known: None,
        }
    }

    /// One to which this number of peers offer the whole.
    fn with(info: &Bytes, peers: u32) -> Self {
        let mut fetching = Self::new(info);
        (0..peers).for_each(|peer| fetching.offers(peer, info.len() as u32));
        fetching
    }

    fn offers(&mut self, peer: u32, bytes: u32) {
        self.metadata.introduced(self.now, ConnKey(peer), PeerKey(peer), Some(bytes));
        self.take();
    }

    fn news(&mut self, peer: u32, news: MetadataNews) {
        self.metadata.news(self.now, ConnKey(peer), news);
        self.take();
    }

    fn leaves(&mut self, peer: u32) {
        self.metadata.left(self.now, ConnKey(peer));
        self.take();
    }

    /// Lets time go by, and tells it when that is wanted.
    fn until(&mut self, then: At) {
        while let Some(at) = self.metadata.deadline().filter(|at| *at <= then) {
            assert!(at >= self.now, "it wants to be told of {at:?} at {:?}", self.now);
            self.now = at;
            self.metadata.on_time(at);
            assert!(self.metadata.deadline().is_none_or(|next| next > at), "{at:?} is over");
            self.take();
        }
        self.now = then;
    }

    fn take(&mut self) {
        while let Some(fetch) = self.metadata.poll() {
            match fetch {
                Fetch::Ask(conn, part) => self.asked.push((conn.0, part)),
                Fetch::Told(peer, step) => self.steps.push((peer.0, step)),
                Fetch::Wrong(peer, _, reason) => self.wrong.push((peer.0, reason)),
                Fetch::Parts(parts) => self.parts = parts,
                Fetch::Known(bytes) => assert!(self.known.replace(bytes).is_none(), "it is known once"),
            }
        }
    }

    /// What was asked since the last time.
    fn asks(&mut self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.asked)
    }

    fn held_bytes(&self) -> usize {
        self.metadata.set.parts.values().map(|(_, bytes)| bytes.len()).sum()
    }

    fn liars(&self) -> Vec<u32> {
        self.wrong.iter().map(|(peer, _)| *peer).collect()
    }
}

#[test]
fn several_are_asked_at_a_time_and_the_whole_is_known_with_the_last_part() {
    let info = info(5 * PART + 7);
    let mut fetching = Fetching::with(&info, 3);
    assert_eq!(fetching.asks(), [(0, 0), (1, 1), (2, 2)]);
    for ((peer, part), next) in [((2, 2), (2, 3)), ((0, 0), (0, 4)), ((1, 1), (1, 5))] {
        fetching.news(peer, part_of(&info, part));
        assert_eq!(fetching.asks(), [next], "one at a time");
    }
    for (peer, part) in [(0, 4), (1, 5)] {
        fetching.news(peer, part_of(&info, part));
        assert_eq!(fetching.known, None);
    }
    assert_eq!(fetching.parts, Parts { got: 5, of: 6, bytes: info.len() as u32 });
    assert!(fetching.asks().iter().all(|(_, part)| [3, 5].contains(part)));
    fetching.news(2, part_of(&info, 3));
    assert_eq!(fetching.known, Some(info));
    assert!(fetching.wrong.is_empty());
    assert_eq!(fetching.metadata.deadline(), None);
}

#[test]
fn the_last_part_is_asked_of_two_and_of_no_more() {
    let info = info(100);
    let mut fetching = Fetching::with(&info, 5);
    assert_eq!(fetching.asks(), [(0, 0), (1, 0)]);
    fetching.until(SECOND);
    assert_eq!(fetching.asks(), []);
    fetching.news(1, part_of(&info, 0));
    assert_eq!(fetching.known, Some(info));
}

#[test]
fn one_that_is_silent_costs_three_seconds_at_most() {
    let info = info(2 * PART);
    let mut fetching = Fetching::new(&info);
    fetching.offers(0, info.len() as u32);
    assert_eq!(fetching.asks(), [(0, 0)]);
    fetching.offers(1, info.len() as u32);
    assert_eq!(fetching.asks(), [(1, 1)]);
    fetching.news(1, part_of(&info, 1));
    assert_eq!(fetching.asks(), [(1, 0)], "there is nothing else to ask it for");
    fetching.until(4 * SECOND);
    let silent: Vec<_> =
        fetching.steps.iter().filter(|(_, step)| matches!(step, MetadataStep::Silent { .. })).collect();
    assert_eq!(silent.len(), 2, "{silent:?}");
    fetching.news(0, part_of(&info, 0));
    assert_eq!(fetching.known, Some(info), "what comes late is taken");
}

#[test]
fn nobody_waits_for_those_who_were_silent_before() {
    let info = info(3 * PART);
    let mut fetching = Fetching::with(&info, 4);
    fetching.until(130 * SECOND);
    fetching.asks();
    fetching.offers(4, info.len() as u32);
    assert_eq!(fetching.asks(), [(4, 0)]);
    fetching.news(4, part_of(&info, 0));
    assert_eq!(fetching.asks(), [(4, 1)]);
}

#[test]
fn one_that_refuses_is_asked_again_only_when_it_says_again_that_it_has_them() {
    let info = info(2 * PART);
    let mut fetching = Fetching::with(&info, 1);
    fetching.asks();
    fetching.news(0, MetadataNews::Refused { part: 0 });
    assert_eq!(fetching.steps.last(), Some(&(0, MetadataStep::Refused { part: 0 })));
    fetching.until(3600 * SECOND);
    assert_eq!(fetching.asks(), []);
    assert_eq!(fetching.metadata.withholds(ConnKey(0)), Some(Cause::MetadataRefused));
    fetching.offers(0, info.len() as u32);
    assert_eq!(fetching.asks(), [(0, 0)]);
    fetching.news(0, MetadataNews::Refused { part: 0 });
    fetching.leaves(0);
    fetching.offers(0, info.len() as u32);
    assert_eq!(fetching.asks(), [(0, 0)], "on another connection");
    fetching.news(0, MetadataNews::Refused { part: 0 });
    fetching.offers(1, info.len() as u32);
    fetching.asks();
    fetching.news(1, part_of(&info, 0));
    fetching.news(1, part_of(&info, 1));
    assert_eq!(fetching.known, Some(info));
}

#[test]
fn one_that_is_silent_is_asked_again_only_when_it_answers_or_says_again_that_it_has_them() {
    let info = info(3 * PART);
    let mut fetching = Fetching::with(&info, 1);
    assert_eq!(fetching.asks(), [(0, 0)]);
    fetching.until(3600 * SECOND);
    assert_eq!(fetching.asks(), []);
    assert_eq!(fetching.metadata.withholds(ConnKey(0)), Some(Cause::MetadataSilent));
    let silent = fetching.steps.iter().filter(|(_, step)| matches!(step, MetadataStep::Silent { .. }));
    assert_eq!(silent.count(), 1, "it is told once");
    fetching.news(0, part_of(&info, 0));
    assert_eq!(fetching.asks(), [(0, 1)], "it answers after all");
    fetching.until(7200 * SECOND);
    fetching.offers(0, info.len() as u32);
    assert_eq!(fetching.asks(), [(0, 1)]);
}

#[test]
fn three_of_five_poison_it_and_are_named() {
    let (info, poison) = (info(10 * PART + 1), info(10 * PART + 1).iter().map(|byte| byte ^ 1).collect());
    let mut fetching = Fetching::with(&info, 5);
    let mut rounds = 0;
    while fetching.known.is_none() {
        rounds += 1;
        let asks = fetching.asks();
        assert!(!asks.is_empty() && rounds < 80, "{:?}", fetching.metadata);
        for (peer, part) in asks {
            fetching.news(peer, part_of(if peer < 3 { &poison } else { &info }, part));
            assert!(fetching.held_bytes() <= info.len());
        }
    }
    let mut liars = fetching.liars();
    liars.sort_unstable();
    assert_eq!((fetching.known.clone(), liars), (Some(info), vec![0, 1, 2]));
}

#[test]
fn a_single_wrong_part_is_laid_at_the_door_of_the_one_who_gave_it() {
    let info = info(4 * PART);
    let mut fetching = Fetching::with(&info, 2);
    let MetadataNews::Part { part, total_bytes, .. } = part_of(&info, 2) else { unreachable!() };
    let wrong = MetadataNews::Part { part, total_bytes, bytes: Bytes::from(vec![9; PART]) };
    assert_eq!(fetching.asks(), [(0, 0), (1, 1)]);
    fetching.news(0, part_of(&info, 0));
    fetching.news(1, part_of(&info, 1));
    assert_eq!(fetching.asks(), [(0, 2), (1, 3)]);
    fetching.news(1, part_of(&info, 3));
    assert_eq!(fetching.asks(), [(1, 2)]);
    fetching.news(1, wrong);
    assert_eq!(fetching.known, None);
    assert_eq!(fetching.parts.got, 3, "what one of them gave stays: of the one that gave most");
    assert_eq!(fetching.asks(), [(1, 0)]);
    fetching.news(1, part_of(&info, 0));
    assert_eq!(fetching.liars(), [1], "it gave all of what is wrong");
    // What the other was asked before the first was whole is on its way.
    fetching.news(0, part_of(&info, 2));
    for _ in 0..4 {
        for (peer, part) in fetching.asks() {
            assert_eq!(peer, 0);
            fetching.news(0, part_of(&info, part));
        }
    }
    assert_eq!((fetching.known.clone(), fetching.liars()), (Some(info), vec![1]));
}

#[test]
fn claims_that_cannot_be_are_refused_without_holding_anything() {
    let info = info(2 * PART);
    let mut fetching = Fetching::new(&info);
    fetching.offers(0, u32::MAX);
    fetching.offers(1, MOST_METADATA_BYTES + 1);
    assert_eq!((fetching.liars(), fetching.asks()), (vec![0, 1], vec![]));
    fetching.offers(1, info.len() as u32);
    assert_eq!(fetching.asks(), [], "it is not asked again, whatever it says");
    fetching.offers(2, 17);
    fetching.offers(2, 18);
    assert_eq!(fetching.liars(), [0, 1, 2], "one length, then another");
    fetching.offers(3, MOST_METADATA_BYTES);
    assert_eq!(fetching.held_bytes(), 0);
    let short = Bytes::from_static(b"short");
    fetching.news(3, MetadataNews::Part { part: 0, total_bytes: None, bytes: short });
    fetching.offers(4, info.len() as u32);
    fetching.news(4, MetadataNews::Part { part: 0, total_bytes: Some(9), bytes: info.slice(..PART) });
    assert_eq!(fetching.liars(), [0, 1, 2, 3, 4]);
    assert_eq!(fetching.held_bytes(), 0);
    let names: Vec<&str> = fetching.wrong.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(
        names,
        [
            "it claims 4294967295 bytes, and more than 64 MiB are not taken",
            "it claims 67108865 bytes, and more than 64 MiB are not taken",
            "it claims 18 bytes, and before 17 bytes",
            "its part 0 has 5 bytes, where 16384 belong",
            "it sends a part of 9 bytes, where it claims 32768",
        ]
    );
}

#[test]
fn the_length_that_most_claim_comes_first_and_those_who_claimed_another_are_named() {
    let info = info(3 * PART);
    let mut fetching = Fetching::new(&info);
    fetching.offers(0, 5 * PART as u32);
    fetching.offers(1, info.len() as u32);
    fetching.asks();
    fetching.offers(2, info.len() as u32);
    fetching.until(4 * SECOND);
    assert!(fetching.asks().iter().all(|(peer, _)| *peer > 0), "the first is silent, others are not");
    for part in 0..3 {
        fetching.news(1, part_of(&info, part));
    }
    assert_eq!(fetching.known, Some(info));
    assert_eq!(fetching.wrong, [(0, "it claims 81920 bytes, where there are 49152".to_owned())]);
}

#[test]
fn what_one_gave_that_left_is_kept_and_the_rest_asked_of_others() {
    let info = info(4 * PART);
    let mut fetching = Fetching::with(&info, 1);
    fetching.news(0, part_of(&info, 0));
    fetching.news(0, part_of(&info, 1));
    fetching.leaves(0);
    assert_eq!(fetching.parts, Parts { got: 2, of: 4, bytes: info.len() as u32 });
    fetching.asks();
    fetching.offers(1, info.len() as u32);
    assert_eq!(fetching.asks(), [(1, 2)]);
    fetching.news(1, part_of(&info, 2));
    fetching.news(1, part_of(&info, 3));
    assert_eq!(fetching.known, Some(info));
}

#[test]
fn nobody_is_asked_at_rest_or_while_held() {
    let info = info(2 * PART);
    let mut fetching = Fetching::with(&info, 1);
    fetching.asks();
    fetching.metadata.set_active(SECOND, false);
    assert_eq!(fetching.metadata.deadline(), None);
    fetching.offers(1, info.len() as u32);
    fetching.metadata.hold(SECOND, ConnKey(1), true);
    fetching.metadata.set_active(SECOND, true);
    fetching.take();
    assert_eq!(fetching.asks(), [(0, 0)]);
    fetching.metadata.hold(SECOND, ConnKey(1), false);
    fetching.take();
    assert_eq!(fetching.asks(), [(1, 1)]);
}

#[test]
fn in_a_check_everybody_is_asked_and_judged_by_what_is_right() {
    let info = info(2 * PART);
    let mut fetching = Fetching::of(Metadata::new(hash_of(&info), true));
    (0..5).for_each(|peer| fetching.offers(peer, info.len() as u32));
    fetching.offers(5, 17);
    let asked: BTreeSet<u32> = fetching.asks().into_iter().map(|(peer, _)| peer).collect();
    assert_eq!(asked, (0..6).collect());
    assert!(fetching.metadata.is_waiting());
    for part in [0, 1] {
        fetching.news(1, part_of(&info, part));
    }
    assert_eq!(fetching.known.as_ref(), Some(&info));
    assert_eq!(fetching.liars(), [5], "it claims another length");
    fetching.news(2, part_of(&info, 0));
    let wrong = Bytes::from(vec![9; PART]);
    fetching.news(3, MetadataNews::Part { part: 0, total_bytes: None, bytes: wrong });
    fetching.news(4, MetadataNews::Refused { part: 0 });
    assert_eq!(fetching.liars(), [5, 3]);
    fetching.offers(6, info.len() as u32);
    assert_eq!(fetching.asks(), [(6, 0)]);
    fetching.until(4 * SECOND);
    assert!(!fetching.metadata.is_waiting());
    let silent = fetching.steps.iter().filter(|(_, step)| matches!(step, MetadataStep::Silent { .. }));
    assert_eq!(silent.map(|(peer, _)| *peer).collect::<BTreeSet<_>>(), BTreeSet::from([0, 6]));
}

/// How a peer of the property behaves.
#[derive(Clone, Debug)]
struct Behaviour {
    /// It answers after this time, milliseconds.
    delay_ms: u64,
    manner: Manner,
    /// It comes so late.
    comes_ms: u64,
}

#[derive(Clone, Debug)]
enum Manner {
    Honest,
    /// Each n-th part is wrong; 1: every one.
    Poison(u32),
    Refuses,
    /// It refuses, and sends the part all the same.
    RefusesFirst,
    Silent,
    /// It sends everything twice, the second time wrong.
    Twice,
    /// It gives the first parts and nothing more.
    Half,
    /// It gives one part and leaves.
    Leaves,
    /// It claims this length, and gives parts of that.
    Claims(u32),
    /// It claims another length after its first part.
    Changes,
}

fn any_behaviour() -> impl Strategy<Value = Behaviour> {
    let manner = prop_oneof![
        4 => (1..4u32).prop_map(Manner::Poison),
        1 => Just(Manner::Refuses),
        1 => Just(Manner::RefusesFirst),
        1 => Just(Manner::Silent),
        1 => Just(Manner::Twice),
        1 => Just(Manner::Half),
        1 => Just(Manner::Leaves),
        2 => prop_oneof![1..150_000u32, Just(0), Just(u32::MAX), Just(MOST_METADATA_BYTES)].prop_map(Manner::Claims),
        1 => Just(Manner::Changes),
    ];
    (0..9000u64, manner, 0..20_000u64).prop_map(|(delay_ms, manner, comes_ms)| Behaviour {
        delay_ms,
        manner,
        comes_ms,
    })
}

/// What happens at some time.
#[derive(Clone, Debug)]
enum Happens {
    Offer(u32),
    News(MetadataNews),
    Leave,
}

/// What a peer does when it is asked for a part for the `nth` time.
fn answers(behaviour: &Behaviour, info: &Bytes, part: u32, nth: u32) -> Vec<Happens> {
    let right = part_of(info, part);
    let wrong_of = |total: u32| {
        let length = metadata_part_bytes(total, part) as usize;
        let bytes = Bytes::from(vec![part as u8 ^ 0x55; length]);
        MetadataNews::Part { part, total_bytes: Some(total), bytes }
    };
    let total = info.len() as u32;
    match behaviour.manner {
        Manner::Honest => vec![Happens::News(right)],
        Manner::Poison(every) if part.is_multiple_of(every) => vec![Happens::News(wrong_of(total))],
        Manner::Poison(_) => vec![Happens::News(right)],
        Manner::Refuses => vec![Happens::News(MetadataNews::Refused { part })],
        Manner::RefusesFirst => {
            vec![Happens::News(MetadataNews::Refused { part }), Happens::News(right)]
        }
        Manner::Silent => vec![],
        Manner::Twice => vec![Happens::News(right), Happens::News(wrong_of(total))],
        Manner::Half if part == 0 => vec![Happens::News(right)],
        Manner::Half => vec![],
        Manner::Leaves if nth == 0 => vec![Happens::News(right), Happens::Leave],
        Manner::Leaves => vec![],
        Manner::Claims(claimed) => vec![Happens::News(wrong_of(claimed))],
        Manner::Changes => vec![Happens::News(right), Happens::Offer(total + 1)],
    }
}

proptest! {
    #[test]
    fn one_honest_peer_is_enough_and_nobody_honest_is_named(
        bytes in 1..120_000usize,
        others in proptest::collection::vec(any_behaviour(), 0..7),
        at in 0..7usize,
        honest_ms in 0..9000u64,
        honest_comes_ms in 0..20_000u64,
        second_honest in any::<bool>(),
    ) {
        let info = info(bytes);
        let mut peers = others;
        let honest = Behaviour { delay_ms: honest_ms, manner: Manner::Honest, comes_ms: honest_comes_ms };
        peers.insert(at.min(peers.len()), honest.clone());
        if second_honest {
            peers.push(Behaviour { delay_ms: honest_ms / 3, ..honest });
        }
        let mut fetching = Fetching::new(&info);
        let mut queue: BTreeMap<(At, u32), (u32, Happens)> = BTreeMap::new();
        let mut order = 0;
        let mut put = |queue: &mut BTreeMap<_, _>, at: At, peer: u32, happens: Happens| {
            order += 1;
            queue.insert((at, order), (peer, happens));
        };
        for (peer, behaviour) in peers.iter().enumerate() {
            let claimed = match behaviour.manner {
                Manner::Claims(claimed) => claimed,
                _ => bytes as u32,
            };
            put(&mut queue, Duration::from_millis(behaviour.comes_ms), peer as u32, Happens::Offer(claimed));
        }
        let (mut asked, mut came_bytes, mut gone) = (BTreeMap::<u32, u32>::new(), 0, BTreeSet::new());
        while fetching.known.is_none() {
            let next = queue.first_key_value().map(|((at, _), _)| *at);
            let then = next.into_iter().chain(fetching.metadata.deadline()).min().expect("something happens");
            prop_assert!(then < Duration::from_secs(3000), "it takes for ever: {:?}", fetching.metadata);
            fetching.until(then);
            let here: Vec<_> = queue.extract_if(..=(then, u32::MAX), |_, _| true).collect();
            for (_, (peer, happens)) in here {
                match happens {
                    _ if gone.contains(&peer) => {}
                    // As the handshake is read: none is none.
                    Happens::Offer(0) => {}
                    Happens::Offer(bytes) => fetching.offers(peer, bytes),
                    Happens::Leave => {
                        gone.insert(peer);
                        fetching.leaves(peer);
                    }
                    Happens::News(news) => {
                        if let MetadataNews::Part { bytes, .. } = &news {
                            came_bytes += bytes.len();
                        }
                        fetching.news(peer, news);
                    }
                }
                let claimed = fetching.metadata.set.from.bytes as usize;
                prop_assert!(fetching.held_bytes() <= claimed.min(came_bytes));
                prop_assert!(claimed <= MOST_METADATA_BYTES as usize);
                let most = fetching.metadata.offers.values().map(|offer| offer.asks.len()).max();
                prop_assert!(most.unwrap_or(0) <= MOST_AT_ONE);
            }
            for (peer, part) in fetching.asks() {
                let behaviour = &peers[peer as usize];
                let nth = asked.entry(peer).or_default();
                for happens in answers(behaviour, &info, part, *nth) {
                    let at = fetching.now + Duration::from_millis(behaviour.delay_ms);
                    put(&mut queue, at, peer, happens);
                }
                *nth += 1;
            }
        }
        prop_assert_eq!(fetching.known.as_ref(), Some(&info));
        for (peer, reason) in &fetching.wrong {
            let manner = &peers[*peer as usize].manner;
            let lied = matches!(manner, Manner::Poison(_) | Manner::Twice | Manner::Claims(_) | Manner::Changes);
            prop_assert!(lied, "{peer} is named: {reason}");
        }
    }
}
