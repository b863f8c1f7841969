//! How the uTP streams of a scene go: as such streams go that carry as much.

use crate::event::{DELAY_TARGET, LimitedBy, PeerKey, PeerSample, StreamFigures, Transport};
use crate::ledger::PeerRecord;

/// Seconds between two times that it is told how a stream goes.
const EVERY_S: u64 = 10;

/// Bytes of payload in a full packet, and of the packet.
const PAYLOAD: u64 = 1_380;
const MTU: u16 = 1_400;
/// Bytes received that one acknowledgement is for.
const ACKNOWLEDGED: u64 = 24_000;

/// What is told in this second of a peer that is connected over uTP.
pub(super) fn told(peer: &PeerRecord, second: u64, sample: PeerSample) -> Option<StreamFigures> {
    let over = peer.last_attempt()?.transport;
    let is_due = (second + u64::from(peer.key.0)).is_multiple_of(EVERY_S);
    (over == Transport::Utp && is_due).then(|| figures(peer.key, second, sample))
}

/// The stream of this peer in this second. Who takes from us is limited by one thing, each by another.
fn figures(peer: PeerKey, second: u64, sample: PeerSample) -> StreamFigures {
    let limited_by = match (sample.up_bps, peer.0 % 8) {
        (0, _) => LimitedBy::NothingToSend,
        (_, 2) => LimitedBy::DelayTarget,
        (_, 5) => LimitedBy::OtherSide,
        _ => LimitedBy::Window,
    };
    let wobble = (second * 37 + u64::from(peer.0) * 11) % 29;
    let target_us = DELAY_TARGET.as_micros() as u64;
    let our_delay_us = match limited_by {
        LimitedBy::DelayTarget => target_us - 9_000 + wobble * 500,
        LimitedBy::NothingToSend => 400 + wobble * 30,
        LimitedBy::OtherSide | LimitedBy::Window => 11_000 + wobble * 700,
    };
    let rtt_us = 21_000 + u64::from(peer.0) * 8_400 + our_delay_us;
    let in_flight = (sample.up_bps * rtt_us / 1_000_000).next_multiple_of(PAYLOAD);
    let (window, room) = match limited_by {
        LimitedBy::NothingToSend => (PAYLOAD * 60, 1 << 20),
        LimitedBy::OtherSide => (in_flight * 3, in_flight),
        LimitedBy::DelayTarget | LimitedBy::Window => (in_flight, 1 << 20),
    };
    let sent = sample.up_bytes / PAYLOAD + sample.down_bytes / ACKNOWLEDGED + 4;
    let received = sample.down_bytes / PAYLOAD + sample.up_bytes / ACKNOWLEDGED + 4;
    let lost = if limited_by == LimitedBy::Window { 90 } else { 700 };
    StreamFigures {
        rtt_us: Some(rtt_us as u32),
        our_delay_us: Some(our_delay_us as u32),
        their_delay_us: Some((2_100 + wobble * 350) as u32),
        window_bytes: window as u32,
        peer_window_bytes: room as u32,
        in_flight_bytes: in_flight as u32,
        sent,
        received,
        resent_fast: sent / lost,
        resent_timeout: sent / (lost * 20),
        duplicates: received / 9_000,
        mtu_bytes: MTU,
        limited_by,
    }
}
