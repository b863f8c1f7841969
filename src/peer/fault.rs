//! Why a connection ends by what the peer said, or did not say.

use super::upload::{Flood, OFFERED_REQQ};
use crate::event::Cause;

/// Its cause, and anything more exact for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Its cause.
    pub cause: Cause,
    /// Anything more exact, for people.
    pub detail: Option<String>,
}

impl Fault {
    /// A fault with something more exact.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: Some(detail.into()) }
    }
}

impl From<Flood> for Fault {
    fn from(_: Flood) -> Self {
        Self::new(Cause::RequestFlood, format!("we offer to queue {OFFERED_REQQ} requests"))
    }
}
