use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{DiskSample, Event, PeerKey, Phase};
use crate::ledger::script::{Script, facts};
use crate::ledger::tests::any::possible_event;

/// Written down and read again.
fn through_bytes(snapshot: &Snapshot) -> Snapshot {
    postcard::from_bytes(&postcard::to_stdvec(snapshot).unwrap()).unwrap()
}

fn restored(ledger: &Ledger) -> Ledger {
    Ledger::restore(Arc::clone(&ledger.facts), through_bytes(&ledger.snapshot())).unwrap()
}

proptest! {
    #[test]
    fn a_snapshot_and_the_rest_give_what_all_events_give(
        steps in proptest::collection::vec((0u64..3000, possible_event()), 1..150), cut in 0usize..150, most_rows in 4usize..20
    ) {
        let mut at = Duration::ZERO;
        let mut whole = Ledger::with_most_rows(facts(30), most_rows);
        let mut cut_off = whole.clone();
        for (number, (ms, event)) in steps.iter().enumerate() {
            at += Duration::from_millis(*ms);
            whole.apply(at, event);
            cut_off.apply(at, event);
            if number == cut % steps.len() {
                cut_off = restored(&cut_off);
                prop_assert_eq!(whole.view(at), cut_off.view(at), "at the cut");
            }
        }
        prop_assert_eq!(whole.view(at), cut_off.view(at), "at the end");
        let later = at + Duration::from_secs(4000);
        prop_assert_eq!(whole.view(later), cut_off.view(later));
    }

    #[test]
    fn no_snapshot_makes_a_ledger_that_fails(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        steps in proptest::collection::vec((0u64..3000, possible_event()), 1..60)
    ) {
        let (half, rest) = steps.split_at(steps.len() / 2);
        let mut run = Script::with_ledger(30, Ledger::new(facts(30)));
        half.iter().for_each(|(ms, event)| { run.wait_ms(*ms).tell(event.clone()); });
        let mut bytes = postcard::to_stdvec(&run.ledger.snapshot()).unwrap();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let Ok(snapshot) = postcard::from_bytes::<Snapshot>(&bytes) else { return Ok(()) };
        let Ok(ledger) = Ledger::restore(facts(30), snapshot) else { return Ok(()) };
        run.ledger = ledger;
        for (ms, event) in rest {
            run.wait_ms(*ms).tell(event.clone()).view();
        }
        run.wait(4000).view();
    }
}

#[test]
fn keeps_what_a_long_run_knows() {
    let mut run = Script::downloading(30);
    let peers = run.peers(40);
    let tracker = run.tracker(0);
    run.answer(tracker, 40);
    for pair in peers[..20].chunks(2) {
        run.wait_ms(100).seed(pair[0]).unchoke(pair[0]).fail(pair[1], crate::event::Cause::ConnectTimeout);
    }
    run.send(&[peers[0], peers[2]], 10_000, 200);
    let piece = run.piece(3);
    run.tell(Event::PieceFailed { piece, from: vec![peers[0]] });
    let (written_bps, write_ms) = (1_000_000, 300);
    run.tell(Event::Disk(DiskSample {
        written_bps,
        pending_bytes: 8 << 20,
        memory_bytes: 16 << 20,
        write_ms,
    }));
    let mut taken_up = restored(&run.ledger);
    assert_eq!(run.view(), taken_up.view(run.at));
    // What the disk did a moment ago is known as well: a verdict of it is not due before some seconds.
    assert_eq!(taken_up.run.disk, run.ledger.run.disk);
    run.phase(Phase::Paused);
    assert_ne!(run.view(), taken_up.view(run.at));
}

#[test]
fn makes_texts_of_strangers_safe() {
    let mut run = Script::downloading(30);
    run.wait(1).tell(Event::Note {
        severity: crate::event::Severity::Info,
        text: "a\x1b[31mb".to_owned(),
        answer: true,
    });
    let view = restored(&run.ledger).view(run.at);
    assert_eq!(view.log.last().unwrap().text, "a·[31mb");
    assert_eq!(view.answer.as_ref().unwrap().1, "a·[31mb");
}

#[test]
fn refuses_what_no_ledger_writes() {
    let ledger = Script::downloading(30).ledger;
    let restore = |snapshot: Snapshot| Ledger::restore(facts(30), through_bytes(&snapshot)).map(drop);
    assert_eq!(restore(ledger.snapshot()), Ok(()));
    assert!(restore(Ledger::new(facts(31)).snapshot()).is_err());
    let mut late = ledger.snapshot();
    late.run.phase_since = Duration::MAX;
    assert_eq!(restore(late), Err(Invalid("a time beyond any run")));
    let mut run = Script::downloading(30);
    let peers: Vec<PeerKey> = run.peers(2);
    run.seed(peers[0]);
    assert_eq!(restore(run.ledger.snapshot()), Ok(()));
    let other = Ledger::restore(facts(29), through_bytes(&run.ledger.snapshot()));
    assert!(other.is_err());
}
