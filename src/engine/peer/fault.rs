//! Why a connection ends by what the peer said, or did not say.

use crate::engine::receive::ReceiveError;
use crate::engine::upload::{Flood, OFFERED_REQQ};
use crate::event::Cause;

/// Its cause, and anything more exact for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    pub(super) cause: Cause,
    pub(super) detail: Option<String>,
}

impl Fault {
    pub(super) fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: Some(detail.into()) }
    }
}

impl From<ReceiveError> for Fault {
    fn from(error: ReceiveError) -> Self {
        Self::new(error.cause(), error.to_string())
    }
}

impl From<Flood> for Fault {
    fn from(_: Flood) -> Self {
        Self::new(Cause::RequestFlood, format!("we offer to queue {OFFERED_REQQ} requests"))
    }
}
