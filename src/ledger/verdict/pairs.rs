//! The whole table, rule by rule: a run that provokes it, and one that nearly does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::say::MOST_COLUMNS;
use super::table::{Kind, RULES};
use super::{VerdictCode as Code, agrees_with_counts};
use crate::event::{
    Cause, DhtFact, Direction, DiskSample, Encryption, Event, Finder, FinderStatus, MappingFact,
    MappingProtocol, MappingStep, MetadataStep, PeerKey, Phase, Queued, Severity, Side, Source, TrackerError,
    Transport, WebSeedKey, WebSeedStep, advised,
};
use crate::ledger::script::Script;
use crate::metainfo::{Choice, FilePriority};
use crate::units::Units;

const MIB: u64 = 1 << 20;

type Run = fn() -> Script;

fn downloading() -> Script {
    Script::downloading(10_000)
}

/// Two seeds, of which the first sends at this rate for so long.
fn flowing(bps: u64, seconds: u64) -> Script {
    let mut run = downloading();
    let peers = run.open_seeds(2);
    run.send(&peers[..1], bps, seconds);
    run
}

fn seeding(seeds: u32, interested: bool) -> Script {
    let mut run = downloading();
    let peers = run.seeds(seeds);
    run.tell(Event::Interested { peer: peers[0], by: Side::Them, interested });
    run.have_all_but(&[]).phase(Phase::Seeding).wait(5);
    run
}

fn refused(failing: u16, all: u16) -> Script {
    let mut run = downloading();
    for number in 0..all {
        let tracker = run.tracker(number);
        if number < failing {
            run.refuse(tracker, TrackerError::Timeout);
        }
    }
    run
}

fn dials(timed_out: usize, refused: usize) -> Script {
    let mut run = downloading();
    let peers = run.peers((timed_out + refused) as u32);
    run.fail_all(&peers[..timed_out], Cause::ConnectTimeout);
    run.fail_all(&peers[timed_out..], Cause::ConnectionRefused);
    run
}

fn unreachable(peers: u32, but: Option<Cause>) -> Script {
    let mut run = downloading();
    let peers = run.peers(peers);
    run.fail_all(&peers, Cause::NetworkUnreachable);
    if let Some(cause) = but {
        let more = run.peers(1);
        run.fail_all(&more, cause);
    }
    run
}

fn wanting_encryption(peers: u32) -> Script {
    let mut run = downloading();
    for peer in run.peers(peers) {
        run.connect(peer).end(peer, Cause::ClosedBeforeHandshake);
        run.begin(peer, Direction::Out, Encryption::Mse).handshake(peer, b"-TR4060-abcdefghijkl");
    }
    run
}

fn choked(seconds: u64, held: bool) -> Script {
    let mut run = downloading();
    for peer in run.seeds(2) {
        run.tell(Event::Held { peer, held });
    }
    run.wait(seconds);
    run
}

fn silent(of_two: usize, seconds: u64) -> Script {
    let mut run = downloading();
    let peers = run.open_seeds(2);
    for peer in &peers[..of_two] {
        run.asked_in_vain(*peer);
    }
    run.wait(seconds);
    run
}

fn holding(pieces: u32, seconds: u64) -> Script {
    let mut run = Script::downloading(10);
    let peer = run.peers(1)[0];
    run.live(peer).has(peer, &(0..pieces).collect::<Vec<_>>()).want(peer).wait(seconds);
    run
}

fn poisoned(pieces: u32, by: u32) -> Script {
    let mut run = flowing(MIB, 3);
    let peers = run.seeds(by);
    for number in 0..pieces {
        let piece = run.piece(number);
        run.tell(Event::PieceFailed { piece, from: vec![peers[(number % by) as usize]] });
    }
    run
}

/// Three sent wrong data, so long ago; the others went on.
fn poisoned_for(seconds: u64) -> Script {
    let mut run = poisoned(3, 3);
    run.send(&[PeerKey(0)], MIB, seconds);
    run
}

fn listening(seconds: u64, called_by: Option<&str>) -> Script {
    let mut run = flowing(MIB, 1);
    run.tell(Event::Listening { port: 6881 }).wait(seconds);
    if let Some(addr) = called_by {
        run.called_by(addr);
    }
    run
}

fn snubbing(of_five: usize) -> Script {
    let mut run = downloading();
    let peers = run.open_seeds(5);
    for peer in &peers[..of_five] {
        run.asked_in_vain(*peer);
    }
    run.send(&peers[of_five..], MIB, 20);
    run
}

fn losing(peers: u32) -> Script {
    let mut run = flowing(MIB, 3);
    let lost = run.peers(peers);
    run.fail_all(&lost, Cause::ConnectionRefused);
    run
}

fn named(refused: usize, hung_up: usize) -> Script {
    let mut run = downloading();
    let tracker = run.tracker(0);
    run.answer(tracker, (refused + hung_up) as u32);
    let peers = run.peers((refused + hung_up) as u32);
    run.fail_all(&peers[..refused], Cause::ConnectionRefused);
    run.refuse_hands(&peers[refused..], Cause::ClosedBeforeHandshake);
    run
}

/// Three that answer so, and some that hang up.
fn answering(cause: Cause, hung_up: usize) -> Script {
    let mut run = downloading();
    let peers = run.peers(3 + hung_up as u32);
    run.refuse_hands(&peers[hung_up..], cause);
    run.refuse_hands(&peers[..hung_up], Cause::ClosedBeforeHandshake);
    run
}

/// Four that shake hands, wait, and hang up; some of them send a block first.
fn hanging_up(seconds: u64, sent: usize) -> Script {
    let mut run = downloading();
    let peers = run.seeds(4);
    for peer in &peers[..sent] {
        run.unchoke(*peer).send(&[*peer], MIB, 1);
    }
    run.wait(seconds);
    for peer in peers {
        run.end(peer, Cause::ClosedByPeer);
    }
    run
}

/// Six connections begun one after the other; each ends after four seconds, and each later one this much later.
fn cut(later_s: u64) -> Script {
    let mut run = downloading();
    for number in 0..6 {
        let peers = run.seeds(1);
        run.wait(4 + number * later_s).end(peers[0], Cause::ResetByPeer);
    }
    run
}

/// Peers at the usual ports that are silent, beside eight at others that answer.
fn at_usual_ports(silent: u8) -> Script {
    let mut run = downloading();
    let peers: Vec<PeerKey> = (1..=silent).map(|n| run.peer(&format!("80.9.9.{n}:68{}", 80 + n))).collect();
    run.fail_all(&peers, Cause::ConnectTimeout);
    let others: Vec<PeerKey> = (1..=8).map(|n| run.peer(&format!("80.8.8.{n}:5{n}000"))).collect();
    run.fail_all(&others, Cause::ConnectionRefused);
    for other in &others[..4] {
        run.live(*other);
    }
    run
}

/// A torrent without a tracker whose DHT stands so: these of its bootstrap names are silent, those answered. One peer
/// was named where any name is resolved, and opened the connection.
fn bootstrapping(status: FinderStatus, silent: &[u8], answered: &[u8]) -> Script {
    let mut run = downloading();
    run.tell(Event::Finder { finder: Finder::Dht, status, detail: None });
    if !silent.is_empty() {
        let peer = run.peer_from("80.1.1.1:6881", Source::Manual);
        run.connect(peer).end(peer, Cause::ClosedBeforeHandshake);
        run.tell(Event::Dht(DhtFact::BootstrapWanted));
    }
    for n in silent.iter().chain(answered) {
        let addr = ([198, 51, 100, *n], 6881).into();
        run.tell(Event::Dht(DhtFact::BootstrapResolved { name: format!("node{n}.example:6881"), addr }));
        run.tell(Event::Dht(DhtFact::BootstrapAsked { addr }));
        let answer = match silent.contains(n) {
            true => DhtFact::BootstrapSilent { addr },
            false => DhtFact::BootstrapAnswered { addr, after_ms: 40 },
        };
        run.tell(Event::Dht(answer));
    }
    run.wait(12);
    run
}

/// A torrent without a tracker and with web seeds, of which these many fail.
fn web_seeds_failing(failing: u16, all: u16) -> Script {
    let mut run = downloading();
    run.tell(Event::Finder { finder: Finder::Dht, status: FinderStatus::Off, detail: None });
    for number in 0..all {
        let seed = WebSeedKey(number);
        let url = format!("http://files{number}.example");
        run.tell(Event::WebSeed { seed, step: WebSeedStep::Known { url } });
        run.tell(Event::WebSeed { seed, step: WebSeedStep::Asked { bytes: 1 << 20 } });
        if number < failing {
            let (cause, status, detail) = (Cause::HttpStatus, Some(404), "it answered 404".to_owned());
            let next = Some(Duration::from_secs(60));
            run.tell(Event::WebSeed { seed, step: WebSeedStep::Failed { cause, status, detail, next } });
        }
    }
    run.wait(2);
    run
}

/// A router tells this outside address, and then this is what came of it.
fn asking_routers(step: MappingStep, outside: [u8; 4]) -> Script {
    let mut run = downloading();
    run.tell(Event::Listening { port: 6881 });
    let protocol = Some(MappingProtocol::NatPmp);
    let fact = MappingFact { protocol, ..MappingFact::default() };
    let outside = Some(outside.into());
    run.tell(Event::Mapping(MappingFact { step: MappingStep::Outside, outside, ..fact.clone() }));
    run.tell(Event::Mapping(MappingFact { step, ..fact }));
    run.wait(1);
    run
}

/// Five peers that this transport reaches and the other one does not, and some that the other one does.
fn only_over(over: Transport, others: u32) -> Script {
    let mut run = downloading();
    for peer in run.peers(5) {
        run.dial_over(peer, over.other()).end(peer, Cause::ConnectTimeout);
        run.dial_over(peer, over).handshake(peer, b"-TR4060-abcdefghijkl");
    }
    for peer in run.peers(others) {
        run.dial_over(peer, over.other()).handshake(peer, b"-TR4060-abcdefghijkl");
    }
    run
}

fn limited(limit: u64) -> Script {
    let mut run = flowing(MIB, 10);
    run.limit_down(limit);
    run
}

/// A slow disk, for which so much waits.
fn writing(seconds: u64, pending_bytes: u64) -> Script {
    let mut run = downloading();
    let peers = run.open_seeds(2);
    for _ in 0..=seconds {
        let (written_bps, memory_bytes, write_ms) = (19 * MIB, 20 * MIB, 55);
        run.tell(Event::Disk(DiskSample { written_bps, pending_bytes, memory_bytes, write_ms }));
        run.send(&peers[..1], 19 * MIB, 1);
    }
    run
}

fn quiet(seconds: u64) -> Script {
    let mut run = downloading();
    let peer = run.peer_from("80.1.1.1:6881", Source::Manual);
    // A tracker that has not answered may still name others.
    run.tracker(0);
    run.fail(peer, Cause::ConnectTimeout).wait(seconds);
    run
}

fn in_phase(phase: Phase) -> Script {
    let mut run = flowing(MIB, 3);
    run.phase(phase).wait(2);
    run
}

/// All that is wanted is here, and of the one file of the torrent this much is.
fn choosing(priority: FilePriority) -> Script {
    let mut run = downloading();
    let choice = Choice::new(vec![priority], false);
    run.have_all_but(&[]).tell(Event::Chosen { choice: Arc::new(choice) }).phase(Phase::Seeding).wait(2);
    run
}

/// A magnet: of three peers that offer the metadata this number refuses.
fn refused_metadata(refusing: usize) -> Script {
    let mut run = Script::magnet();
    for (number, peer) in run.peers(3).into_iter().enumerate() {
        run.live(peer).tell(Event::Metadata { peer, step: MetadataStep::Offered { bytes: 9000 } });
        run.tell(Event::Metadata { peer, step: MetadataStep::Asked { part: 0 } });
        if number < refusing {
            run.tell(Event::Metadata { peer, step: MetadataStep::Refused { part: 0 } });
        }
    }
    run.wait(4);
    run
}

fn just_stopped_flowing(seconds: u64) -> Script {
    let mut run = flowing(MIB, 3);
    run.wait(seconds);
    run
}

fn resumed() -> Script {
    let mut run = in_phase(Phase::Paused);
    run.phase(Phase::Downloading);
    run
}

/// It waits for others.
const QUEUED: Phase = Phase::Queued(Queued::Downloading { most: 5 });

/// Every rule with a run in which it speaks and one in which it all but does.
const PAIRS: &[(Code, Kind, Run, Run)] = &[
    (Code::DiskTrouble, Kind::Whole, || in_phase(Phase::Stopped), || in_phase(Phase::Paused)),
    (Code::Paused, Kind::Whole, || in_phase(Phase::Paused), resumed),
    (Code::Queued, Kind::Whole, || in_phase(QUEUED), || in_phase(Phase::Paused)),
    (Code::Unknown, Kind::Whole, || in_phase(Phase::Checking), downloading),
    (Code::NothingWanted, Kind::Whole, || choosing(FilePriority::Skip), || choosing(FilePriority::Low)),
    (Code::Complete, Kind::Whole, || in_phase(Phase::Seeding), || flowing(MIB, 3)),
    (Code::Slow, Kind::Whole, || flowing(20 * 1024, 31), || flowing(20 * 1024, 29)),
    (Code::Healthy, Kind::Whole, || flowing(MIB, 3), || just_stopped_flowing(11)),
    (Code::OwnLimits, Kind::Trouble, || limited(MIB), || limited(2 * MIB)),
    (Code::DiskSlow, Kind::Trouble, || writing(4, 3 * MIB), || writing(4, MIB)),
    (Code::TrackersFailing, Kind::Trouble, || refused(2, 2), || refused(1, 2)),
    (
        Code::NoPeersKnown,
        Kind::Trouble,
        || {
            let mut run = downloading();
            run.wait(5);
            run
        },
        || {
            let mut run = downloading();
            run.tracker(0);
            run.wait(30);
            run
        },
    ),
    (
        Code::AddressFamilyDead,
        Kind::Trouble,
        || unreachable(3, None),
        || unreachable(3, Some(Cause::ConnectTimeout)),
    ),
    (Code::EncryptionWanted, Kind::Trouble, || wanting_encryption(3), || wanting_encryption(2)),
    (Code::PiecesMissing, Kind::Trouble, || holding(9, 36), || holding(10, 36)),
    (Code::UnchokedButSilent, Kind::Trouble, || silent(2, 10), || silent(2, 9)),
    (Code::DialsTimeOut, Kind::Trouble, || dials(8, 2), || dials(79, 21)),
    (Code::AllChokeUs, Kind::Trouble, || choked(10, false), || choked(9, false)),
    (Code::BadDataManyPeers, Kind::Whole, || poisoned_for(20), || poisoned_for(31)),
    (Code::BadDataManyPeers, Kind::Trouble, || poisoned_for(31), || poisoned(3, 2)),
    (Code::BadDataOnePeer, Kind::Trouble, || poisoned(2, 1), || poisoned(2, 2)),
    (Code::PortUnreached, Kind::Note, || listening(180, None), || listening(180, Some("81.2.3.4:5555"))),
    (Code::SnubbedByMost, Kind::Note, || snubbing(3), || snubbing(2)),
    (Code::Healthy, Kind::Note, || losing(3), || losing(2)),
    (Code::StaleTracker, Kind::Trouble, || named(10, 0), || named(9, 1)),
    (Code::SeedsOnly, Kind::Note, || seeding(2, false), || seeding(2, true)),
    (
        Code::OtherTorrent,
        Kind::Trouble,
        || answering(Cause::InfoHashMismatch, 0),
        || answering(Cause::InfoHashMismatch, 1),
    ),
    (
        Code::AnsweredByOthers,
        Kind::Trouble,
        || answering(Cause::NotBittorrent, 0),
        || answering(Cause::NotBittorrent, 1),
    ),
    (Code::TurnedAway, Kind::Trouble, || hanging_up(9, 0), || hanging_up(9, 1)),
    (Code::CutRegularly, Kind::Trouble, || cut(0), || cut(1)),
    (Code::PortsBlocked, Kind::Note, || at_usual_ports(8), || at_usual_ports(7)),
    (Code::WebSeedsFailing, Kind::Trouble, || web_seeds_failing(2, 2), || web_seeds_failing(1, 2)),
    (
        Code::NoSources,
        Kind::Trouble,
        || bootstrapping(FinderStatus::Off, &[], &[]),
        || bootstrapping(FinderStatus::Pending, &[], &[]),
    ),
    (
        Code::UdpBlocked,
        Kind::Trouble,
        || bootstrapping(FinderStatus::Pending, &[1, 2], &[]),
        || bootstrapping(FinderStatus::Pending, &[1], &[]),
    ),
    (
        Code::DhtEmpty,
        Kind::Trouble,
        || bootstrapping(FinderStatus::Pending, &[1], &[]),
        || bootstrapping(FinderStatus::Pending, &[1], &[2]),
    ),
    (
        Code::BehindTwoRouters,
        Kind::Note,
        || asking_routers(MappingStep::Mapped, [100, 64, 0, 1]),
        || asking_routers(MappingStep::Mapped, [198, 51, 100, 1]),
    ),
    (
        Code::PortNotMapped,
        Kind::Note,
        || asking_routers(MappingStep::GaveUp, [198, 51, 100, 1]),
        || asking_routers(MappingStep::Mapped, [198, 51, 100, 1]),
    ),
    (Code::UtpOnly, Kind::Note, || only_over(Transport::Utp, 0), || only_over(Transport::Utp, 1)),
    (Code::TcpOnly, Kind::Note, || only_over(Transport::Tcp, 0), || only_over(Transport::Tcp, 1)),
    (Code::MetadataMissing, Kind::Trouble, || refused_metadata(3), || refused_metadata(2)),
    (Code::Stalled, Kind::Last, || quiet(30), || quiet(29)),
    (Code::Unknown, Kind::Last, || quiet(29), || quiet(30)),
];

fn speaks(run: &mut Script, code: Code, kind: Kind) -> bool {
    run.verdicts();
    run.ledger.run.judged.tells(code, kind)
}

#[test]
fn every_rule_speaks_where_it_must_and_is_silent_where_it_all_but_must() {
    let (mut rules, mut codes) = (BTreeSet::new(), BTreeSet::new());
    for (code, kind, provoked, nearly) in PAIRS {
        assert!(speaks(&mut provoked(), *code, *kind), "{code:?} {kind:?} is provoked");
        assert!(!speaks(&mut nearly(), *code, *kind), "{code:?} {kind:?} is only near");
        rules.insert((*code, *kind as u8));
        codes.insert(*code);
    }
    let table: BTreeSet<_> = RULES.iter().map(|rule| (rule.code, rule.kind as u8)).collect();
    assert_eq!(rules, table, "every rule of the table is tried");
    assert_eq!(table.len(), RULES.len(), "code and kind name a rule");
    assert_eq!(codes.len(), 39, "every code of the contract");
}

#[test]
fn every_rule_fits_a_row_of_forty_columns() {
    for (code, kind, provoked, nearly) in PAIRS {
        for verdict in [provoked(), nearly()].into_iter().flat_map(|mut run| run.verdicts()) {
            let headline = &verdict.headline;
            assert!(headline.chars().count() <= MOST_COLUMNS, "{code:?} {kind:?}: {headline}");
            assert!(headline.ends_with('.') && headline.len() > 4, "{code:?} {kind:?}: {headline}");
        }
    }
}

/// Every amount of a sentence stands in the evidence, so it can be told in other units.
#[test]
fn every_rule_names_its_amounts_in_the_units_of_the_screen() {
    let mut reworded = 0;
    for (code, kind, provoked, nearly) in PAIRS {
        for verdict in [provoked(), nearly()].into_iter().flat_map(|mut run| run.verdicts()) {
            let decimal = verdict.in_units(Units::Decimal);
            for said in
                [&decimal.text, &decimal.advice, &decimal.brief.0, &decimal.brief.1, &decimal.headline]
            {
                assert!(!said.contains("iB"), "{code:?} {kind:?}: {said}");
            }
            reworded += usize::from(decimal.text != verdict.text);
            assert_eq!(verdict.in_units(Units::Binary), verdict);
        }
    }
    assert!(reworded >= 3, "{reworded} have amounts");
    let full = "/data has 1.0 MiB free, but 3.0 GiB are still to be written";
    let mut run = downloading();
    run.tell(Event::Phase { phase: Phase::Stopped, reason: Some(full.to_owned()) });
    let said = run.first().in_units(Units::Decimal).text;
    assert_eq!(said, "Stopped: /data has 1.0 MB free, but 3.2 GB are still to be written.");
}

/// Where each is told, whichever speaks first: what is takes two lines of 80 columns at most, and what to do one.
#[test]
fn every_rule_says_briefly_what_is_and_what_to_do() {
    const COLUMNS: usize = 76;
    for (code, kind, provoked, _) in PAIRS {
        let mut run = provoked();
        let verdicts = run.verdicts();
        assert!(verdicts.iter().any(|verdict| verdict.code == *code), "{code:?}");
        for (at, verdict) in verdicts.iter().enumerate() {
            let (told, advice) = (&verdict.brief.0, advised(&verdict.brief.1));
            let columns = if at == 0 { 2 * COLUMNS - 10 } else { COLUMNS };
            assert!(told.chars().count() <= columns, "{code:?} {kind:?}: {told}");
            assert!(advice.chars().count() <= COLUMNS, "{code:?} {kind:?}: {advice}");
            assert!(told.ends_with('.'), "{told}");
            for said in [&verdict.advice, &verdict.brief.1] {
                assert!(
                    verdict.severity < Severity::Warn || said.ends_with('.'),
                    "{verdict:?} says what to do"
                );
            }
        }
    }
}

#[test]
fn what_is_verified_so_far_is_the_number_that_the_header_has() {
    let mut run = Script::downloading(30);
    run.phase(Phase::Checking);
    for done in [3, 17, 30] {
        run.wait_ms(10).tell(Event::Checked { done, of: 30 });
        let words = format!("Looking at what is already on disk: {done} of 30 pieces so far.");
        assert_eq!(run.view().verdicts[0].text, words);
    }
}

#[test]
fn a_judgement_never_contradicts_the_counts_beside_it() {
    let mut run = downloading();
    let tracker = run.tracker(0);
    assert_eq!(run.first().text, "Asking 1 tracker for peers.");
    run.answer(tracker, 20);
    let peers = run.peers(20);
    for peer in &peers[..9] {
        run.seed(*peer).unchoke(*peer);
        agrees_with_counts(&run.view()).unwrap();
    }
    // No second is over yet, and the last judgement was that nobody is known.
    assert_eq!(run.view().verdicts[0].text, "Getting started: 9 peers are connected, nothing has come yet.");
    run.send(&peers[..9], MIB, 3);
    run.fail_all(&peers[9..14], Cause::ConnectionRefused);
    let says = |run: &mut Script, words: &str| {
        let view = run.view();
        agrees_with_counts(&view).unwrap();
        assert!(view.verdicts.iter().any(|verdict| verdict.text.contains(words)), "{:?}", view.verdicts);
    };
    run.tell(Event::Sample(Default::default()));
    says(&mut run, "5 of 20 peers failed, most of them offline or without a client running.");
    // Between two looks at the rules, and where the rule that was told holds no more.
    run.fail(peers[14], Cause::ConnectTimeout);
    says(&mut run, "6 of 20 peers failed");
    run.end(peers[0], Cause::ClosedByPeer);
    says(&mut run, "8 live peers are sending");
    for peer in &peers[9..15] {
        run.dial(*peer);
        agrees_with_counts(&run.view()).unwrap();
    }
    for peer in &peers[1..9] {
        run.end(*peer, Cause::ClosedByPeer);
        agrees_with_counts(&run.view()).unwrap();
    }
}

#[test]
fn what_the_user_does_is_answered_at_once() {
    let mut run = choked(20, false);
    assert!(speaks(&mut run, Code::AllChokeUs, Kind::Trouble));
    for peer in run.view().peers.iter().map(|record| record.key) {
        run.tell(Event::Held { peer, held: true });
    }
    assert!(!speaks(&mut run, Code::AllChokeUs, Kind::Trouble));
    let mut run = limited(MIB);
    run.limit_down(2 * MIB);
    assert!(!speaks(&mut run, Code::OwnLimits, Kind::Trouble));
    run.limit_down(0);
    assert!(run.view().verdicts.iter().any(|verdict| verdict.code == Code::OwnLimits), "without a tick");
    run.phase(Phase::Paused);
    assert_eq!(run.view().verdicts[0].code, Code::Paused, "without a tick");
}

#[test]
fn rules_are_judged_on_recorded_facts_alone() {
    let mut run = downloading();
    run.wait(10);
    run.seeds(2);
    let told = run.view().verdicts.clone();
    run.at += Duration::from_secs(60);
    assert_eq!(run.view().verdicts, told, "time alone judges nothing");
    run.tell(Event::Sample(Default::default()));
    assert_eq!(run.view().verdicts[0].code, Code::AllChokeUs);
}
