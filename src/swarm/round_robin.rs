//! Shares a rate limit among those who wait for it: deficit round robin (Shreedhar and Varghese, 1995).
//!
//! All who want to send stand in one line. As soon as the limit lets anything pass, the first gets one turn's worth of
//! bytes; if it wants more, it joins again at the end. Bytes of a turn that are too few for its next block stay with
//! it: that is its deficit; where it can send a part of one, it does. So all who keep waiting get the same to within one turn and one block, and the gap between
//! two turns of one of them is at most what the others' turns take at the limit.
//!
//! Those of several torrents stand in a line for each: torrents take turns, and within each those who wait for it. So a
//! torrent gets no more for serving many. A torrent may have a limit of its own: where that lets nothing pass, the others
//! go before it.

use std::collections::{BTreeMap, VecDeque};

use super::Bucket;
use crate::event::At;
use crate::metainfo::BLOCK_LENGTH;

/// Turns in a second, where blocks are small beside the rate: many, so that flows are even.
const TURNS_A_SECOND: u64 = 32;
/// Turns in a second where a block takes longer than that: a part of one each, so that nobody waits for the whole
/// blocks of all the others.
const PARTS_A_SECOND: u64 = 4;
/// Bytes of such a part at least: where a quarter of a second's worth is less, a block would take longer than a peer
/// should wait for what else we have to tell it.
pub const LEAST_PART: u64 = 1024;
/// Bytes of a turn at most: what leaves in one write.
const MOST_TURN: u64 = 48 * 1024;

/// What the one whose turn it is may send now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The name it joined by.
    pub who: u64,
    /// Bytes; they are taken from the limit.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Waiter {
    who: u64,
    wanted: u64,
}

/// Those of one torrent who wait; never empty.
#[derive(Debug)]
struct Line {
    torrent: u64,
    waiters: VecDeque<Waiter>,
}

/// A limit and the lines before it, the torrent whose turn is next first. Time is handed in; nothing here waits.
#[derive(Debug)]
pub struct RoundRobin {
    bucket: Bucket,
    lines: VecDeque<Line>,
    /// The limits that torrents have of their own.
    own: BTreeMap<u64, Bucket>,
}

impl RoundRobin {
    /// Nobody before a limit in bytes a second; `None`: no limit.
    pub fn new(rate_bps: Option<u64>) -> Self {
        Self { bucket: Bucket::new(rate_bps), lines: VecDeque::new(), own: BTreeMap::new() }
    }

    /// Changes the limit from `now` on, also for those who wait.
    pub fn set_rate(&mut self, now: At, rate_bps: Option<u64>) {
        self.bucket.set_rate(now, rate_bps);
    }

    /// Changes the limit that a torrent has of its own from `now` on; `None`: it has none.
    pub fn set_own_rate(&mut self, now: At, torrent: u64, rate_bps: Option<u64>) {
        match rate_bps {
            None => _ = self.own.remove(&torrent),
            Some(_) => self.own.entry(torrent).or_insert_with(|| Bucket::new(None)).set_rate(now, rate_bps),
        }
    }

    /// Waits at the end of the torrent's line for up to `wanted` bytes, more than none. Who waits already keeps its place.
    pub fn join(&mut self, torrent: u64, who: u64, wanted: u64) {
        let waiter = Waiter { who, wanted };
        match self.lines.iter_mut().find(|line| line.torrent == torrent) {
            Some(Line { waiters, .. }) => match waiters.iter_mut().find(|waiter| waiter.who == who) {
                Some(waiter) => waiter.wanted = wanted,
                None => waiters.push_back(waiter),
            },
            None => self.lines.push_back(Line { torrent, waiters: VecDeque::from([waiter]) }),
        }
    }

    /// Waits no more.
    pub fn leave(&mut self, who: u64) {
        self.lines.retain_mut(|line| {
            line.waiters.retain(|waiter| waiter.who != who);
            !line.waiters.is_empty()
        });
    }

    /// Who is next.
    pub fn first(&mut self, now: At) -> Option<u64> {
        let (at, _) = self.next_line(now)?;
        self.lines.get(at)?.waiters.front().map(|waiter| waiter.who)
    }

    /// The line whose turn is next, and when the torrent's own limit lets something pass.
    fn next_line(&mut self, now: At) -> Option<(usize, At)> {
        if self.own.is_empty() {
            return (!self.lines.is_empty()).then_some((0, now));
        }
        let own = &mut self.own;
        let from =
            |line: &Line| own.get_mut(&line.torrent).and_then(|own| own.take(now, 0).err()).unwrap_or(now);
        self.lines.iter().map(from).enumerate().min_by_key(|(at, from)| (*from, *at))
    }

    /// The next turn, if the limit lets anything pass now. Whose turn it is waits no more.
    pub fn poll(&mut self, now: At) -> Option<Turn> {
        let (at, _) = self.next_line(now).filter(|(_, from)| *from <= now)?;
        let torrent = self.lines.get(at)?.torrent;
        let Waiter { who, wanted } = *self.lines.get(at)?.waiters.front()?;
        let own = self.own.get_mut(&torrent);
        let rates = self.bucket.rate_bps().into_iter().chain(own.as_ref().and_then(|own| own.rate_bps()));
        let bytes = rates.min().map_or(wanted, |rate_bps| wanted.min(turn_bytes(rate_bps)));
        self.bucket.take(now, bytes).ok()?;
        // It was seen to let something pass.
        let _ = own.map(|own| own.take(now, bytes));
        let mut line = self.lines.remove(at)?;
        line.waiters.pop_front();
        if !line.waiters.is_empty() {
            self.lines.push_back(line);
        }
        Some(Turn { who, bytes })
    }

    /// The limit, bytes a second.
    pub fn rate_bps(&self) -> Option<u64> {
        self.bucket.rate_bps()
    }

    /// When the limit lets something pass.
    pub fn deadline(&mut self, now: At) -> At {
        let own = self.next_line(now).map_or(now, |(_, from)| from);
        self.bucket.take(now, 0).err().unwrap_or(now).max(own)
    }

    /// Takes bytes of a turn of this torrent back that were not sent.
    pub fn give_back(&mut self, torrent: u64, bytes: u64) {
        self.bucket.give_back(bytes);
        if let Some(own) = self.own.get_mut(&torrent) {
            own.give_back(bytes);
        }
    }
}

fn turn_bytes(rate_bps: u64) -> u64 {
    let block = u64::from(BLOCK_LENGTH);
    let part = rate_bps / PARTS_A_SECOND;
    // Equal parts: who waits for a whole block waits no turn for its last bytes alone.
    let least = if part < LEAST_PART { block } else { block.div_ceil(block.div_ceil(part)) };
    (rate_bps / TURNS_A_SECOND).clamp(least, MOST_TURN)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const BLOCK: u64 = BLOCK_LENGTH as u64;

    /// Somebody who asks for blocks of one length for as long as it is there.
    #[derive(Clone, Copy, Debug)]
    struct Flow {
        block_bytes: u64,
        comes: At,
        goes: At,
    }

    impl Flow {
        /// What it asks for: far more than a turn's worth, whatever its blocks.
        fn wanted(&self, deficit: u64) -> u64 {
            64 * self.block_bytes - deficit
        }
    }

    /// What a flow got.
    #[derive(Clone, Debug, Default)]
    struct Got {
        deficit: u64,
        /// When it was sent blocks, and how many bytes.
        sent: Vec<(At, u64)>,
    }

    impl Got {
        fn bytes(&self, from: At, to: At) -> u64 {
            self.sent.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, bytes)| bytes).sum()
        }

        fn longest_gap(&self, from: At, to: At) -> At {
            let times = self.sent.iter().map(|(at, _)| *at).filter(|at| (from..to).contains(at));
            let all: Vec<At> = [from].into_iter().chain(times).chain([to]).collect();
            all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
        }
    }

    /// Serves flows until `end`; those who are there always wait. The limit changes as `rates` says.
    fn serve(flows: &[Flow], rates: &[(At, Option<u64>)], end: At) -> Vec<Got> {
        let mut line = RoundRobin::new(rates[0].1);
        let mut got = vec![Got::default(); flows.len()];
        let mut now = At::ZERO;
        let mut here: BTreeMap<usize, bool> = BTreeMap::new();
        let mut rates = rates[1..].iter().peekable();
        while now < end {
            if let Some((_, rate_bps)) = rates.next_if(|(at, _)| now >= *at) {
                line.set_rate(now, *rate_bps);
            }
            for (who, flow) in flows.iter().enumerate() {
                let is_here = (flow.comes..flow.goes).contains(&now);
                if here.insert(who, is_here) != Some(is_here) {
                    match is_here {
                        true => line.join(0, who as u64, flow.wanted(got[who].deficit)),
                        false => line.leave(who as u64),
                    }
                }
            }
            // Without a limit nobody ever waits: a millisecond is enough to see it.
            let mut turns = 0;
            while let Some(Turn { who, bytes }) = line.poll(now) {
                let (flow, got) = (flows[who as usize], &mut got[who as usize]);
                got.deficit += bytes;
                let sent = got.deficit / flow.block_bytes * flow.block_bytes;
                got.deficit -= sent;
                if sent > 0 {
                    got.sent.push((now, sent));
                }
                line.join(0, who, flow.wanted(got.deficit));
                turns += 1;
                if turns > 100 {
                    break;
                }
            }
            let next =
                flows.iter().flat_map(|flow| [flow.comes, flow.goes]).chain(rates.peek().map(|(at, _)| *at));
            let next = next.filter(|at| *at > now).min().unwrap_or(end);
            now = line.deadline(now).max(now + At::from_millis(1)).min(next);
        }
        got
    }

    fn always(count: usize, block_bytes: u64) -> Vec<Flow> {
        vec![Flow { block_bytes, comes: At::ZERO, goes: At::MAX }; count]
    }

    #[test]
    fn leeches_of_a_small_limit_get_the_same_and_wait_no_longer_than_the_others_turns() {
        for (count, rate_bps, seconds) in
            [(8, 20_000, 60), (5, 60_000, 60), (8, 200_000, 60), (12, 400_000, 60)]
        {
            let end = At::from_secs(seconds);
            let got = serve(&always(count, BLOCK), &[(At::ZERO, Some(rate_bps))], end);
            let sums: Vec<u64> = got.iter().map(|got| got.bytes(At::ZERO, end)).collect();
            let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
            assert!(most - least <= 2 * BLOCK, "{sums:?}");
            let sum = sums.iter().sum::<u64>() + got.iter().map(|got| got.deficit).sum::<u64>();
            assert!(sum >= rate_bps * seconds * 97 / 100, "{sums:?}");
            let round = At::from_secs_f64(count as f64 * BLOCK as f64 / rate_bps as f64);
            for got in &got {
                assert!(got.longest_gap(At::ZERO, end) <= round + At::from_millis(100), "{rate_bps}");
            }
        }
    }

    #[test]
    fn the_length_of_blocks_makes_no_difference() {
        let lengths = [1024, 16384, 20_000, 65_536, 131_072];
        let flows: Vec<Flow> = lengths.iter().flat_map(|length| always(1, *length)).collect();
        let end = At::from_secs(120);
        let got = serve(&flows, &[(At::ZERO, Some(100_000))], end);
        let sums: Vec<u64> = got.iter().map(|got| got.bytes(At::ZERO, end)).collect();
        let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
        assert!(most - least <= 131_072 + BLOCK, "{sums:?}");
    }

    #[test]
    fn a_torrent_at_its_own_limit_lets_the_others_go_first() {
        let mut line = RoundRobin::new(None);
        line.set_own_rate(At::ZERO, 1, Some(BLOCK));
        line.join(1, 10, BLOCK);
        line.join(2, 20, BLOCK);
        let soon = At::from_millis(1);
        let [one, other] = [10, 20].map(|who| Turn { who, bytes: BLOCK });
        // The quarter of a second that a turn lasts there.
        assert_eq!(line.poll(soon).map(|turn| turn.who), Some(10));
        line.join(1, 10, BLOCK);
        assert_eq!((line.first(soon), line.poll(soon), line.poll(soon)), (Some(20), Some(other), None));
        assert_eq!(line.first(soon), Some(10));
        let due = line.deadline(soon);
        assert!((At::from_millis(240)..At::from_millis(260)).contains(&due), "{due:?}");
        assert_eq!(line.poll(due).map(|turn| turn.who), Some(10));
        line.join(1, 10, BLOCK);
        line.set_own_rate(due, 1, None);
        assert_eq!(line.poll(due), Some(one));
    }

    #[test]
    fn a_lifted_limit_lets_everybody_pass_at_once_and_a_new_one_holds_from_then_on() {
        let mut line = RoundRobin::new(Some(1));
        line.join(0, 0, 1 << 20);
        assert_eq!(line.poll(At::ZERO), Some(Turn { who: 0, bytes: BLOCK }));
        for who in 0..10 {
            line.join(0, who, 1 << 20);
        }
        assert_eq!(line.poll(At::from_secs(60)), None);
        assert!(line.deadline(At::from_secs(60)) > At::from_secs(3600));
        line.set_rate(At::from_secs(60), None);
        for who in 0..10 {
            assert_eq!(line.poll(At::from_secs(60)), Some(Turn { who, bytes: 1 << 20 }));
        }
        line.set_rate(At::from_secs(61), Some(16384));
        line.join(0, 7, 1 << 20);
        assert_eq!(line.poll(At::from_secs(61)), None);
        let at = line.deadline(At::from_secs(61));
        assert!(at <= At::from_secs(61) + At::from_millis(1), "debts are forgotten: {at:?}");
        assert!(line.poll(at).is_some());
        let next = line.deadline(at) - at;
        assert!((At::from_millis(249)..At::from_millis(251)).contains(&next), "{next:?}");
        line.join(0, 8, 1);
        line.give_back(0, BLOCK / 4);
        assert_eq!(line.poll(at + At::from_millis(1)), Some(Turn { who: 8, bytes: 1 }));
    }

    #[test]
    fn turns_are_small_beside_the_rate_and_parts_of_a_block_only_where_one_takes_long() {
        assert_eq!(turn_bytes(1), BLOCK);
        assert_eq!(turn_bytes(20_000), BLOCK / 4);
        assert_eq!(turn_bytes(4 * BLOCK), BLOCK);
        assert_eq!(turn_bytes(400_000), BLOCK);
        assert_eq!(turn_bytes(1 << 20), 32 * 1024);
        assert_eq!(turn_bytes(1 << 30), MOST_TURN);
        for rate_bps in [5_000, 20_000, 70_000, 500_000, 1 << 21, 1 << 30] {
            assert!(turn_bytes(rate_bps) <= rate_bps / 4, "a quarter of a second: {rate_bps}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nobody_gets_more_than_a_turn_and_a_block_beyond_another_whoever_comes_and_goes(
            rate_bps in 10_000u64..2_000_000,
            others in proptest::collection::vec((1024u64..131_073, 0u64..60, 1u64..60), 0..12),
            first in 1024u64..131_073,
            second in 1024u64..131_073,
        ) {
            let end = At::from_secs(60);
            let mut flows = vec![always(1, first)[0], always(1, second)[0]];
            flows.extend(others.iter().map(|&(block_bytes, comes, stays)| Flow {
                block_bytes,
                comes: At::from_secs(comes),
                goes: At::from_secs(comes + stays),
            }));
            let got = serve(&flows, &[(At::ZERO, Some(rate_bps))], end);
            let turn = turn_bytes(rate_bps);
            // Over any stretch, the two who are always there.
            for (from, to) in [(0, 60), (0, 20), (20, 40), (37, 59)] {
                let sums = [0, 1].map(|who| got[who].bytes(At::from_secs(from), At::from_secs(to)));
                prop_assert!(sums[0].abs_diff(sums[1]) <= turn + first + second, "{:?} of {}", sums, turn);
            }
            // The limit is used, and held.
            let sum: u64 = got.iter().map(|got| got.bytes(At::ZERO, end) + got.deficit).sum();
            prop_assert!(sum >= rate_bps * 60 * 95 / 100, "{} of {}", sum, rate_bps * 60);
            prop_assert!(sum <= rate_bps * 61 + rate_bps / 10 + turn, "{} of {}", sum, rate_bps * 60);
            // Nobody waits longer for a block than all others' turns take.
            let turns = first.div_ceil(turn) + 1;
            let bound = At::from_secs_f64((turns * flows.len() as u64 * turn) as f64 / rate_bps as f64);
            prop_assert!(got[0].longest_gap(At::ZERO, end) <= bound + At::from_millis(200));
        }

        #[test]
        fn a_limit_that_changes_holds_all_the_time(
            rates in proptest::collection::vec(20_000u64..1_000_000, 2..6),
            count in 1usize..10,
        ) {
            let changes: Vec<(At, Option<u64>)> =
                rates.iter().enumerate().map(|(n, rate)| (At::from_secs(10 * n as u64), Some(*rate))).collect();
            let end = At::from_secs(10 * rates.len() as u64);
            let got = serve(&always(count, BLOCK), &changes, end);
            for (from, rate) in &changes {
                let rate = rate.unwrap();
                let sum: u64 = got.iter().map(|got| got.bytes(*from, *from + At::from_secs(10))).sum();
                let unsent = count as u64 * BLOCK;
                prop_assert!(sum + unsent + MOST_TURN >= rate * 95 / 10, "{} of {}", sum, rate * 10);
                prop_assert!(sum <= rate * 11 + unsent + 2 * MOST_TURN, "{} of {}", sum, rate * 10);
            }
        }
    }
}
