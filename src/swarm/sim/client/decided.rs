//! Carrying out what was decided, and judging it.

use super::*;
use crate::swarm::announce::Output;

impl Client {
    pub(super) fn settle(&mut self, now: At) {
        while let Some(action) = self.swarm.poll() {
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{now:?} {action:?}"));
            }
            self.act(now, action);
        }
        let wanted = self.swarm.starving.is_told();
        if self.wants.last().map_or(wanted, |(_, last)| *last != wanted) {
            self.wants.push((now, wanted));
        }
    }

    fn act(&mut self, now: At, action: Action) {
        match action {
            Action::Dial { peer, addr, way } => {
                let active =
                    matches!(self.swarm.phase(), Phase::Metadata | Phase::Downloading | Phase::Seeding);
                assert!(active && !self.left, "{addr} is dialled at rest");
                let before = self.dialling.insert((peer, way.transport), false);
                assert_eq!(before, None, "{addr} is dialled twice at once over {:?}", way.transport);
                let connected = self.dialling.iter().any(|((one, _), connected)| *one == peer && *connected);
                assert!(!connected, "{addr} is connected, and dialled again");
                self.dials.push((now, addr, way));
                self.effects.push_back(Effect::Dial(Dial { peer: Some(peer), addr, way }));
            }
            Action::CallOff { peer, transport } => {
                let connected = self.dialling.remove(&(peer, transport));
                assert!(connected.is_some(), "{peer:?} is called off and was not on its way");
            }
            Action::Order(key, order) => self.obey(now, key, order),
            Action::Keep(_, block) => self.kept = Some(block),
            Action::Digest(piece) => {
                let blocks = writing::digests(self.geometry.blocks_in(piece), &BTreeSet::new());
                self.swarm.handle(now, Input::Digested { piece, blocks });
            }
            Action::Discard(piece) => {
                self.arriving.remove(&piece);
                self.failing.remove(&piece);
                self.disk.forget(piece);
            }
            Action::Choose(choice) => {
                let pieces = choice.of_pieces(&self.files, self.geometry);
                self.swarm.handle(now, Input::Chosen(pieces));
            }
            Action::Metadata(info) => self.got_metadata(now, info),
            Action::Have(piece) => self.haves().append(piece),
            Action::Lose(pieces) => {
                self.haves().lose(&pieces);
                pieces.iter().for_each(|piece| _ = self.written.clear(*piece));
            }
            Action::Found(pieces) => {
                for piece in pieces {
                    self.written.set(piece);
                    self.haves().append(piece);
                }
            }
            Action::Announce(Output::Emit(at, event)) => self.emit(at, event),
            Action::Announce(Output::Abandon(ticket)) => drop(self.asked.remove(&ticket)),
            Action::Announce(Output::Announce { ticket, tracker, kind, .. }) => {
                self.asked.insert(ticket, tracker);
                self.effects.push_back(Effect::Announce(ticket, tracker, kind));
            }
            Action::Emit(at, event) => self.emit(at, event),
            Action::LimitUp { .. }
            | Action::Recheck(_)
            | Action::Finished
            | Action::Node(_)
            | Action::LookAgain
            | Action::Entered
            | Action::Completed => {}
        }
    }

    fn obey(&mut self, now: At, key: ConnKey, order: Order) {
        match &order {
            Order::Grant(blocks) => self.judge_grant(key, blocks),
            Order::Close(_) => self.closes.push(key),
            Order::Punch(said) => self.punches.push((key, *said)),
            _ => {}
        }
        match self.conns.get_mut(&key).map(|conn| conn.protocol.order(now, order)) {
            Some(Err(fault)) => self.effects.push_back(Effect::Close(key, fault.cause)),
            _ => self.write(now, key),
        }
    }

    /// Nothing that is here is asked for, and nothing is asked of two before the end.
    fn judge_grant(&mut self, key: ConnKey, blocks: &[BlockRef]) {
        self.granted += blocks.len();
        for block in blocks {
            assert!(!self.written.has(block.piece()), "{block:?} is on disk and asked for");
            let asked = self.asked_of.entry(*block).or_default();
            let owes = |conn: &Conn| conn.protocol.window().owed().any(|owed| owed == *block);
            asked.retain(|other| self.conns.get(other).is_some_and(owes));
            let others = asked.iter().filter(|other| **other != key).count();
            asked.push(key);
            if others > 0 {
                self.granted_twice += 1;
                let more = self.swarm.picker().could_begin(key);
                assert!(
                    !more,
                    "{block:?} is asked of two, and there is more to ask {key:?} for: {:#?}",
                    self.swarm.picker().describe()
                );
            }
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
