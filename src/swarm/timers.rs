//! What happens by the clock: seconds, rounds of choking, phases.

use std::time::Duration;

use super::choker::{self, Candidate};
use super::live::Live;
use super::peer_table::Standing;
use super::{ConnKey, Event, Order, Phase, Swarm};
use crate::event::{At, Cause, Sample, Side};

/// How long connections stay open after a pause, so that a short one costs nothing.
const PAUSE_GRACE: Duration = Duration::from_secs(30);
/// Pieces whose blocks are told of in one second.
const MOST_TOLD: usize = 32;

impl Swarm {
    pub(super) fn on_time(&mut self, now: At) {
        if let Some(sample) = self.meter.second(now) {
            self.second(now, sample);
        }
        let (_, sent_bytes) = self.meter.totals();
        if self.choker.round(now, sent_bytes, self.settings.up_bps) {
            self.rechoke(now);
        }
    }

    fn second(&mut self, now: At, sample: Sample) {
        self.emit(now, Event::Sample(sample));
        self.count_idle(now);
        for peer in self.peer_table.expired_bans(now) {
            self.emit(now, Event::Banned { peer, until: None, reason: String::new() });
        }
        if self.phase == Phase::Downloading {
            self.picker.second(now);
            self.carry_out_picks(now);
            self.tell_blocks(now);
        }
        self.look_whether_starving(now, sample.down_bps);
        if let Some(cause) = self.rests().filter(|_| now.saturating_sub(self.phase_since) >= PAUSE_GRACE) {
            self.close_all(cause);
        }
    }

    /// Tells how far pieces are, of a few a second: recordings have to stay small.
    fn tell_blocks(&mut self, now: At) {
        for (piece, blocks) in self.picker.tell_blocks(now, MOST_TOLD) {
            self.emit(now, Event::PieceBlocks { piece, blocks });
        }
    }

    /// Chooses anew whom to serve.
    fn rechoke(&mut self, now: At) {
        let seeding = self.have.is_full();
        let candidates: Vec<Candidate> = self
            .live
            .iter()
            .filter(|(_, live)| live.wants_to_be_served() && self.serves())
            .map(|(conn, live)| Candidate {
                conn: *conn,
                worth_bps: if seeding { 0 } else { live.down_bps },
                since: live.waits_since,
                unchoked: !live.am_choking,
                given_bytes: live.up_bytes.saturating_sub(live.turn_began_bytes),
            })
            .collect();
        let chosen = self.choker.choose(now, &candidates);
        let changes: Vec<(ConnKey, bool)> = self
            .live
            .iter()
            .map(|(conn, live)| (*conn, live.am_choking, !chosen.contains(conn)))
            .filter(|(_, now, then)| now != then)
            .map(|(conn, _, then)| (conn, then))
            .collect();
        for (conn, choking) in changes {
            self.set_choking(now, conn, choking);
        }
    }

    /// Between rounds: a peer that becomes interested while there is room is served at once.
    pub(super) fn rechoke_if_room(&mut self, now: At) {
        let wanting = self.live.values().filter(|live| live.wants_to_be_served());
        let (served, waiting): (Vec<&Live>, Vec<&Live>) = wanting.partition(|live| !live.am_choking);
        if !waiting.is_empty() && self.choker.has_room(served.len(), served.len() + waiting.len()) {
            self.rechoke(now);
        }
    }

    pub(super) fn set_choking(&mut self, now: At, conn: ConnKey, choking: bool) {
        if let Some(live) = self.live.get_mut(&conn)
            && live.am_choking != choking
        {
            // A peer that had a turn and let it pass has no use for the next.
            let whole_turn = choking && now.saturating_sub(live.waits_since) >= choker::ROUND;
            live.wasted_its_turn |= whole_turn && live.used < live.waits_since && live.peer_interested;
            live.am_choking = choking;
            live.waits_since = now;
            live.turn_began_bytes = live.up_bytes;
            let peer = live.peer;
            self.order(conn, Order::Choke(choking));
            self.emit(now, Event::Choking { peer, by: Side::Us, choking });
        }
    }

    /// Everything is here.
    pub(super) fn complete(&mut self, now: At) {
        self.enter(now, Phase::Seeding, None);
        let all: Vec<ConnKey> = self.live.keys().copied().collect();
        for conn in all {
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    /// Stops asking, serving and dialling; connections stay for a while.
    pub(super) fn rest(&mut self, now: At, phase: Phase, reason: Option<String>) {
        self.enter(now, phase, reason);
        let all: Vec<ConnKey> = self.live.keys().copied().collect();
        for conn in all {
            self.update_interest(now, conn);
            self.set_choking(now, conn, true);
            self.allow_fast(conn);
        }
    }

    /// Goes on after a rest.
    pub(super) fn wake(&mut self, now: At) {
        self.go_on(now, true);
    }

    /// Goes on; with `retry` peers that are not connected are dialled without further wait.
    pub(super) fn go_on(&mut self, now: At, retry: bool) {
        let phase = self.active_phase();
        self.enter(now, phase, None);
        if retry {
            self.peer_table.retry(now, true);
        }
        let all: Vec<ConnKey> = self.live.keys().copied().collect();
        for conn in all {
            self.update_interest(now, conn);
            self.allow_fast(conn);
            self.close_if_both_seeds(conn);
        }
        self.rechoke(now);
    }

    pub(super) fn close_all(&mut self, cause: Cause) {
        let all: Vec<ConnKey> =
            self.live.iter().filter(|(_, live)| self.is_current(live.peer)).map(|(conn, _)| *conn).collect();
        for conn in all {
            self.order(conn, Order::Close(cause));
        }
    }

    fn is_current(&self, peer: crate::event::PeerKey) -> bool {
        self.peer_table.row(peer).is_some_and(|row| matches!(row.standing, Standing::Live(_)))
    }
}
