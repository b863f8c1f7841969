//! How long a packet may be: found by trying (RFC 8899), since routers say so seldom.
//!
//! A probe is an ordinary packet that is made longer by padding. If it does not come through, its payload fits a packet that does.

use super::seq::{Micros, SECOND};
use crate::wire::utp::Header;

/// UDP payload that passes everywhere over IPv6, and over IPv4 as good as everywhere.
const SAFE_V4: u16 = 1_280 - 28;
const SAFE_V6: u16 = 1_280 - 48;
/// For what is narrower still.
const LEAST: u16 = 576 - 28;
/// The search ends when what is left is no longer than this.
const CLOSE_ENOUGH: u16 = 24;
/// A probe of one size may be lost this often before its size is blamed.
const PROBES: u8 = 2;
/// The search begins again: the way may have changed.
const SEARCH_AGAIN: Micros = 600 * SECOND;
/// After this many time-outs in a row the size is blamed, and the safe size too, where none as long ever came through.
const BLAMED_TIMEOUTS: u32 = 2;
/// After this many the safe size, though packets as long came through.
const BLAMED_SAFE_TIMEOUTS: u32 = 4;

/// The search for the size, in bytes of UDP payload.
#[derive(Debug)]
pub(super) struct Mtu {
    /// Passes.
    size: u16,
    /// Does not, or is not tried, from one more on.
    ceiling: u16,
    most: u16,
    /// Bytes of the longest packet that came through.
    proven: u16,
    probing: Option<u16>,
    failed: u8,
    search_again: Micros,
}

impl Mtu {
    pub(super) fn new(v4: bool, most: u16) -> Self {
        let most = most.max(LEAST);
        let size = if v4 { SAFE_V4 } else { SAFE_V6 }.min(most);
        Self { size, ceiling: most, most, proven: 0, probing: None, failed: 0, search_again: 0 }
    }

    /// Bytes of a full packet.
    pub(super) fn size(&self) -> u16 {
        self.size
    }

    /// How long the next probe is to be, if one is due.
    pub(super) fn wants_probe(&mut self, now: Micros) -> Option<u16> {
        if self.probing.is_some() {
            return None;
        }
        if self.search_again != 0 && now >= self.search_again {
            (self.ceiling, self.failed, self.search_again) = (self.most, 0, 0);
        }
        let left = self.ceiling - self.size;
        if left < CLOSE_ENOUGH.max(u16::try_from(Header::LEAST_PADDING).unwrap_or(u16::MAX)) {
            return None;
        }
        // What most ways let through comes first.
        Some(if self.ceiling == self.most { self.most } else { self.size + left.div_ceil(2) })
    }

    pub(super) fn probe_sent(&mut self, size: u16) {
        self.probing = Some(size);
    }

    /// One of this length came through, which is no probe.
    pub(super) fn acked(&mut self, length: u16) {
        self.proven = self.proven.max(length);
    }

    /// The probe came through.
    pub(super) fn probe_acked(&mut self, now: Micros) {
        if let Some(size) = self.probing.take().filter(|size| *size <= self.ceiling) {
            (self.size, self.failed) = (size, 0);
            self.pause(now);
        }
    }

    /// The probe is lost.
    pub(super) fn probe_lost(&mut self, now: Micros) {
        let Some(size) = self.probing.take() else { return };
        self.failed += 1;
        if self.failed >= PROBES {
            (self.ceiling, self.failed) = (self.ceiling.min(size - 1).max(self.size), 0);
            self.pause(now);
        }
    }

    /// The system says that nothing longer than `most` passes, or, without it, that what was sent does not. Says whether
    /// packets are shorter from now on.
    pub(super) fn too_big(&mut self, now: Micros, most: Option<u16>) -> bool {
        let most = most.unwrap_or_else(|| self.probing.unwrap_or(self.size) - 1).max(LEAST);
        if most >= self.ceiling {
            return false;
        }
        let before = self.size;
        self.ceiling = most;
        self.size = self.size.min(most);
        self.probing = self.probing.filter(|size| *size <= most);
        self.failed = 0;
        self.pause(now);
        self.size < before
    }

    /// Nothing comes back any more, for this many time-outs in a row, and a packet of `length` waits: long ones may vanish. Says
    /// whether packets are shorter from now on. That they vanish is a guess, so the search goes on at once.
    pub(super) fn vanishes(&mut self, timeouts: u32, length: u16, v4: bool) -> bool {
        let safe = if v4 { SAFE_V4 } else { SAFE_V6 };
        let is_unproven = self.size <= safe && self.proven < self.size;
        let size = match timeouts {
            BLAMED_SAFE_TIMEOUTS.. => LEAST,
            BLAMED_TIMEOUTS.. if is_unproven => LEAST,
            BLAMED_TIMEOUTS.. => safe,
            _ => return false,
        };
        if size >= self.size || length <= size {
            return false;
        }
        (self.size, self.probing, self.failed, self.search_again) = (size, None, 0, 0);
        true
    }

    fn pause(&mut self, now: Micros) {
        if self.ceiling - self.size < CLOSE_ENOUGH {
            self.search_again = now + SEARCH_AGAIN;
        }
    }
}
