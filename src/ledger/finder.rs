//! How a way to find peers stands that is no tracker, and what came of it.

use serde::{Deserialize, Serialize};

use super::view::FinderRecord;
use crate::event::validate::sanitise;
use crate::event::{Finder, FinderStatus};

/// What is known of one way to find peers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct FinderState {
    status: FinderStatus,
    detail: Option<String>,
    named: u64,
    new: u64,
}

impl FinderState {
    pub(super) fn stands(&mut self, status: FinderStatus, detail: Option<&String>) {
        (self.status, self.detail) = (status, detail.cloned());
    }

    /// It named addresses, some of which nobody had named before.
    pub(super) fn named(&mut self, named: u32, new: u32) {
        self.stands(FinderStatus::Ok, None);
        self.named = self.named.saturating_add(named.into());
        self.new = self.new.saturating_add(new.into());
    }

    /// Makes safe what a recording says.
    pub(super) fn check(&mut self) {
        self.detail.iter_mut().for_each(sanitise);
    }

    /// What there is to show of it: `peers` in the table are of it, of which some shook hands. Who is there was named.
    pub(super) fn record(&self, finder: Finder, (peers, handshaken): (u32, u32)) -> FinderRecord {
        let Self { status, ref detail, named, new } = *self;
        let status = if status == FinderStatus::Pending && peers > 0 { FinderStatus::Ok } else { status };
        let named = named.max(peers.into());
        FinderRecord { finder, status, detail: detail.clone(), named, new, peers, handshaken }
    }
}
