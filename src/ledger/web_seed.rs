//! What is known of web seeds (BEP 19).

use serde::{Deserialize, Serialize};

use crate::event::parts::parts;
use crate::event::{At, Cause, FinderStatus, WebSeedKey, WebSeedStep};

/// Web seeds that have a record.
pub(super) const MOST_WEB_SEEDS: usize = 64;

/// What is known of one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WebSeedRecord {
    /// Its key.
    pub key: WebSeedKey,
    /// Scheme, host and port: what may be shown.
    pub url: String,
    /// When it was asked, where it did not fail since.
    pub asked: Option<At>,
    /// The status of HTTP that it last answered.
    pub status: Option<u16>,
    /// Payload of the last second, bytes a second.
    pub down_bps: u64,
    /// Payload of this run, bytes.
    pub down_bytes: u64,
    /// Why it failed last, where it was not asked since.
    pub cause: Option<Cause>,
    /// More exactly; empty where there is nothing to add.
    pub detail: String,
    /// When it is asked again after that; `None`: not in this run.
    pub next: Option<At>,
}

parts! { WebSeedRecord: key url asked status down_bps down_bytes cause detail next }

impl WebSeedRecord {
    /// One that was not asked yet.
    pub(crate) fn new(key: WebSeedKey, url: String) -> Self {
        Self {
            key,
            url,
            asked: None,
            status: None,
            down_bps: 0,
            down_bytes: 0,
            cause: None,
            detail: String::new(),
            next: None,
        }
    }

    /// Why it failed last, in a few words; nothing where it did not, or was asked since.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        let cause = self.cause?;
        Some(if self.detail.is_empty() { cause.info().brief } else { &self.detail })
    }

    /// Whether it is asked, or can be: it did not fail.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.cause.is_none()
    }

    /// Whether data comes from it.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.is_asked() && self.down_bps > 0
    }

    /// How it stands among the sources.
    #[must_use]
    pub fn standing(&self) -> FinderStatus {
        match (self.cause, self.down_bytes) {
            (Some(_), _) => FinderStatus::Failed,
            (None, 0) => FinderStatus::Pending,
            (None, _) => FinderStatus::Ok,
        }
    }
}

/// Takes a step in. Returns the payload that came with it, bytes.
pub(super) fn take(
    records: &mut Vec<WebSeedRecord>,
    at: At,
    seed: WebSeedKey,
    step: &WebSeedStep,
) -> Option<u64> {
    if let WebSeedStep::Known { url } = step {
        if records.len() < MOST_WEB_SEEDS && records.iter().all(|record| record.key != seed) {
            records.push(WebSeedRecord::new(seed, url.clone()));
        }
        return None;
    }
    let record = records.iter_mut().find(|record| record.key == seed)?;
    match step {
        WebSeedStep::Known { .. } => {}
        WebSeedStep::Asked { .. } => {
            (record.asked, record.cause, record.next) = (Some(at), None, None);
            record.detail.clear();
        }
        WebSeedStep::Answered { status } => record.status = Some(*status),
        WebSeedStep::Sample { down_bps, down_bytes } => {
            let came = down_bytes.saturating_sub(record.down_bytes);
            (record.down_bps, record.down_bytes) = (*down_bps, record.down_bytes.max(*down_bytes));
            return (came > 0).then_some(came);
        }
        WebSeedStep::Failed { cause, status, detail, next } => {
            (record.asked, record.down_bps, record.next) = (None, 0, *next);
            (record.cause, record.status) = (Some(*cause), *status);
            record.detail.clone_from(detail);
        }
    }
    None
}
