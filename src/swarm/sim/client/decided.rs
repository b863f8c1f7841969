//! Carrying out what was decided, and judging it.

use super::*;

impl Client {
    pub(super) fn settle(&mut self, now: At) {
        loop {
            while let Some(action) = self.swarm.poll() {
                if let Some(trace) = &mut self.trace {
                    trace.push(format!("{now:?} {action:?}"));
                }
                self.act(now, action);
            }
            match self.announcer.poll() {
                None => break,
                Some(announce::Output::Emit(at, event)) => self.emit(at, event),
                Some(announce::Output::Abandon(ticket)) => drop(self.asked.remove(&ticket)),
                Some(announce::Output::Announce { ticket, tracker, kind, .. }) => {
                    self.asked.insert(ticket, tracker);
                    self.effects.push_back(Effect::Announce(ticket, tracker, kind));
                }
            }
        }
    }

    fn act(&mut self, now: At, action: Action) {
        match action {
            Action::Dial { peer, addr, .. } => {
                self.dials.push((now, addr));
                self.effects.push_back(Effect::Dial { peer, addr });
            }
            Action::Order(key, order) => self.obey(now, key, order),
            Action::Digest(piece) => {
                let blocks = writing::digests(self.geometry.blocks_in(piece), &BTreeSet::new());
                self.swarm.handle(now, Input::Digested { piece, blocks });
            }
            Action::Discard(piece) => {
                self.arriving.remove(&piece);
                self.failing.remove(&piece);
                self.disk.forget(piece);
            }
            Action::Have(piece) => self.ours.haves.append(piece),
            Action::Lose(pieces) => self.ours.haves.lose(&pieces),
            Action::WantPeers(wanted) => {
                self.announcer.handle(now, announce::Input::WantPeers(wanted));
            }
            Action::Entered(phase) => self.entered(now, phase),
            Action::Emit(at, event) => self.emit(at, event),
            Action::LimitUp(_) | Action::Recheck(_) | Action::Found(_) | Action::Finished => {}
        }
    }

    fn obey(&mut self, now: At, key: ConnKey, order: Order) {
        if let Order::Grant(blocks) = &order {
            self.judge_grant(key, blocks);
        }
        match self.conns.get_mut(&key).and_then(|conn| conn.protocol.order(now, order)) {
            Some(cause) => self.effects.push_back(Effect::Close(key, cause)),
            None => self.write(now, key),
        }
    }

    /// Nothing that is here is asked for, and nothing is asked of two before the end.
    fn judge_grant(&mut self, key: ConnKey, blocks: &[BlockRef]) {
        for block in blocks {
            assert!(!self.written.has(block.piece()), "{block:?} is on disk and asked for");
            let asked = self.asked_of.entry(*block).or_default();
            let owes = |conn: &Conn| conn.protocol.window().owed().any(|owed| owed == *block);
            asked.retain(|other| self.conns.get(other).is_some_and(owes));
            let others = asked.iter().filter(|other| **other != key).count();
            asked.push(key);
            if others > 0 {
                self.granted_twice += 1;
                let more = self.swarm.picker.could_begin(key);
                assert!(
                    !more,
                    "{block:?} is asked of two, and there is more to ask {key:?} for: {:#?}",
                    self.swarm.picker.describe()
                );
            }
        }
    }

    fn entered(&mut self, now: At, phase: Phase) {
        match phase {
            Phase::Downloading | Phase::Seeding => {
                self.announcer.handle(now, announce::Input::Start);
                if std::mem::take(&mut self.completed) {
                    self.announcer.handle(now, announce::Input::Completed);
                }
            }
            Phase::Paused | Phase::Stopped => self.announcer.handle(now, announce::Input::Stop),
            Phase::Checking => {}
        }
    }

    fn emit(&mut self, at: At, event: Event) {
        let noisy = matches!(
            event,
            Event::Have { .. } | Event::PeerSample { .. } | Event::Sample(_) | Event::Has { .. }
        );
        if !noisy || self.keeps_all {
            self.events.push((at, event));
        }
    }
}
