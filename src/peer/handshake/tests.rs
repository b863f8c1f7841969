//! Two machines that shake hands in memory; what carries them is in `engine::handshake`.

use super::*;

fn handshake(torrent: u8, id: u64) -> Handshake {
    Handshake { reserved: Reserved::OURS, info_hash: InfoHash([torrent; 20]), peer_id: PeerId::ours(id) }
}

fn encrypted(seed: u64) -> Option<(Offer, fastrand::Rng)> {
    Some((Offer::BOTH, fastrand::Rng::with_seed(seed)))
}

/// One side: its machine, what is on its way to it, and how it ended.
struct Side {
    shake: Handshaking,
    wire: VecDeque<u8>,
    /// Bytes it may read at once.
    most: usize,
    ended: Option<Result<bool, Cause>>,
}

impl Side {
    fn new(shake: Handshaking, most: usize) -> Self {
        Self { shake, wire: VecDeque::new(), most, ended: None }
    }

    /// Goes on as far as it can; what it writes goes to the other side.
    fn go_on(&mut self, other: &mut VecDeque<u8>, now: At) {
        while self.ended.is_none() {
            match self.shake.next(now) {
                Next::Write(bytes) => {
                    other.extend(bytes);
                    self.shake.handle(now, Input::Wrote);
                }
                Next::Exchange(exchange) => self.shake.handle(now, Input::Exchanged(exchange.run())),
                Next::Read(_) if self.wire.is_empty() => return,
                Next::Read(most) => {
                    let count = most.min(self.most).min(self.wire.len());
                    let bytes: Vec<u8> = self.wire.drain(..count).collect();
                    self.shake.handle(now, Input::Read(&bytes));
                }
                Next::Done(Ok((_, ciphers))) => self.ended = Some(Ok(ciphers.is_some())),
                Next::Done(Err(closed)) => self.ended = Some(Err(closed.cause)),
            }
        }
    }
}

/// How the two sides end. One that waits for more than comes is told that the time is up.
fn meet(mut out: Side, mut inward: Side) -> [Result<bool, Cause>; 2] {
    let mut now = At::ZERO;
    // What comes for a side that is over is not read any more.
    let waits = |side: &Side| side.ended.is_none() && !side.wire.is_empty();
    while out.ended.is_none() || inward.ended.is_none() {
        let idle = !waits(&out) && !waits(&inward);
        out.go_on(&mut inward.wire, now);
        inward.go_on(&mut out.wire, now);
        if idle && !waits(&out) && !waits(&inward) {
            for side in [&mut out, &mut inward].into_iter().filter(|side| side.ended.is_none()) {
                now = now.max(side.shake.until());
                side.shake.handle(now, Input::TimedOut);
            }
        }
    }
    [out, inward].map(|side| side.ended.unwrap())
}

#[test]
fn two_shake_hands_however_their_bytes_are_split() {
    for most in [1, 7, 68, 1000] {
        for (calls, offer, rc4) in
            [(None, Offer::BOTH, false), (encrypted(1), Offer::BOTH, false), (encrypted(1), Offer::RC4, true)]
        {
            let takes = Some((offer, fastrand::Rng::with_seed(2)));
            let out = Side::new(Handshaking::out(At::ZERO, handshake(7, 1), calls), most);
            let inward = Handshaking::inward(At::ZERO, handshake(7, 2).into(), true, takes);
            let inward = Side::new(inward, most);
            assert_eq!(meet(out, inward), [Ok(rc4); 2], "{most} bytes at once");
        }
    }
}

/// Who has these torrents.
fn called(torrents: &[u8]) -> Called {
    let torrents = torrents.iter().map(|torrent| InfoHash([*torrent; 20])).collect();
    Called { peer_id: PeerId::ours(2), reserved: Reserved::OURS, torrents }
}

#[test]
fn whoever_calls_is_answered_for_the_torrent_it_names_plain_or_encrypted() {
    for calls in [None, encrypted(1)] {
        for torrent in [7, 8, 9] {
            let out = Handshaking::out(At::ZERO, handshake(torrent, 1), calls.clone());
            let inward = Handshaking::inward(At::ZERO, called(&[7, 8]), true, encrypted(2));
            let [out, inward] = meet(Side::new(out, 1000), Side::new(inward, 1000));
            if torrent < 9 {
                assert_eq!([out, inward], [Ok(false); 2], "{torrent}");
            } else {
                assert_eq!(inward, Err(Cause::UnknownInfoHash));
                assert!(out.is_err());
            }
        }
    }
}

#[test]
fn a_handshake_for_another_torrent_than_its_encryption_is_refused() {
    let mut liar = Handshaking::out(At::ZERO, handshake(7, 1), None);
    let says = handshake(8, 1).to_bytes();
    let side = Outgoing::new(InfoHash([7; 20]), Offer::BOTH, &says, fastrand::Rng::with_seed(1));
    liar.state = State::Negotiating(Box::new(side));
    let inward = Handshaking::inward(At::ZERO, called(&[7, 8]), true, encrypted(2));
    let [_, ended] = meet(Side::new(liar, 1000), Side::new(inward, 1000));
    assert_eq!(ended, Err(Cause::UnknownInfoHash));
}
