use proptest::prelude::*;

use super::*;
use crate::metainfo::InfoHash;

const TORRENT: InfoHash = InfoHash([9; 20]);
const HANDSHAKE: [u8; 68] = [0x42; 68];

fn random(seed: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(seed)
}

/// One side, driven by a test: everything it writes, and how it ends.
struct Driven<N> {
    side: N,
    wrote: Vec<u8>,
    asked: usize,
    end: Option<Result<Agreed, MseError>>,
}

impl<N: Negotiation> Driven<N> {
    fn new(side: N) -> Self {
        let mut driven = Self { side, wrote: Vec::new(), asked: 0, end: None };
        driven.go();
        driven
    }

    /// Does what it wants until it wants to read, or is over.
    fn go(&mut self) {
        while self.end.is_none() {
            match self.side.next() {
                Ok(Step::Write(bytes)) => self.wrote.extend(bytes),
                Ok(Step::Exchange(exchange)) => self.side.exchanged(exchange.run()),
                Ok(Step::Read(most)) => {
                    assert!(most > 0, "to read nothing is to wait for ever");
                    self.asked = most;
                    return;
                }
                Ok(Step::Agreed(agreed)) => self.end = Some(Ok(agreed)),
                Err(error) => self.end = Some(Err(error)),
            }
        }
    }

    /// Lets it read from `bytes`, no more than it asked for and no more than `most` at once.
    fn feed(&mut self, bytes: &mut Vec<u8>, most: usize) {
        while self.end.is_none() && !bytes.is_empty() {
            let n = self.asked.min(bytes.len()).min(most.max(1));
            let some: Vec<u8> = bytes.drain(..n).collect();
            self.side.received(&some);
            self.go();
        }
    }

    fn failed(&self) -> MseError {
        match &self.end {
            Some(Err(error)) => *error,
            other => panic!("no failure: {other:?}"),
        }
    }
}

fn outgoing(offer: Offer) -> Outgoing {
    Outgoing::new(TORRENT, offer, &HANDSHAKE, random(1))
}

fn incoming(accept: Offer) -> Incoming {
    Incoming::new([InfoHash([1; 20]), TORRENT].into_iter().collect(), accept, random(2))
}

/// Lets two sides meet, handing over so many bytes at a time.
fn meet(mut a: Driven<impl Negotiation>, mut b: Driven<impl Negotiation>, pace: &[usize]) -> [Met; 2] {
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    let mut pace = pace.iter().copied().chain([3]).cycle();
    for _ in 0..100 {
        to_b.append(&mut a.wrote);
        b.feed(&mut to_b, pace.next().unwrap());
        to_a.append(&mut b.wrote);
        a.feed(&mut to_a, pace.next().unwrap());
    }
    [Met { end: a.end, left: to_a }, Met { end: b.end, left: to_b }]
}

struct Met {
    end: Option<Result<Agreed, MseError>>,
    /// What was not read.
    left: Vec<u8>,
}

impl Met {
    fn agreed(&mut self) -> Agreed {
        self.end.take().expect("it waits for more").unwrap()
    }
}

#[test]
fn agree_on_the_plainest_payload_that_both_have() {
    let (plain, rc4) = (Offer { plain: true, rc4: false }, Offer { plain: false, rc4: true });
    let table = [
        (Offer::BOTH, Offer::BOTH, Some(Payload::Plain)),
        (Offer::BOTH, rc4, Some(Payload::Rc4)),
        (rc4, Offer::BOTH, Some(Payload::Rc4)),
        (plain, Offer::BOTH, Some(Payload::Plain)),
        (rc4, rc4, Some(Payload::Rc4)),
        (plain, rc4, None),
        (rc4, plain, None),
    ];
    for (offer, accept, expected) in table {
        let [mut a, mut b] = meet(Driven::new(outgoing(offer)), Driven::new(incoming(accept)), &[1000]);
        let Some(expected) = expected else {
            let error = if accept.plain { MseError::BadSelect } else { MseError::PlainOnly };
            assert_eq!(b.end.unwrap().unwrap_err(), error);
            continue;
        };
        assert!(a.left.is_empty() && b.end.is_some(), "{offer:?} {accept:?}");
        let first = std::mem::take(&mut b.left);
        let (a, b) = (a.agreed(), b.agreed());
        assert_eq!((a.payload, b.payload), (expected, expected));
        match expected {
            Payload::Plain => {
                assert!(a.ciphers.is_none() && b.ciphers.is_none());
                assert_eq!(b.initial, HANDSHAKE);
                assert!(first.is_empty());
            }
            Payload::Rc4 => {
                let (mut a, mut b) = (a.ciphers.unwrap(), b.ciphers.unwrap());
                let mut first: [u8; 68] = first.try_into().unwrap();
                b.incoming.apply(&mut first);
                assert_eq!(first, HANDSHAKE, "it is the beginning of the stream");
                let there = a.outgoing.applied(*b"request");
                assert_eq!(b.incoming.applied(there), *b"request");
                let back = b.outgoing.applied(*b"piece");
                assert_eq!(a.incoming.applied(back), *b"piece");
            }
        }
    }
}

#[test]
fn a_long_first_payload_is_left_to_the_stream() {
    let long = vec![5; 300];
    let call = |offer| Driven::new(Outgoing::new(TORRENT, offer, &long, random(3)));
    let [_, mut b] = meet(call(Offer::BOTH), Driven::new(incoming(Offer::BOTH)), &[1000]);
    assert_eq!(b.left.len(), 300);
    assert_eq!(b.agreed().payload, Payload::Rc4);
    let plain = Offer { plain: true, rc4: false };
    let [_, b] = meet(call(plain), Driven::new(incoming(Offer::BOTH)), &[1000]);
    assert_eq!(b.end.unwrap().unwrap_err(), MseError::BadPad);
}

#[test]
fn another_torrent_is_told_from_noise() {
    let other = Driven::new(Outgoing::new(InfoHash([8; 20]), Offer::BOTH, &HANDSHAKE, random(1)));
    let [_, b] = meet(other, Driven::new(incoming(Offer::BOTH)), &[1000]);
    assert_eq!(b.end.unwrap().unwrap_err(), MseError::UnknownTorrent);
}

#[test]
fn bad_keys_end_it_before_anything_is_calculated() {
    for key in [[0; KEY_BYTES], [0xff; KEY_BYTES]] {
        let mut called = Driven::new(incoming(Offer::BOTH));
        called.feed(&mut key.to_vec(), 1000);
        assert_eq!(called.failed(), MseError::BadKey);
        assert!(called.wrote.is_empty());
        let mut calling = Driven::new(outgoing(Offer::BOTH));
        calling.feed(&mut key.to_vec(), 1000);
        assert_eq!(calling.failed(), MseError::BadKey);
    }
    let mut calling = Driven::new(outgoing(Offer::BOTH));
    let mut reflected = calling.wrote.clone();
    calling.feed(&mut reflected, 1000);
    assert_eq!(calling.failed(), MseError::BadKey, "our own key sent back");
}

/// A key that is fine, then as many bytes as are read.
fn noise(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; 4096];
    random(seed).fill(&mut bytes);
    bytes[0] = 0x7f;
    bytes
}

#[test]
fn noise_is_searched_no_further_than_padding_may_reach() {
    for seed in 0..20 {
        let mut bytes = noise(seed);
        let mut called = Driven::new(incoming(Offer::BOTH));
        called.feed(&mut bytes, 1000);
        assert_eq!(called.failed(), MseError::NoSync);
        assert!(4096 - bytes.len() <= 96 + MOST_PAD_BYTES + 20 + 36, "{} were read", 4096 - bytes.len());
        let mut bytes = noise(seed);
        let mut calling = Driven::new(outgoing(Offer::BOTH));
        calling.feed(&mut bytes, 1000);
        assert_eq!(calling.failed(), MseError::NoSync);
        assert!(4096 - bytes.len() <= 96 + MOST_PAD_BYTES + 8 + 6, "{} were read", 4096 - bytes.len());
    }
}

/// A peer that follows the protocol up to the part that a test writes.
struct Scripted {
    secret: key::Secret,
    public: [u8; KEY_BYTES],
}

impl Scripted {
    fn meet(their_public: &[u8]) -> Self {
        let their_public = their_public[..KEY_BYTES].try_into().unwrap();
        let exchanged = Exchange::new(&mut random(77)).with(&their_public).unwrap().run();
        Self { secret: exchanged.secret.unwrap(), public: exchanged.public }
    }
}

/// Ends the side that calls with an answer of this head after so much padding.
fn answered(offer: Offer, padding: usize, vc: [u8; 8], select: u32, pad_bytes: u16) -> Option<MseError> {
    let mut calling = Driven::new(outgoing(offer));
    let peer = Scripted::meet(&calling.wrote);
    let mut cipher = peer.secret.of_called(&TORRENT);
    let mut answer = peer.public.to_vec();
    answer.extend(vec![0xEE; padding]);
    let mut head = [&vc[..], &select.to_be_bytes(), &pad_bytes.to_be_bytes()].concat();
    cipher.apply(&mut head);
    answer.extend(head);
    let mut last = vec![0; usize::from(pad_bytes)];
    cipher.apply(&mut last);
    answer.extend(last);
    calling.feed(&mut answer, 1000);
    calling.end.map(|end| end.err().map_or(Ok(()), Err)).expect("it waits for more").err()
}

#[test]
fn a_choice_that_was_not_offered_is_refused() {
    let rc4 = Offer { plain: false, rc4: true };
    for (offer, select, expected) in [
        (Offer::BOTH, 1, None),
        (Offer::BOTH, 2, None),
        (Offer::BOTH, 0, Some(MseError::BadSelect)),
        (Offer::BOTH, 3, Some(MseError::BadSelect)),
        (Offer::BOTH, 4, Some(MseError::BadSelect)),
        (Offer::BOTH, 0x0200_0000, Some(MseError::BadSelect)),
        (rc4, 1, Some(MseError::PlainOnly)),
    ] {
        assert_eq!(answered(offer, 3, VC, select, 7), expected, "{offer:?} {select}");
    }
}

#[test]
fn padding_may_be_512_bytes_and_no_more() {
    assert_eq!(answered(Offer::BOTH, 512, VC, 1, 512), None);
    assert_eq!(answered(Offer::BOTH, 513, VC, 1, 0), Some(MseError::NoSync));
    assert_eq!(answered(Offer::BOTH, 0, VC, 1, 513), Some(MseError::BadPad));
    assert_eq!(answered(Offer::BOTH, 0, VC, 1, u16::MAX), Some(MseError::BadPad));
    assert_eq!(answered(Offer::BOTH, 40, [1; 8], 1, 512), Some(MseError::NoSync), "never found");
}

/// Ends the side that is called with a request of this head after so much padding.
fn asked(padding: usize, vc: [u8; 8], provide: u32, pad_bytes: u16, first: u16) -> Result<Payload, MseError> {
    let mut called = Driven::new(incoming(Offer::BOTH));
    let keys = Exchange::new(&mut random(77));
    called.feed(&mut keys.run().public.to_vec(), 1000);
    let theirs = called.wrote[..KEY_BYTES].try_into().unwrap();
    let secret = keys.with(&theirs).unwrap().run().secret.unwrap();
    let mut request = vec![0xEE; padding];
    request.extend(secret.request_1());
    request.extend(secret.request_2(&TORRENT));
    let clear = request.len();
    request.extend(vc);
    request.extend(provide.to_be_bytes());
    request.extend(pad_bytes.to_be_bytes());
    request.extend(vec![1; usize::from(pad_bytes)]);
    request.extend(first.to_be_bytes());
    request.extend(vec![2; usize::from(first)]);
    secret.of_caller(&TORRENT).apply(&mut request[clear..]);
    called.feed(&mut request, 1000);
    called.end.expect("it waits for more").map(|agreed| agreed.payload)
}

#[test]
fn requests_are_held_against_the_bounds() {
    assert_eq!(asked(512, VC, 3, 512, 68), Ok(Payload::Plain));
    assert_eq!(asked(0, VC, 2, 0, 0), Ok(Payload::Rc4));
    assert_eq!(asked(0, VC, 0xffff_ffff, 0, 20), Ok(Payload::Plain), "bits of later versions");
    assert_eq!(asked(513, VC, 3, 0, 68), Err(MseError::NoSync));
    assert_eq!(asked(5, [0, 0, 0, 0, 0, 0, 0, 1], 3, 0, 68), Err(MseError::NoSync));
    assert_eq!(asked(5, VC, 0, 0, 68), Err(MseError::BadSelect));
    assert_eq!(asked(5, VC, 4, 0, 68), Err(MseError::BadSelect));
    assert_eq!(asked(5, VC, 3, 513, 68), Err(MseError::BadPad));
    assert_eq!(asked(5, VC, 1, 0, 69), Err(MseError::BadPad));
    assert_eq!(asked(5, VC, 1, 0, u16::MAX), Err(MseError::BadPad));
    assert_eq!(asked(5, VC, 3, 0, u16::MAX), Ok(Payload::Rc4), "the stream goes on with it");
}

#[test]
fn a_constant_that_begins_within_the_padding_is_found() {
    let mut input = Input { bytes: b"aaaaab".to_vec() };
    assert_eq!(input.skip_past(b"aaabc").unwrap(), Err(1), "four of five are there");
    input.bytes.extend(b"aaab");
    assert_eq!(input.skip_past(b"aaabc").unwrap(), Err(1));
    input.bytes.extend(b"cd");
    assert_eq!(input.skip_past(b"aaabc").unwrap(), Ok(()));
    assert_eq!(input.bytes, b"d");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn meet_at_any_pace(
        seeds in any::<(u64, u64)>(), pace in proptest::collection::vec(1..200usize, 1..20), rc4 in any::<bool>(),
    ) {
        let accept = Offer { plain: !rc4, rc4 };
        let a = Outgoing::new(TORRENT, Offer::BOTH, &HANDSHAKE, random(seeds.0));
        let b = Incoming::new([TORRENT].into_iter().collect(), accept, random(seeds.1));
        let [mut a, mut b] = meet(Driven::new(a), Driven::new(b), &pace);
        prop_assert_eq!(b.left.len(), if rc4 { 68 } else { 0 });
        prop_assert!(a.left.is_empty());
        let (a, b) = (a.agreed(), b.agreed());
        prop_assert_eq!(a.payload, b.payload);
        prop_assert_eq!(b.initial.len(), if rc4 { 0 } else { 68 });
    }

    #[test]
    fn take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), most in 1..700usize) {
        let mut called = Driven::new(incoming(Offer::BOTH));
        called.feed(&mut bytes.clone(), most);
        let mut calling = Driven::new(outgoing(Offer::BOTH));
        calling.feed(&mut bytes.clone(), most);
        let enough = bytes.len() > 96 + 512 + 60;
        prop_assert!(!enough || (called.end.is_some() && calling.end.is_some()));
    }

    #[test]
    fn a_byte_changed_in_what_names_the_torrent_ends_it(at in 0..40usize, flip in 1..=255u8) {
        let mut calling = Driven::new(outgoing(Offer::BOTH));
        let mut called = Driven::new(incoming(Offer::BOTH));
        called.feed(&mut std::mem::take(&mut calling.wrote), 1000);
        calling.feed(&mut std::mem::take(&mut called.wrote), 1000);
        let mut request = std::mem::take(&mut calling.wrote);
        request[at] ^= flip;
        request.extend([0; MOST_PAD_BYTES]);
        called.feed(&mut request, 1000);
        let expected = if at < 20 { MseError::NoSync } else { MseError::UnknownTorrent };
        prop_assert_eq!(called.failed(), expected);
    }
}
