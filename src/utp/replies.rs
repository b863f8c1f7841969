//! Packets that belong to no stream: answers to SYNs, and resets.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::seq::{Micros, SECOND};
use crate::wire::utp::Header;

/// Packets that wait to be sent. More are dropped: who called calls again.
const MOST_WAITING: usize = 1_024;
/// Resets that are sent in a second.
const RESETS_A_SECOND: u32 = 100;

/// The packets of nobody that wait to be sent.
#[derive(Debug, Default)]
pub(super) struct Replies {
    waiting: VecDeque<(SocketAddr, Header)>,
    second: Micros,
    resets: u32,
}

impl Replies {
    /// Queues an answer; says whether there was room.
    pub(super) fn push(&mut self, to: SocketAddr, header: Header) -> bool {
        let room = self.waiting.len() < MOST_WAITING;
        if room {
            self.waiting.push_back((to, header));
        }
        room
    }

    /// Queues a reset, unless there were many of late; says whether it did.
    pub(super) fn push_reset(&mut self, now: Micros, to: SocketAddr, header: Header) -> bool {
        if now / SECOND != self.second {
            (self.second, self.resets) = (now / SECOND, 0);
        }
        if self.resets >= RESETS_A_SECOND {
            return false;
        }
        self.resets += 1;
        self.push(to, header)
    }

    pub(super) fn pop(&mut self) -> Option<(SocketAddr, Header)> {
        let next = self.waiting.pop_front();
        if self.waiting.is_empty() && self.waiting.capacity() > MOST_WAITING / 8 {
            self.waiting = VecDeque::new();
        }
        next
    }
}
