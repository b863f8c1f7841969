//! Columns of how the uTP stream of a peer goes; empty for a peer that is connected over TCP.

use super::cells::plain;
use super::{SortKey, largest, smallest, text};
use crate::event::{LimitedBy, StreamFigures};
use crate::ledger::PeerRecord;
use crate::ui::grid::{Column, ColumnFilter, Context, Measure};
use crate::ui::paint::Spans;
use crate::ui::words;
use crate::units::{self, whole_milliseconds};

/// They are the first to go where there is no room for all.
const WEIGHT: u8 = 4;

/// A number of a peer's stream, where there is one.
fn of<T>(peer: &PeerRecord, number: impl FnOnce(&StreamFigures) -> Option<T>) -> Option<T> {
    peer.stream.as_deref().and_then(number)
}

fn rtt(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| figures.rtt_us.map(whole_milliseconds))
}

fn our_delay(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| figures.our_delay_us.map(whole_milliseconds))
}

fn its_delay(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| figures.their_delay_us.map(whole_milliseconds))
}

fn window(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| Some(figures.window_bytes.into()))
}

fn in_flight(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| Some(figures.in_flight_bytes.into()))
}

fn resent(peer: &PeerRecord) -> Option<u64> {
    of(peer, StreamFigures::resent_thousandths)
}

fn mtu(peer: &PeerRecord) -> Option<u64> {
    of(peer, |figures| Some(figures.mtu_bytes.into()))
}

fn limited_by(peer: &PeerRecord) -> Option<LimitedBy> {
    of(peer, |figures| Some(figures.limited_by))
}

/// A number as a cell shows it; empty where there is none.
fn shown(number: Option<u64>, words: impl FnOnce(u64) -> String) -> Spans {
    plain(number.map(words).unwrap_or_default())
}

fn in_milliseconds(number: Option<u64>) -> Spans {
    shown(number, |ms| format!("{ms} ms"))
}

fn in_bytes(number: Option<u64>, context: Context<'_>) -> Spans {
    shown(number, |bytes| units::bytes(bytes, context.look.units))
}

fn falling(number: Option<u64>) -> SortKey {
    number.map_or(SortKey::Unknown, largest)
}

pub(super) const RTT: Column<PeerRecord> = Column {
    id: "rtt",
    letter: 'R',
    name: "round trip",
    title: "RTT",
    help: "over uTP: from a packet to its acknowledgement",
    least: 8,
    wish: 8,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, _, _| in_milliseconds(rtt(peer)),
    key: |peer, _| smallest(rtt(peer)),
    filter: ColumnFilter::Number("rtt>100", Measure::Milliseconds, |peer, _| rtt(peer)),
};

pub(super) const OUR_DELAY: Column<PeerRecord> = Column {
    id: "our_delay",
    letter: 'D',
    name: "our delay",
    title: "↑ DELAY",
    help: "over uTP: by how much our packets are late; from 100 ms on we slow down",
    least: 8,
    wish: 8,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, _, _| in_milliseconds(our_delay(peer)),
    key: |peer, _| smallest(our_delay(peer)),
    filter: ColumnFilter::Number("our_delay>50", Measure::Milliseconds, |peer, _| our_delay(peer)),
};

pub(super) const ITS_DELAY: Column<PeerRecord> = Column {
    id: "its_delay",
    letter: 'E',
    name: "its delay",
    title: "↓ DELAY",
    help: "over uTP: by how much its packets are late when they come",
    least: 8,
    wish: 8,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, _, _| in_milliseconds(its_delay(peer)),
    key: |peer, _| smallest(its_delay(peer)),
    filter: ColumnFilter::Number("its_delay>50", Measure::Milliseconds, |peer, _| its_delay(peer)),
};

pub(super) const WINDOW: Column<PeerRecord> = Column {
    id: "window",
    letter: 'W',
    name: "window",
    title: "WINDOW",
    help: "over uTP: how much we let be on its way to it at once",
    least: 9,
    wish: 9,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, context, _| in_bytes(window(peer), context),
    key: |peer, _| falling(window(peer)),
    filter: ColumnFilter::Number("window<64k", Measure::Bytes, |peer, _| window(peer)),
};

pub(super) const IN_FLIGHT: Column<PeerRecord> = Column {
    id: "in_flight",
    letter: 'F',
    name: "in flight",
    title: "IN FLIGHT",
    help: "over uTP: how much is on its way to it, not acknowledged yet",
    least: 9,
    wish: 9,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, context, _| in_bytes(in_flight(peer), context),
    key: |peer, _| falling(in_flight(peer)),
    filter: ColumnFilter::Number("in_flight>0", Measure::Bytes, |peer, _| in_flight(peer)),
};

pub(super) const RESENT: Column<PeerRecord> = Column {
    id: "resent",
    letter: 'L',
    name: "share sent again",
    title: "RESENT",
    help: "over uTP: which share of our packets was sent again, as those before were lost or late",
    least: 7,
    wish: 7,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, _, _| shown(resent(peer), units::thousandths),
    key: |peer, _| falling(resent(peer)),
    filter: ColumnFilter::Number("resent>1", Measure::Percent, |peer, _| Some(resent(peer)? / 10)),
};

pub(super) const MTU: Column<PeerRecord> = Column {
    id: "mtu",
    letter: 'M',
    name: "packet size",
    title: "MTU",
    help: "over uTP: bytes of the longest packet that is known to pass",
    least: 6,
    wish: 6,
    grows: false,
    right: true,
    weight: WEIGHT,
    cell: |peer, _, _| shown(mtu(peer), units::count),
    key: |peer, _| falling(mtu(peer)),
    filter: ColumnFilter::Number("mtu<1400", Measure::Count, |peer, _| mtu(peer)),
};

pub(super) const LIMITED_BY: Column<PeerRecord> = Column {
    id: "limited_by",
    letter: 'T',
    name: "what limits us",
    title: "LIMITED BY",
    help: "over uTP: what keeps us from sending it more",
    least: 15,
    wish: 15,
    grows: false,
    right: false,
    weight: WEIGHT,
    cell: |peer, _, _| plain(limited_by(peer).map_or("", words::limit)),
    key: |peer, _| text(limited_by(peer).map(words::limit)),
    filter: ColumnFilter::Text("limited_by:delay", |peer, _| {
        limited_by(peer).map(words::limit).unwrap_or_default().to_owned()
    }),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Direction, Encryption, Event, Transport};
    use crate::ledger::script::Script;
    use crate::ui::columns::PEER_COLUMNS;
    use crate::ui::theme::Look;

    const IDS: [&str; 8] =
        ["rtt", "our_delay", "its_delay", "window", "in_flight", "resent", "mtu", "limited_by"];

    /// The cells of a peer that is connected so, and of whose stream this is told.
    fn cells(transport: Transport, figures: StreamFigures) -> Vec<String> {
        let mut run = Script::downloading(4);
        let peer = run.peers(1)[0];
        let (direction, encryption) = (Direction::Out, Encryption::Plain);
        run.tell(Event::AttemptBegan { peer, direction, transport, encryption });
        run.handshake(peer, b"-TR4060-abcdefghijkl").tell(Event::Stream { peer, figures });
        let (record, view, look) = (run.record(peer), run.view(), Look::default());
        let columns = IDS.map(|id| crate::ui::columns::column(id).unwrap());
        let cell = |column: &Column<PeerRecord>| {
            let cell = (column.cell)(&record, Context { view: &view, look: &look }, column.least).text();
            assert!(crate::ui::grid::fits(&cell, column.least), "{}: {cell}", column.id);
            cell
        };
        columns.map(cell).into()
    }

    fn figures() -> StreamFigures {
        StreamFigures {
            rtt_us: Some(41_700),
            our_delay_us: Some(12_200),
            their_delay_us: Some(400),
            window_bytes: 185_344,
            peer_window_bytes: 1 << 20,
            in_flight_bytes: 0,
            sent: 4812,
            resent_fast: 12,
            resent_timeout: 2,
            mtu_bytes: 1400,
            limited_by: LimitedBy::DelayTarget,
            ..StreamFigures::default()
        }
    }

    #[test]
    fn every_figure_of_a_stream_has_its_cell() {
        let shown = cells(Transport::Utp, figures());
        assert_eq!(shown, ["42 ms", "12 ms", "0 ms", "181 KiB", "0 B", "0.2 %", "1 400", "delay target"]);
    }

    #[test]
    fn they_are_empty_over_tcp_and_for_what_was_not_measured() {
        assert_eq!(cells(Transport::Tcp, figures()), [""; 8]);
        let shown = cells(Transport::Utp, StreamFigures { mtu_bytes: 1400, ..StreamFigures::default() });
        assert_eq!(shown, ["", "", "", "0 B", "0 B", "", "1 400", "nothing to send"]);
    }

    #[test]
    fn no_figure_is_too_long_for_its_cell() {
        let most = StreamFigures {
            rtt_us: Some(9_999_999),
            our_delay_us: Some(9_999_999),
            their_delay_us: Some(9_999_999),
            window_bytes: u32::MAX,
            in_flight_bytes: 1023,
            sent: 1,
            resent_fast: 1 << 40,
            mtu_bytes: u16::MAX,
            ..StreamFigures::default()
        };
        assert_eq!(cells(Transport::Utp, most)[5], "100.0 %");
        for limited_by in LimitedBy::ALL {
            assert!(!cells(Transport::Utp, StreamFigures { limited_by, ..most })[7].is_empty());
        }
    }

    #[test]
    fn they_are_shown_to_who_chooses_them_and_are_the_first_to_go() {
        let others = PEER_COLUMNS.iter().filter(|column| !IDS.contains(&column.id));
        assert!(others.map(|column| column.weight).min() > Some(WEIGHT));
        for set in [crate::ui::columns::LIVE_ALL, crate::ui::columns::OTHERS_ALL] {
            assert!(IDS.iter().all(|id| !set.contains(id)));
        }
    }
}
