//! What decisions need to know of a connection: its name, and the state of its request window.

/// One connection; given out once in a run and never again, so that late news of a closed one is recognised.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnKey(pub u32);

/// The state of a request window, for the brain to grant by.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WindowState {
    /// Granted blocks not requested yet.
    pub granted: u32,
    /// Requests out.
    pub outstanding: u32,
    /// Requests the window wants out at the present rate.
    pub target: u32,
    /// Payload rate, bytes a second.
    pub down_bps: u64,
    /// Age of the oldest request out, milliseconds.
    pub oldest_request_ms: u32,
}
