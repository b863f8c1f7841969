//! Throughput over time.

use std::collections::VecDeque;

use crate::event::Sample;

/// One sample a second for the last hour, and one a minute for the whole run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Series {
    /// The last hour at most, newest last, one a second.
    pub seconds: VecDeque<Sample>,
    /// The run at most four weeks back, newest last: the mean of each whole minute.
    pub minutes: VecDeque<Sample>,
}
