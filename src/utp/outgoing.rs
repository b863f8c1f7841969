//! What an endpoint sends.

use super::seq::micros;
use super::{Endpoint, Transmit};
use crate::event::At;

impl Endpoint {
    /// Writes the next bundle that is due to `buffer`, which is cleared first: at most `most_segments` packets for one
    /// destination, and 65 000 bytes. `None`: there is nothing to send now.
    pub fn transmit(&mut self, now: At, most_segments: usize, buffer: &mut Vec<u8>) -> Option<Transmit> {
        buffer.clear();
        if let Some((to, header)) = self.replies.pop() {
            header.write(buffer, &[]);
            return Some(Transmit { to, segment: buffer.len(), may_fragment: false });
        }
        let now = micros(now);
        while let Some(slot) = self.ready.pop_front() {
            let Some(stream) = self.streams.at(slot).filter(|stream| stream.queued) else { continue };
            stream.queued = false;
            let to = stream.to;
            let bundle = stream.transmit(now, most_segments, buffer);
            if let Some(bundle) = bundle {
                self.settle(now, slot);
                return Some(Transmit { to, segment: bundle.segment, may_fragment: bundle.may_fragment });
            }
        }
        None
    }
}
