//! Dialling: when, how, and what comes of it before a handshake.

use std::time::Duration;

use super::{Action, Check, Row, Standing, began, ended};
use crate::event::{At, Cause, Direction, Encryption, Event, PeerKey, Severity};
use crate::peer::{Closed, Step};

/// A thousand dials a second.
const BETWEEN_DIALS: Duration = Duration::from_millis(1);
/// Dials made up for at once when the clock was looked at late.
const CATCH_UP: Duration = Duration::from_millis(10);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Dial {
    encryption: Encryption,
    opened: bool,
    pub(super) sent_bytes: u64,
    pub(super) received_at: Option<At>,
}

impl Check {
    pub(super) fn has_room(&self) -> bool {
        self.dialling + self.live.len() < self.settings.most_open
    }

    pub(super) fn dial_due(&mut self, now: At) {
        self.next_dial = self.next_dial.max(now.saturating_sub(CATCH_UP));
        while self.next_dial <= now
            && let Some(&(peer, encryption)) = self.queue.front()
        {
            if !self.has_room() {
                self.tell_no_room(now);
                // Whoever has given its answer makes room for one that has not.
                if let Some((&conn, _)) = self.live.iter().find(|(_, live)| live.answered && !live.closing) {
                    self.close(conn, Cause::ConnectionLimit);
                }
                return;
            }
            self.queue.pop_front();
            self.next_dial += BETWEEN_DIALS;
            let Some(row) = self.rows.get_mut(&peer) else { continue };
            let dial = Dial { encryption, opened: false, sent_bytes: 0, received_at: None };
            row.standing = Standing::Dialling(dial);
            let addr = row.addr;
            self.dialling += 1;
            self.emit(now, began(peer, Direction::Out, encryption));
            self.actions.push_back(Action::Dial { peer, addr, encryption });
        }
    }

    fn tell_no_room(&mut self, now: At) {
        if !std::mem::replace(&mut self.told_no_room, true) {
            let most = self.settings.most_open;
            let peers = if most == 1 { "1 peer is".to_owned() } else { format!("{most} peers are") };
            let text = format!(
                "Only {peers} tried at once: this process may open no more files. Raise the hard limit (ulimit -Hn) for \
                 a faster check."
            );
            self.emit(now, Event::Note { severity: Severity::Warn, text, answer: true });
        }
    }

    pub(super) fn step(&mut self, peer: PeerKey, at: At, step: Step) {
        let Some(Row { standing: Standing::Dialling(dial), .. }) = self.rows.get_mut(&peer) else { return };
        match &step {
            Step::Connected => dial.opened = true,
            Step::Sent(sent) => dial.sent_bytes = sent.len() as u64,
            Step::Received(_) => dial.received_at = Some(at),
            Step::Agreed(_) | Step::LooksLike(_) => {}
        }
        self.emit(at, step.event(peer));
    }

    /// The dial of this peer is over; it is [`Standing::Over`] until somebody says otherwise.
    pub(super) fn end_dial(&mut self, peer: PeerKey) -> Option<Dial> {
        let row = self.rows.get_mut(&peer)?;
        let Standing::Dialling(dial) = row.standing else { return None };
        row.standing = Standing::Over;
        self.dialling -= 1;
        Some(dial)
    }

    pub(super) fn dial_failed(&mut self, now: At, peer: PeerKey, end: Closed) {
        let Some(dial) = self.end_dial(peer) else { return };
        let second = self.settings.encryption.after(dial.encryption, dial.opened, end.cause);
        self.emit(now, ended(peer, end));
        if let Some(caller) = self.rows.get(&peer).and_then(|row| self.listens.get(&row.addr)).copied() {
            // It called us meanwhile: whether it can be reached as well is known now.
            return self.merge(now, caller, peer);
        }
        if let Some(second) = second.filter(|_| self.ending.is_none()) {
            self.queue.push_back((peer, second));
        }
    }
}

pub(super) fn not_answered(bytes_out: u64) -> Closed {
    Closed { cause: Cause::NotAnswered, error: None, detail: None, bytes_in: 0, bytes_out }
}
