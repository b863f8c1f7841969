//! How often a peer changes its mind about choking and interest: each time costs everybody who decides.

use super::fault::Fault;
use crate::event::Cause;

/// Changes at once, for a client that catches up with much.
const MOST: u32 = 200;
/// Changes that are forgiven each second; clients look at it every ten.
const A_SECOND: u32 = 10;

/// The changes lately.
#[derive(Debug, Default)]
pub(super) struct ChokeFlood(u32);

impl ChokeFlood {
    /// It chokes, unchokes, is interested, or no more.
    pub(super) fn changed(&mut self) -> Result<(), Fault> {
        self.0 += 1;
        if self.0 > MOST {
            let detail = "it chokes and unchokes, or is interested and not, without end";
            return Err(Fault::new(Cause::BadMessage, detail));
        }
        Ok(())
    }

    /// A second went by.
    pub(super) fn tick(&mut self) {
        self.0 = self.0.saturating_sub(A_SECOND);
    }
}
