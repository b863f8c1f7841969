//! Makes the view: what changed since the last one is copied, the rest is shared.

use std::sync::Arc;
use std::time::Duration;

use super::fold::{Ledger, MetadataParts};
use super::metadata::MetadataProgress;
use super::peer::PeerRecord;
use super::tally::Tally;
use super::view::View;
use super::web_seed::WebSeedRecord;
use crate::event::validate::LONGEST_RUN;
use crate::event::{At, Phase, Sample};

impl Ledger {
    /// Everything there is to show at this moment.
    ///
    /// Costs time with the number of peers, and beyond that only for what changed since the last view. Looking
    /// changes nothing: the same events give the same view, however often one was asked for before.
    pub fn view(&mut self, now: At) -> Arc<View> {
        let mut view = self.glance(now);
        view.failed_calls = self.run.callers.publish();
        view.log = self.log.publish();
        view.answer.clone_from(&self.run.answer);
        view.verdicts = self.verdicts(&view);
        Arc::new(view)
    }

    /// What judgements are made from: the view less what is only for reading.
    pub(super) fn glance(&mut self, now: At) -> View {
        let (peers, tally) = self.peers.publish(now);
        self.count_tracker_peers(&tally);
        let run = &self.run;
        View {
            at: now,
            torrent: Arc::clone(&self.facts),
            phase: run.phase,
            phase_since: run.phase_since,
            phase_reason: run.phase_reason.clone(),
            checked: run.checked,
            preparing: run.preparing,
            metadata: self.metadata(&peers),
            choice: run.choice.clone(),
            wanted_files: self.pieces.wanted_files(),
            wanted_bytes: self.pieces.wanted_bytes(),
            have_bytes: self.pieces.have_bytes(),
            rates: if tally.groups().live > 0 || run.web_seeds.iter().any(WebSeedRecord::is_asked) {
                self.rates(now)
            } else {
                Sample::default()
            },
            down_bytes: run.down_bytes,
            up_bytes: run.up_bytes,
            eta: self.eta(now),
            last_block: run.last_block,
            limits: run.limits,
            places: run.places,
            port: run.listening.map(|(port, _)| port),
            incoming: run.incoming,
            failed_calls: Arc::default(),
            peers,
            funnel: tally.funnel(),
            serving: tally.serving(),
            losses: tally.losses(),
            groups: tally.groups(),
            trackers: self.trackers.values().map(Arc::clone).collect(),
            finders: run
                .finders
                .iter()
                .map(|(finder, state)| state.record(*finder, tally.found_by(*finder)))
                .collect(),
            session: Arc::clone(&run.session),
            lookups: Arc::clone(&run.lookups),
            web_seeds: run.web_seeds.clone(),
            pieces: Arc::clone(self.pieces.map()),
            series: Arc::clone(self.series.series()),
            verdicts: Vec::new(),
            log: Arc::default(),
            answer: None,
            probing: run.probing,
            availability: (run.probing && !run.tries_a_magnet() && tally.funnel().handshaken > 0)
                .then(|| self.pieces.availability()),
            recording: run.recording,
        }
    }

    /// The mean of the last seconds, as far as anything moves in this phase at all while somebody is connected.
    fn rates(&self, now: At) -> Sample {
        let Sample { down_bps, up_bps } = self.series.rates(now);
        match self.run.phase {
            Phase::Metadata | Phase::Paused | Phase::Stopped | Phase::Queued(_) => Sample::default(),
            Phase::Seeding => Sample { down_bps: 0, up_bps },
            Phase::Downloading => self.series.rates_since(self.run.phase_since, now),
            Phase::Checking => Sample { down_bps, up_bps },
        }
    }

    /// Time to completion as it was when the last second ended, so that everything that tells it tells the same.
    fn eta(&self, now: At) -> Option<Duration> {
        let missing = self.pieces.wanted_bytes()? - self.pieces.have_bytes();
        let rate = self.series.rates_since(self.run.phase_since, now).down_bps;
        let known = self.run.phase == Phase::Downloading && missing > 0 && rate > 0;
        self.run.time_left.filter(|_| known)
    }

    /// Time to completion at the mean rate of the last seconds, in whole seconds. Seconds before this phase, in
    /// which nothing was asked for, tell nothing of it, and neither does the beginning alone.
    pub(super) fn estimate(&self, now: At) -> Option<Duration> {
        let missing = self.pieces.wanted_bytes()? - self.pieces.have_bytes();
        let rate = self.series.rates_since(self.run.phase_since, now).down_bps;
        let known = rate > 0 && self.series.has_flowed(self.run.phase_since, now);
        known.then(|| Duration::from_secs(missing.div_ceil(rate)).min(LONGEST_RUN))
    }

    /// How far the metadata of a magnet are, as long as they are not known; in a check of a magnet to its end.
    fn metadata(&self, peers: &[Arc<PeerRecord>]) -> Option<MetadataProgress> {
        let MetadataParts { got, of, bytes } = self.run.metadata;
        let mut progress = MetadataProgress { got, of, bytes, ..MetadataProgress::default() };
        if self.facts.metadata.is_some() && !self.run.tries_a_magnet() {
            return None;
        }
        peers.iter().filter_map(|peer| peer.metadata.as_deref()).for_each(|talk| progress.count(talk));
        Some(progress)
    }

    fn count_tracker_peers(&mut self, tally: &Tally) {
        for (key, record) in &mut self.trackers {
            let (peers, handshaken) = tally.named_by(*key);
            if (record.peers, record.handshaken) != (peers, handshaken) {
                let record = Arc::make_mut(record);
                record.peers = peers;
                record.handshaken = handshaken;
            }
        }
    }
}
