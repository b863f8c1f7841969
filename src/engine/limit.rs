//! A token bucket that tasks share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::event::At;
use crate::swarm::Bucket;

/// A rate limit for many tasks together. Without a limit, asking costs one atomic load.
#[derive(Debug)]
pub struct Limit {
    limited: AtomicBool,
    bucket: Mutex<Bucket>,
}

impl Limit {
    /// A limit in bytes a second; `None`: no limit.
    pub fn new(rate_bps: Option<u64>) -> Self {
        Self { limited: AtomicBool::new(rate_bps.is_some()), bucket: Mutex::new(Bucket::new(rate_bps)) }
    }

    /// Changes the limit from `now` on.
    pub fn set(&self, now: At, rate_bps: Option<u64>) {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).set_rate(now, rate_bps);
        self.limited.store(rate_bps.is_some(), Ordering::Relaxed);
    }

    /// Whether there is a limit.
    pub fn is_limited(&self) -> bool {
        self.limited.load(Ordering::Relaxed)
    }

    /// Lets `bytes` pass now.
    ///
    /// # Errors
    ///
    /// The time at which to ask again.
    pub fn take(&self, now: At, bytes: u64) -> Result<(), At> {
        if !self.is_limited() {
            return Ok(());
        }
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner).take(now, bytes)
    }
}
