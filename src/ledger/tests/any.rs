//! Any events in any order.

use proptest::prelude::*;

use super::*;

fn peer_key() -> impl Strategy<Value = PeerKey> {
    (0u32..12).prop_map(PeerKey)
}

fn metadata_step() -> impl Strategy<Value = MetadataStep> {
    let part = 0u32..5;
    prop_oneof![
        any::<u32>().prop_map(|bytes| MetadataStep::Offered { bytes }),
        part.clone().prop_map(|part| MetadataStep::Asked { part }),
        part.clone().prop_map(|part| MetadataStep::Gave { part }),
        part.clone().prop_map(|part| MetadataStep::Refused { part }),
        part.prop_map(|part| MetadataStep::Silent { part }),
        Just(MetadataStep::Wrong { reason: "its hash".to_owned() }),
    ]
}

fn punch_step() -> impl Strategy<Value = PunchStep> {
    prop_oneof![
        peer_key().prop_map(|relay| PunchStep::Asked { relay }),
        peer_key().prop_map(|relay| PunchStep::Told { relay }),
        peer_key().prop_map(|to| PunchStep::Relayed { to }),
    ]
}

fn figures() -> impl Strategy<Value = StreamFigures> {
    (any::<[u32; 6]>(), any::<[u64; 5]>(), any::<u16>(), proptest::sample::select(&LimitedBy::ALL[..]))
        .prop_map(|([rtt, ours, theirs, window, room, in_flight], counts, mtu_bytes, limited_by)| {
            let measured = |us: u32| (!us.is_multiple_of(3)).then_some(us);
            let [sent, received, resent_fast, resent_timeout, duplicates] = counts;
            StreamFigures {
                rtt_us: measured(rtt),
                our_delay_us: measured(ours),
                their_delay_us: measured(theirs),
                window_bytes: window,
                peer_window_bytes: room,
                in_flight_bytes: in_flight,
                sent,
                received,
                resent_fast,
                resent_timeout,
                duplicates,
                mtu_bytes,
                limited_by,
            }
        })
}

/// Any event about a handful of peers, pieces and trackers, in and out of range.
fn event() -> impl Strategy<Value = Event> {
    let cause = (0..Cause::ALL.len()).prop_map(|index| Cause::ALL[index]);
    let piece = (0u32..40).prop_map(|number| Geometry::new(40, 1).unwrap().piece(number).unwrap());
    let state = prop_oneof![
        Just(BlockState::Free),
        proptest::collection::vec(peer_key(), 0..6).prop_map(BlockState::Asked),
        peer_key().prop_map(BlockState::Here),
    ];
    let run = (0u32..9, state).prop_map(|(count, state)| BlockRun { count, state });
    let blocks = proptest::collection::vec(run, 0..4);
    let side = prop_oneof![Just(Side::Us), Just(Side::Them)];
    let direction = prop_oneof![Just(Direction::Out), Just(Direction::In)];
    let transport = prop_oneof![Just(Transport::Tcp), Just(Transport::Utp)];
    let encryption = prop_oneof![Just(Encryption::Plain), Just(Encryption::Mse)];
    let at = (0u64..500_000).prop_map(Duration::from_millis);
    let tracker = (0u16..3).prop_map(TrackerKey);
    let source = prop_oneof![
        tracker.clone().prop_map(Source::Tracker),
        peer_key().prop_map(Source::Pex),
        Just(Source::Dht),
        Just(Source::Lsd),
        Just(Source::Manual),
        Just(Source::Incoming)
    ];
    let standing = prop_oneof![
        Just(FinderStatus::Off),
        Just(FinderStatus::Pending),
        Just(FinderStatus::Ok),
        Just(FinderStatus::Failed)
    ];
    let finder = || proptest::sample::select(Finder::ALL);
    let bitfield = (prop_oneof![Just(30u32), Just(29), Just(0)], any::<u64>(), any::<bool>()).prop_map(
        |(len, bits, full)| {
            let geometry = Geometry::new(30, 1).unwrap();
            let mut field = if full { Bitfield::full(len) } else { Bitfield::empty(len) };
            for piece in geometry.pieces().filter(|piece| bits >> piece.number() & 1 == 1) {
                field.set(piece);
            }
            Arc::new(field)
        },
    );
    let bytes = proptest::collection::vec(any::<u8>(), 0..80);
    let sample = (any::<u64>(), any::<u64>(), 0u32..9).prop_map(|(down, up, out)| PeerSample {
        down_bps: down,
        up_bps: up,
        down_bytes: down,
        up_bytes: up,
        requests_out: out,
        ..Default::default()
    });
    let phase = prop_oneof![
        Just(Phase::Checking),
        Just(Phase::Metadata),
        Just(Phase::Downloading),
        Just(Phase::Seeding),
        Just(Phase::Paused),
        Just(Phase::Stopped)
    ];
    let key = peer_key;
    let of_peers = prop_oneof![
        6 => (key(), any::<[u8; 4]>(), 0u16..9, source).prop_map(|(peer, ip, port, source)| Event::PeerLearned { peer, addr: (ip, port).into(), source }),
        6 => (key(), direction, transport, encryption).prop_map(|(peer, direction, transport, encryption)| Event::AttemptBegan { peer, direction, transport, encryption }),
        4 => key().prop_map(|peer| Event::Connected { peer }),
        3 => (key(), bytes.clone()).prop_map(|(peer, sent)| Event::HandshakeSent { peer, sent }),
        3 => (key(), bytes).prop_map(|(peer, received)| Event::HandshakeBytes { peer, received }),
        5 => key().prop_map(|peer| Event::Handshaken { peer }),
        4 => (key(), bitfield.clone()).prop_map(|(peer, pieces)| Event::Has { peer, pieces }),
        5 => (key(), piece.clone()).prop_map(|(peer, piece)| Event::Have { peer, piece }),
        4 => (key(), side.clone(), any::<bool>()).prop_map(|(peer, by, choking)| Event::Choking { peer, by, choking }),
        3 => (key(), side, any::<bool>()).prop_map(|(peer, by, interested)| Event::Interested { peer, by, interested }),
        3 => key().prop_map(|peer| Event::FirstBlock { peer }),
        3 => (key(), sample).prop_map(|(peer, sample)| Event::PeerSample { peer, sample }),
        6 => (key(), cause.clone()).prop_map(|(peer, cause)| Event::AttemptEnded { peer, cause, error: None, detail: None, bytes_in: 1, bytes_out: 2 }),
        1 => key().prop_map(|peer| Event::HungUp { peer, bytes_in: 3, bytes_out: 4 }),
        2 => (key(), key()).prop_map(|(gone, into)| Event::PeerMerged { gone, into }),
        1 => (key(), proptest::option::of(cause.clone())).prop_map(|(peer, cause)| Event::NotDialled { peer, cause }),
        1 => (key(), any::<bool>()).prop_map(|(peer, dropped)| Event::Dropped { peer, dropped }),
        1 => (key(), any::<bool>()).prop_map(|(peer, held)| Event::Held { peer, held }),
        1 => (key(), proptest::option::of(at.clone())).prop_map(|(peer, until)| Event::Banned { peer, until, reason: "so".to_owned() }),
        1 => (key(), proptest::option::of(at)).prop_map(|(peer, at)| Event::NextTry { peer, at }),
        1 => (key(), 0u64..9, 0u64..9).prop_map(|(peer, bytes_in, bytes_out)| Event::Traffic { peer, bytes_in, bytes_out }),
        1 => key().prop_map(|peer| Event::LooksLike { peer, what: LooksLike::Ssh }),
        1 => key().prop_map(|peer| Event::Agreed { peer, payload: Payload::Rc4 }),
        1 => (key(), 0u32..60, 0u32..60).prop_map(|(peer, named, new)| Event::Named { peer, named, new }),
        2 => (key(), metadata_step()).prop_map(|(peer, step)| Event::Metadata { peer, step }),
        2 => (key(), figures()).prop_map(|(peer, figures)| Event::Stream { peer, figures }),
        2 => (key(), punch_step()).prop_map(|(peer, step)| Event::Punch { peer, step }),
        1 => any::<bool>().prop_map(|on| Event::Recording { on }),
    ];
    let of_the_rest = prop_oneof![
        piece.clone().prop_map(|piece| Event::PieceOpened { piece }),
        piece.clone().prop_map(|piece| Event::PieceClosed { piece }),
        (piece.clone(), proptest::collection::vec(peer_key(), 0..3))
            .prop_map(|(piece, from)| Event::PieceVerified { piece, from }),
        (piece.clone(), blocks).prop_map(|(piece, blocks)| Event::PieceBlocks { piece, blocks }),
        (piece, proptest::collection::vec(key(), 0..6))
            .prop_map(|(piece, from)| Event::PieceFailed { piece, from }),
        bitfield.prop_map(|pieces| Event::Had { pieces }),
        (0u8..4, any::<bool>()).prop_map(|(priority, sequential)| {
            let mut choice = Choice::everything(1);
            choice.sequential = sequential;
            choice.set(
                0,
                [FilePriority::Skip, FilePriority::Low, FilePriority::Normal, FilePriority::High]
                    [usize::from(priority)],
            );
            Event::Chosen { choice: Arc::new(choice) }
        }),
        (finder(), standing, proptest::option::of(Just("so".to_owned())))
            .prop_map(|(finder, status, detail)| Event::Finder { finder, status, detail }),
        (finder(), 0u32..60, 0u32..60).prop_map(|(finder, named, new)| Event::Found { finder, named, new }),
        phase.prop_map(|phase| Event::Phase { phase, reason: None }),
        (any::<u32>(), any::<u32>()).prop_map(|(done, of)| Event::Checked { done, of }),
        (any::<u32>(), any::<u32>()).prop_map(|(done, of)| Event::Preparing { done, of }),
        (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(got, of, bytes)| Event::MetadataParts {
            got,
            of,
            bytes
        }),
        any::<u16>().prop_map(|port| Event::Listening { port }),
        (0u64..9, 0u64..9, 0u64..9).prop_map(|(calls, refused, unfit)| Event::UtpPackets {
            calls,
            refused,
            unfit
        }),
        proptest::option::of(any::<u64>()).prop_map(|down_bps| Event::Limits { down_bps, up_bps: None }),
        (any::<u64>(), any::<u64>())
            .prop_map(|(down_bps, up_bps)| Event::Sample(Sample { down_bps, up_bps })),
        (any::<u64>(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(
            |(written_bps, pending_bytes, memory_bytes, write_ms)| Event::Disk(DiskSample {
                written_bps,
                pending_bytes,
                memory_bytes,
                write_ms
            })
        ),
        (any::<[u8; 4]>(), cause).prop_map(|(ip, cause)| Event::IncomingFailed { addr: ip.into(), cause }),
        tracker.clone().prop_map(|tracker| Event::TrackerKnown {
            tracker,
            tier: 0,
            url: "udp://t".to_owned()
        }),
        tracker.clone().prop_map(|tracker| Event::AnnounceAnswered { tracker, answer: Announced::default() }),
        tracker.prop_map(|tracker| Event::AnnounceFailed {
            tracker,
            error: TrackerError::Timeout,
            text: String::new()
        }),
    ];
    prop_oneof![3 => of_peers, 1 => of_the_rest]
}

/// The same, but only what a run can have.
pub(crate) fn possible_event() -> impl Strategy<Value = Event> {
    let smaller = event().prop_map(|mut event| {
        match &mut event {
            Event::PeerSample { sample, .. } => {
                let PeerSample { down_bps, up_bps, down_bytes, up_bytes, .. } = sample;
                [down_bps, up_bps, down_bytes, up_bytes].into_iter().for_each(|number| *number >>= 24);
            }
            Event::Sample(Sample { down_bps, up_bps }) => {
                [down_bps, up_bps].into_iter().for_each(|bps| *bps >>= 24);
            }
            Event::Disk(disk) => {
                let DiskSample { written_bps, pending_bytes, memory_bytes, .. } = disk;
                [written_bps, pending_bytes, memory_bytes].into_iter().for_each(|number| *number >>= 24);
            }
            Event::Stream { figures, .. } => {
                let StreamFigures { sent, received, resent_fast, resent_timeout, duplicates, .. } = figures;
                let counts = [sent, received, resent_fast, resent_timeout, duplicates];
                counts.into_iter().for_each(|packets| *packets >>= 24);
            }
            Event::Limits { down_bps, .. } => *down_bps = down_bps.map(|bps| bps >> 24),
            Event::HandshakeSent { sent: bytes, .. } | Event::HandshakeBytes { received: bytes, .. } => {
                bytes.truncate(68);
            }
            _ => {}
        }
        event
    });
    let geometry = Geometry::new(30, 1).unwrap();
    smaller.prop_filter("possible", move |event| event.clone().check(Some(&geometry)).is_ok())
}

/// What must hold of every view.
fn holds(view: &View, before: Option<&View>) -> Result<(), TestCaseError> {
    let groups = view.groups;
    let sum = groups.live + groups.trying + groups.failed + groups.left + groups.queued + groups.banned;
    prop_assert_eq!(sum, view.funnel.known);
    let funnel = view.funnel;
    let steps = [
        funnel.known,
        funnel.dialled,
        funnel.connected,
        funnel.handshaken,
        funnel.unchoked,
        funnel.transferring,
    ];
    for pair in steps.windows(2) {
        prop_assert!(pair[1] <= pair[0]);
    }
    for (step, pair) in view.way().windows(2).enumerate() {
        prop_assert!(pair[1] <= pair[0]);
        let lost: u32 = view.losses[step].causes.iter().map(|(_, count)| count).sum();
        prop_assert_eq!(lost, pair[0] - pair[1], "step {}", step);
    }
    prop_assert!(!view.verdicts.is_empty());
    if let Err(words) = agrees_with_counts(view) {
        prop_assert!(false, "{words}");
    }
    for record in &view.peers {
        let open = record.attempts.iter().filter(|attempt| attempt.ended.is_none()).count();
        prop_assert!(open <= 1);
        let hung_up = open == 0 && record.group == Group::Live;
        prop_assert_eq!(open == 1 || hung_up, matches!(record.group, Group::Live | Group::Trying));
        let told = record.telling_attempt();
        let stays = told.is_some_and(|told| told.handshaken.is_some() && told.cause.is_none());
        prop_assert!(!hung_up || stays, "live by nothing: {:?}", record);
        let over = record.last_attempt().map(|attempt| attempt.transport);
        prop_assert!(record.stream.is_none() || over == Some(Transport::Utp), "{:?}", record);
        prop_assert_eq!(
            record.cause.is_none(),
            open == 1 || hung_up,
            "a reason, or a connection: {:?}",
            record
        );
        let old = before.and_then(|view| view.peers.iter().find(|old| old.key == record.key));
        prop_assert!(old.is_none_or(|old| old.stage <= record.stage), "the stage went back");
    }
    let map = &view.pieces;
    for (index, held) in map.held_by.iter().enumerate() {
        let piece = view.torrent.piece(index as u32).unwrap();
        let sets =
            view.peers.iter().filter(|record| record.is_live()).filter_map(|record| record.has.as_ref());
        prop_assert_eq!(usize::from(*held), sets.filter(|set| !set.is_full() && set.has(piece)).count());
    }
    Ok(())
}

proptest! {
    #[test]
    fn takes_any_events_in_any_order(steps in proptest::collection::vec((0u64..3000, event()), 1..120), most_rows in 4usize..20) {
        let mut run = Script::with_ledger(30, Ledger::with_most_rows(facts(30), most_rows));
        let mut before = None;
        for (ms, event) in steps {
            run.wait_ms(ms).tell(event);
            let view = run.view();
            holds(&view, before.as_deref())?;
            before = Some(view);
        }
    }

    #[test]
    fn a_magnet_takes_any_events_before_and_after_its_metadata_are_known(
        steps in proptest::collection::vec((0u64..3000, event()), 1..120), known in any::<prop::sample::Index>()
    ) {
        let mut run = Script::with_ledger(30, Ledger::with_most_rows(magnet(), 8));
        let known = known.index(steps.len());
        for (number, (ms, event)) in steps.into_iter().enumerate() {
            if number == known {
                run.ledger.know(run.at, facts(30));
            }
            run.wait_ms(ms).tell(event);
            let view = run.view();
            holds(&view, None)?;
            prop_assert_eq!(view.torrent.metadata.is_some(), number >= known);
            prop_assert_eq!(view.metadata.is_none(), number >= known);
            let again = Ledger::restore(Arc::clone(&view.torrent), run.ledger.snapshot());
            if let Ok(mut again) = again {
                prop_assert_eq!(again.view(run.at).metadata, view.metadata);
            }
        }
    }

    #[test]
    fn the_same_events_give_the_same_view(steps in proptest::collection::vec((0u64..3000, event()), 1..80), looks in any::<u64>()) {
        let (mut one, mut other) = (Script::downloading(30), Script::downloading(30));
        for (number, (ms, event)) in steps.into_iter().enumerate() {
            one.wait_ms(ms).tell(event.clone());
            other.wait_ms(ms).tell(event);
            if looks >> (number % 64) & 1 == 1 {
                other.view();
            }
        }
        prop_assert_eq!(one.view(), other.view(), "looking changes nothing");
    }
}
