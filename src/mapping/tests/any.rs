//! Whatever comes, in whatever order.

use proptest::prelude::*;

use super::*;

/// Something that may happen.
#[derive(Clone, Debug)]
enum Event {
    /// Bytes of somebody.
    Bytes(Vec<u8>),
    /// A packet that was sent comes back as an answer, these bytes of it changed.
    Answer(usize, Vec<(usize, u8)>),
    Closed,
    Unreachable,
    Upnp(Answer),
    Later(u64),
    Release,
}

fn event() -> impl Strategy<Value = Event> {
    let upnp = prop_oneof![
        Just(Answer::Found(GATEWAY.into())),
        Just(Answer::Outside(GATEWAY.into())),
        Just(Answer::Done),
        Just(Answer::Silent),
        (0u16..1000).prop_map(|code| Answer::Refused(code, "no".to_owned())),
        Just(Answer::Refused(725, "no".to_owned())),
        Just(Answer::Refused(718, "no".to_owned())),
        Just(Answer::Failed("no".to_owned())),
    ];
    let changes = proptest::collection::vec((0usize..60, any::<u8>()), 0..4);
    prop_oneof![
        2 => proptest::collection::vec(any::<u8>(), 0..70).prop_map(Event::Bytes),
        8 => (0usize..100, changes).prop_map(|(which, changes)| Event::Answer(which, changes)),
        1 => Just(Event::Closed),
        1 => Just(Event::Unreachable),
        6 => upnp.prop_map(Event::Upnp),
        6 => (0u64..700_000).prop_map(Event::Later),
        1 => Just(Event::Release),
    ]
}

proptest! {
    #[test]
    fn nothing_that_a_router_does_breaks_it(events in proptest::collection::vec(event(), 0..60), grants: bool) {
        let speaks = if grants { Speaks::Grants } else { Speaks::Never };
        let mut run = Run::new(Router { pcp: speaks, nat_pmp: speaks, ..Router::default() });
        let mut sent = 0;
        for event in events {
            match event {
                Event::Bytes(bytes) => run.handle(Input::Datagram { from: run.router.from, bytes: &bytes }),
                Event::Answer(which, changes) => {
                    let Some((_, packet)) = run.sent.get(which % run.sent.len().max(1)) else { continue };
                    let mut router = Router { pcp: Speaks::Grants, nat_pmp: Speaks::Grants, ..Router::default() };
                    let mut answer = router.answer(run.now, &packet.clone()).unwrap();
                    let length = answer.len();
                    changes.into_iter().for_each(|(at, to)| answer[at % length] = to);
                    run.handle(Input::Datagram { from: run.router.from, bytes: &answer });
                }
                Event::Closed => run.handle(Input::Closed),
                Event::Unreachable => run.handle(Input::Unreachable("no".to_owned())),
                Event::Upnp(answer) => run.handle(Input::Upnp(answer)),
                Event::Later(ms) => run.until(run.now + Duration::from_millis(ms)),
                Event::Release => run.handle(Input::Release),
            }
            // What an answer made due at once is done by the next tick. It never asks to be woken for something that is done
            // already, and says no more than a little at a time.
            run.handle(Input::Tick);
            let due = run.mapper.deadline();
            prop_assert!(due.is_none_or(|due| due > run.now || due == At::ZERO), "{due:?} at {:?}", run.now);
            prop_assert!(run.sent.len() < sent + 50_000);
            sent = run.sent.len();
        }
        run.handle(Input::Release);
        let end = run.now + Duration::from_millis(700);
        run.until(end);
        let waits = run.coming.iter().any(|(_, coming)| matches!(coming, Coming::Upnp(_)));
        prop_assert!(run.mapper.is_released() || waits);
    }

    #[test]
    fn a_flood_changes_nothing_and_is_answered_by_nothing(
        packets in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..70), 0..200),
    ) {
        let mut run = Run::new(Router { pcp: Speaks::Grants, ..Router::default() });
        run.until_s(100);
        let (facts, sent) = (run.facts.len(), run.sent.len());
        let granted = run.router.answer(run.now, &run.sent[0].1.clone()).unwrap();
        for bytes in packets.iter().chain(std::iter::repeat_n(&granted, 1000)) {
            run.handle(Input::Datagram { from: run.router.from, bytes });
        }
        prop_assert_eq!((run.facts.len(), run.sent.len()), (facts, sent));
    }
}
