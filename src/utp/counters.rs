//! What came to an endpoint and was not as it should be, in numbers.

/// What came to an endpoint and was not as it should be, and what was done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// No packets of version 1.
    pub malformed: u64,
    /// Packets of no stream.
    pub of_nobody: u64,
    /// Calls.
    pub syns: u64,
    /// Calls that were refused: none are taken, or there are too many streams.
    pub syns_refused: u64,
    /// Calls that were not answered since too many came at once.
    pub syns_dropped: u64,
    /// Resets sent.
    pub resets_sent: u64,
    /// Resets of streams or with numbers that we never used.
    pub resets_ignored: u64,
    /// Packets that acknowledged what was never sent, or what was acknowledged long ago.
    pub bad_acks: u64,
    /// Packets with numbers far from what was expected.
    pub out_of_reach: u64,
    /// Packets beyond the room that was offered.
    pub no_room: u64,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Streams that went on from another port.
    pub moved: u64,
}

impl Counters {
    /// Calls that came to nothing.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.syns_refused + self.syns_dropped
    }

    /// Packets that are of no stream, or say of one what cannot be.
    #[must_use]
    pub fn unfit(&self) -> u64 {
        let Self { malformed, of_nobody, resets_ignored, bad_acks, out_of_reach, no_room, .. } = self;
        malformed + of_nobody + resets_ignored + bad_acks + out_of_reach + no_room
    }
}
