//! Filters on the peers of a recording.

use proptest::prelude::*;

use super::*;
use crate::event::{Cause, Source};
use crate::ledger::Group;
use crate::ui::{sample, source};

/// The addresses of the sample's peers that the filter takes.
fn found(text: &str) -> Vec<String> {
    let view = sample::healthy();
    let filter = Filter::parse(text).unwrap();
    let peers = view.peers.iter().filter(|peer| filter.takes(peer, &view));
    peers.map(|peer| peer.addr.to_string()).collect()
}

#[test]
fn takes_what_the_sketch_says() {
    assert_eq!(found("").len(), 50);
    assert_eq!(found("state:failed").len(), 28);
    assert_eq!(found("state:failed why:timeout").len(), 17 + 2, "no answer, and silent after opening");
    assert_eq!(found("client:qB").len(), 3);
    assert_eq!(found("source:tracker").len(), 45);
    assert_eq!(found("source:pex").len(), 5);
    assert_eq!(found("source:manual").len(), 0);
    assert_eq!(
        found("port:51413 state:live"),
        ["[2a01:4f8:c17:1234::2]:51413", "78.47.200.13:51413", "62.210.9.9:51413"]
    );
    assert_eq!(found("down>10k").len(), 7);
    assert_eq!(found("down>1M up>0"), ["[2a01:4f8:c17:1234::2]:51413"]);
}

#[test]
fn a_state_is_a_word_and_no_part_of_one() {
    assert_eq!(found("state:choked").len(), 8, "unchoked is another state");
    assert_eq!(found("state:unch").len(), 2);
    assert_eq!(found("state:\"no answer\"").len(), 17);
    assert_eq!(found("state:hung").len(), 4);
}

#[test]
fn a_state_is_found_by_the_word_it_had_before() {
    assert_eq!(found("state:gone").len(), 2);
    assert_eq!(found("state:left"), found("state:gone"));
    for (cause, then, now) in [
        (Cause::NeverUnchoked, "waits", "choked"),
        (Cause::BothSeeds, "\"both done\"", "complete"),
        (Cause::ClosedByPeer, "left", "gone"),
    ] {
        let mut view = sample::healthy();
        let gone = view.peers.iter_mut().find(|peer| peer.group == Group::Left).unwrap();
        std::sync::Arc::make_mut(gone).cause = Some(cause);
        let key = gone.key;
        for word in [then, now] {
            let found = Filter::parse(&format!("state:{word}")).unwrap().keys(&view);
            assert!(found.contains(&key), "{cause:?}: {word}");
        }
    }
}

#[test]
fn a_word_is_looked_for_in_every_column_and_addresses_are_words() {
    assert_eq!(found("transmission").len(), 5);
    assert_eq!(found("transmission 4.0.4").len(), 2);
    let named = ["80.101.55.2:6881", "62.210.9.9:51413"];
    assert_eq!(found("source:83.148.245.186:51414"), named);
    assert_eq!(
        found("83.148.245.186:51414"),
        [&["83.148.245.186:51414"], &named[..]].concat(),
        "and whom it named"
    );
    assert_eq!(found("[2a01")[0], "[2a01:4f8:c17:1234::2]:51413");
    assert_eq!(found("-tr40").len(), 4);
    assert_eq!(found("refused").len(), 3);
}

#[test]
fn numbers_are_compared_in_their_own_units() {
    assert_eq!(found("has<10").len(), 2);
    assert_eq!(found("has>=88% has<=88").len(), 1);
    assert_eq!(found("handshake>200").len(), found("handshake>0.2s").len());
    assert_eq!(found("for>2m state:sending").len(), 1);
    assert_eq!(found("tries=2 state:failed").len(), 2 + 16);
    assert_eq!(found("latency>100000").len(), 0, "what is not known is neither more nor less");
}

#[test]
fn has_with_a_number_takes_those_that_have_the_piece_and_with_a_percentage_as_much() {
    let view = sample::healthy();
    let piece = view.torrent.piece(17).unwrap();
    let has = |peer: &&std::sync::Arc<PeerRecord>| peer.has.as_ref().is_some_and(|has| has.has(piece));
    let holders: Vec<String> = view.peers.iter().filter(has).map(|peer| peer.addr.to_string()).collect();
    assert!(!holders.is_empty() && holders.len() < view.peers.len());
    assert_eq!(found("has:17"), holders);
    assert_eq!(found("has:999999").len(), 0, "there is no such piece");
    assert_eq!(found("has:88%"), found("has=88"));
    assert_eq!(found("has:88%").len(), 1);
}

#[test]
fn a_tracker_is_told_from_others_by_its_host_or_where_that_will_not_do_by_its_url() {
    let mut view = sample::healthy();
    let named = |view: &View, at: usize| {
        let text = named_by(&source::at(view, at).unwrap(), view).unwrap();
        let taken = Filter::parse(&text).unwrap().keys(view);
        let source = Source::Tracker(view.trackers[at].key);
        let all = view.peers.iter().filter(|peer| peer.sources.contains(&source));
        assert_eq!(taken, all.map(|peer| peer.key).collect::<Vec<_>>(), "{text}");
        text
    };
    assert_eq!(named(&view, 0), "source:bttracker.debian.org:6969");
    for (at, peer) in view.peers.iter_mut().enumerate() {
        let source = Source::Tracker(view.trackers[at % 2].key);
        std::sync::Arc::make_mut(peer).sources = vec![source];
    }
    for (one, other) in [
        ("http://a.example:80", "udp://a.example:80"),
        ("http://a.example:80", "http://a.example:8000"),
        ("http://tracker", "http://b.example:80"),
        ("http://[2001:db8::1]:80", "http://b.example:80"),
    ] {
        for (tracker, url) in view.trackers.iter_mut().zip([one, other]) {
            std::sync::Arc::make_mut(tracker).url = url.to_owned();
        }
        named(&view, 0);
        named(&view, 1);
    }
}

#[test]
fn peers_that_other_peers_named_are_listed_by_their_code() {
    let view = sample::healthy();
    let pex = source::at(&view, usize::MAX).unwrap();
    let text = named_by(&pex, &view).unwrap();
    assert_eq!(text, "source:pex");
    let taken = Filter::parse(&text).unwrap().keys(&view);
    assert_eq!(
        taken,
        view.peers.iter().filter(|peer| pex.named(peer)).map(|peer| peer.key).collect::<Vec<_>>()
    );
    assert_eq!((taken.len() as u32, 2), pex.peers(), "two of them shook hands");
}

#[test]
fn what_does_not_parse_is_told_with_an_example() {
    for (text, said) in [
        ("foo:bar", "no column foo; as state: why: client: port: down>"),
        ("state:", "state: and a word, as state:failed"),
        ("client>5", "client is no number; as client:qB"),
        ("down>", "down and a number, as down>10k"),
        ("down>fast", "fast is no rate; as down>10k"),
        ("has:", "has: and a piece, as has:17; or has<100"),
        ("has:all", "all is no piece; as has:17"),
        ("port:http", "http is no number; as port:51413"),
        ("for>soon", "soon is no time; as for>2m"),
    ] {
        assert_eq!(Filter::parse(text), Err(said.to_owned()));
    }
}

#[test]
fn the_grammar_names_every_column_and_its_examples_are_filters() {
    let grammar = grammar();
    let all: String = grammar.iter().map(|(_, takes)| format!("{takes} ")).collect();
    for (example, _) in examples() {
        let id = example.split([':', '<', '>', '=']).next().unwrap();
        assert!(all.split([' ', ',', ':']).any(|word| word == id), "{id}: {all}");
    }
    for (example, _) in grammar {
        assert!(Filter::parse(&example).is_ok(), "{example}");
    }
}

#[test]
fn every_column_but_the_letters_can_be_filtered_by_as_its_example_says() {
    for column in PEER_COLUMNS {
        let (ColumnFilter::Words(example, _)
        | ColumnFilter::Text(example, _)
        | ColumnFilter::Number(example, _, _)) = column.filter
        else {
            assert_eq!(column.id, "flags");
            continue;
        };
        assert!(example.starts_with(column.id), "{example}");
        let filter = Filter::parse(example).unwrap();
        assert!(!matches!(filter.terms[0], Term::Word(_)), "{example}");
        assert!(example.len() <= 24);
    }
}

#[test]
fn a_line_has_to_have_every_word() {
    let line = "5.9.97.44:6881 hung up after our handshake.";
    assert!(Words::new("HUNG 5.9").takes(line) && Words::new("").takes(line));
    assert!(Words::new("\"hung up after\"").takes(line));
    assert!(!Words::new("hung refused").takes(line));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn any_text_is_a_filter_or_told_why_not(
        text in "(\\PC{0,20}|([a-z_]{1,9}[:<>=]{1,2}[0-9a-zA-Z.\"]{0,6} ?){0,4})",
        seed in 0u64..50,
    ) {
        match Filter::parse(&text) {
            Err(why) => prop_assert!(!why.is_empty()),
            Ok(filter) => {
                let view = sample::random(seed);
                let keys = filter.keys(&view);
                prop_assert!(keys.len() <= view.peers.len() && keys.is_sorted());
                prop_assert!(!filter.is_empty() || keys.len() == view.peers.len());
            }
        }
        prop_assert!(Words::new(&text).is_empty() || !Words::new(&text).takes(""));
    }

    #[test]
    fn more_terms_never_find_more(one in "[a-z0-9.]{1,4}", other in "(state:[a-z]{1,3}|has>[0-9]|port<[0-9]{4})") {
        let view = sample::healthy();
        let few = Filter::parse(&format!("{one} {other}")).unwrap();
        let (one, other) = (Filter::parse(&one).unwrap(), Filter::parse(&other).unwrap());
        for peer in &view.peers {
            prop_assert_eq!(few.takes(peer, &view), one.takes(peer, &view) && other.takes(peer, &view));
        }
    }
}
