//! When a judgement is looked at again.

use serde::{Deserialize, Serialize};

use crate::event::At;
use crate::units;

/// What a judgement waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum LookOn {
    /// So many seconds, over and over: until then it stands, so that it does not flicker.
    Every(u16),
    /// A tracker's next answer.
    Announce,
    /// The next dial of a peer that failed.
    Retry,
    /// Peers that come, go, or change what they do.
    Peers,
    /// A call from outside.
    Call,
    /// The user.
    User,
}

/// When a judgement is looked at again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Look {
    /// What is waited for.
    pub on: LookOn,
    /// When that is due, since the start of the run, where it is known.
    pub at: Option<At>,
}

impl Look {
    /// In words that follow "next look": `in 7 s`, `when a tracker is asked again, in 4m`.
    pub fn words(self, now: At) -> String {
        let left = self.at.and_then(|at| at.checked_sub(now)).filter(|left| !left.is_zero());
        let what = match (self.on, left) {
            (LookOn::Every(_), None) => return "now".to_owned(),
            (LookOn::Every(_), Some(left)) => {
                return format!("in {} s", left.as_millis().div_ceil(1000));
            }
            (LookOn::Announce, None) => "when a tracker answers",
            (LookOn::Announce, Some(_)) => "when a tracker is asked again",
            (LookOn::Retry, None) => "when peers are dialled again",
            (LookOn::Retry, Some(_)) => "when the next peer is dialled again",
            (LookOn::Peers, _) => "when peers come, go or change",
            (LookOn::Call, _) => "when somebody calls",
            (LookOn::User, _) => "when you go on",
        };
        match left {
            Some(left) => format!("{what}, in {}", units::duration_short(left)),
            None => what.to_owned(),
        }
    }
}

impl LookOn {
    /// When another run is worth it, in words, where this one is over and only looked who answers.
    pub fn another_run(self) -> &'static str {
        match self {
            Self::Every(_) => "in a minute",
            Self::Announce | Self::Retry => "in a few minutes",
            Self::Peers | Self::Call => "in half an hour, when trackers may name others",
            Self::User => "when that is put right",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn says_what_is_waited_for_and_how_long() {
        let now = Duration::from_millis(60_400);
        let said = |on, at: Option<u64>| Look { on, at: at.map(Duration::from_secs) }.words(now);
        assert_eq!(said(LookOn::Every(10), Some(67)), "in 7 s");
        assert_eq!(said(LookOn::Every(10), Some(60)), "now");
        assert_eq!(said(LookOn::Announce, Some(305)), "when a tracker is asked again, in 4m");
        assert_eq!(said(LookOn::Announce, None), "when a tracker answers");
        assert_eq!(said(LookOn::Retry, Some(70)), "when the next peer is dialled again, in 9s");
        assert_eq!(said(LookOn::Retry, Some(7)), "when peers are dialled again");
        assert_eq!(said(LookOn::User, None), "when you go on");
    }
}
