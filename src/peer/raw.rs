//! What a peer says of pieces before we know how many there are: kept as it came, within bounds.

use super::Fault;
use crate::event::Cause;
use crate::wire::Message;

/// Bytes of bitfields: two of the longest that there can be.
const MOST_BYTES: usize = 512 * 1024;
/// Messages about single pieces: more than anybody has to tell while a torrent's `info` is fetched.
const MOST_HAVES: usize = 8192;

/// Messages that name pieces, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Raw {
    messages: Vec<Message>,
    bytes: usize,
}

impl Raw {
    /// Keeps a message.
    ///
    /// # Errors
    ///
    /// When there is too much of it.
    pub(super) fn keep(&mut self, message: Message) -> Result<(), Fault> {
        if let Message::Bitfield(bits) = &message {
            self.bytes += bits.len();
        }
        self.messages.push(message);
        if self.bytes > MOST_BYTES {
            let detail = format!("over {MOST_BYTES} bytes before the number of pieces was known");
            return Err(Fault::new(Cause::BadBitfield, detail));
        }
        if self.messages.len() > MOST_HAVES {
            let detail = format!("it named over {MOST_HAVES} pieces before their number was known");
            return Err(Fault::new(Cause::BadMessage, detail));
        }
        Ok(())
    }

    /// All that was kept.
    pub(super) fn take(&mut self) -> Vec<Message> {
        std::mem::take(self).messages
    }
}
