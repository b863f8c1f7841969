//! How a uTP stream goes, for the screens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::parts::{harmless, parts};

/// By how much the packets that a stream sends may be late, over what the line takes when it is idle, before the stream
/// slows down (LEDBAT, RFC 6817): it takes what others leave of the line.
pub const DELAY_TARGET: Duration = Duration::from_millis(100);

/// What keeps a uTP stream from sending more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitedBy {
    /// The congestion window, which packets that were lost made small.
    Window,
    /// The window of the other side: it reads no faster.
    OtherSide,
    /// [`DELAY_TARGET`]: what is sent is late by so much, and others on the line come first.
    DelayTarget,
    /// Nothing: all that there is to send is sent.
    #[default]
    NothingToSend,
}

impl LimitedBy {
    /// All there is.
    pub const ALL: [Self; 4] = [Self::Window, Self::OtherSide, Self::DelayTarget, Self::NothingToSend];

    /// Its code, as programs read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Window => "window",
            Self::OtherSide => "other_side",
            Self::DelayTarget => "delay_target",
            Self::NothingToSend => "nothing_to_send",
        }
    }
}

/// How a uTP stream goes (BEP 29).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamFigures {
    /// The round trip, microseconds; `None` until one was measured.
    pub rtt_us: Option<u32>,
    /// By how much what we send is late over the least there was, as the peer measures it, microseconds.
    pub our_delay_us: Option<u32>,
    /// By how much what it sends is late over the least there was, as we measure it, microseconds.
    pub their_delay_us: Option<u32>,
    /// The congestion window: as many bytes may be on their way to the peer.
    pub window_bytes: u32,
    /// As many bytes the peer has room for.
    pub peer_window_bytes: u32,
    /// Bytes on their way that the peer has not acknowledged.
    pub in_flight_bytes: u32,
    /// Packets sent, those sent again included.
    pub sent: u64,
    /// Packets received, those received twice included.
    pub received: u64,
    /// Packets sent again because later ones were acknowledged.
    pub resent_fast: u64,
    /// Packets sent again because nothing was acknowledged for too long.
    pub resent_timeout: u64,
    /// Packets received that were here already.
    pub duplicates: u64,
    /// Bytes of a full packet as UDP carries it, as far as it is known how long one may be.
    pub mtu_bytes: u16,
    /// What keeps us from sending more.
    pub limited_by: LimitedBy,
}

harmless!(LimitedBy);
parts! {
    StreamFigures: rtt_us our_delay_us their_delay_us window_bytes peer_window_bytes in_flight_bytes sent received
        resent_fast resent_timeout duplicates mtu_bytes limited_by
}

impl StreamFigures {
    /// Packets sent again, for whatever reason.
    #[must_use]
    pub fn resent(&self) -> u64 {
        self.resent_fast.saturating_add(self.resent_timeout)
    }
    /// Which share of the packets sent was sent again, thousandths; `None` while none was sent.
    #[must_use]
    pub fn resent_thousandths(&self) -> Option<u64> {
        Some(self.resent().saturating_mul(1000).checked_div(self.sent)?.min(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::validate::check;

    #[test]
    fn what_was_sent_again_is_a_share_of_what_was_sent_whatever_the_numbers() {
        let share = |sent, resent_fast, resent_timeout| {
            StreamFigures { sent, resent_fast, resent_timeout, ..Default::default() }.resent_thousandths()
        };
        assert_eq!(share(0, 0, 0), None);
        assert_eq!(share(0, 5, 0), None);
        assert_eq!(share(1000, 2, 1), Some(3));
        assert_eq!(share(2, 5, 0), Some(1000));
        assert_eq!(share(u64::MAX, u64::MAX, u64::MAX), Some(1));
    }

    #[test]
    fn numbers_of_packets_that_no_run_sends_are_refused() {
        let fits = |figures: &StreamFigures| check(&mut figures.clone(), None).is_ok();
        let most = StreamFigures {
            rtt_us: Some(u32::MAX),
            window_bytes: u32::MAX,
            sent: 1 << 48,
            mtu_bytes: u16::MAX,
            ..Default::default()
        };
        assert!(fits(&most) && fits(&StreamFigures::default()));
        let counts: [fn(&mut StreamFigures) -> &mut u64; 5] = [
            |figures| &mut figures.sent,
            |figures| &mut figures.received,
            |figures| &mut figures.resent_fast,
            |figures| &mut figures.resent_timeout,
            |figures| &mut figures.duplicates,
        ];
        for count in counts {
            let mut figures = most;
            *count(&mut figures) = (1 << 48) + 1;
            assert!(!fits(&figures), "{figures:?}");
        }
    }

    #[test]
    fn what_limits_a_stream_is_called_in_json_as_everywhere() {
        for limit in LimitedBy::ALL {
            assert_eq!(serde_json::to_value(limit).unwrap(), limit.name());
        }
    }
}
