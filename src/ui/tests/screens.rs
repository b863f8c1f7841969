//! Every page at every moment that looks different, in every size and look, and the pictures of the README.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::expected::{holds, is_as_in};
use super::*;
use crate::ledger::{MetadataAnswer, MetadataTalk, Torrents};
use crate::record::scenes::Scene;
use crate::ui::action::Action;
use crate::ui::columns::{PEER_COLUMNS, Part};
use crate::ui::filter::List;
use crate::ui::piece_map::Layer;
use crate::ui::replay::Watched;
use crate::ui::{Surroundings, picture, prompt, update};

/// What is shown: the name of its file, the moment, and where in it the user is.
type Picture = (&'static str, &'static str, fn(&mut Model, &View));

fn page_of(name: &str) -> fn(&mut Model) {
    PAGES.iter().find(|(page, _)| *page == name).unwrap().1
}

fn on(model: &mut Model, page: &str) {
    page_of(page)(model);
}

fn press(model: &mut Model, view: &View, actions: &[Action]) {
    for action in actions {
        update(model, *action, view);
    }
}

/// Selects the first peer of a kind, and opens its page.
fn open(model: &mut Model, view: &View, kind: fn(&crate::ledger::PeerRecord) -> bool) {
    model.selected = Some(view.peers.iter().find(|peer| kind(peer)).unwrap().key);
    model.open.push(Mode::Peer { bytes: false });
}

fn layer(model: &mut Model, layer: Layer, zoom: u8) {
    on(model, "pieces");
    (model.piece_map.layer, model.piece_map.zoom) = (layer, zoom);
}

/// The overview at every moment.
const MOMENTS: [Picture; 15] = [
    ("overview", "healthy", |_, _| {}),
    ("checking", "checking", |_, _| {}),
    ("preparing", "preparing", |_, _| {}),
    ("starting", "starting", |_, _| {}),
    ("barred", "barred", |_, _| {}),
    ("paused", "paused", |_, _| {}),
    ("stopped", "stopped", |_, _| {}),
    ("stalled", "stalled", |_, _| {}),
    ("slow", "slow", |_, _| {}),
    ("completing", "completing", |_, _| {}),
    ("complete", "complete", |_, _| {}),
    ("seeding", "seeding", |_, _| {}),
    ("magnet", "magnet", |_, _| {}),
    ("magnet-missing", "magnet-missing", |_, _| {}),
    ("hostile", "hostile", |_, _| {}),
];

/// Pages at moments where they show what they do not show of the healthy download.
const OTHERS: [Picture; 25] = [
    ("stalled-why", "stalled", |model, _| on(model, "why")),
    ("stalled-peers", "stalled", |model, _| on(model, "peers")),
    ("barred-peers", "barred", |model, view| {
        on(model, "peers");
        press(model, view, &[Action::Mark, Action::Mark]);
    }),
    ("barred-piece", "barred", |model, _| {
        on(model, "pieces");
        model.piece = 7000;
    }),
    ("seeding-peers", "seeding", |model, _| on(model, "peers")),
    ("hostile-peers", "hostile", |model, _| on(model, "peers")),
    ("hostile-files", "hostile", |model, _| on(model, "files")),
    ("hostile-trackers", "hostile", |model, _| on(model, "trackers")),
    ("hostile-log", "hostile", |model, _| on(model, "log")),
    ("starting-trackers", "starting", |model, _| on(model, "trackers")),
    ("source-pex", "healthy", |model, view| {
        press(model, view, &[Action::Show(Screen::Trackers), Action::Last, Action::Open]);
    }),
    ("peer-named", "healthy", |model, view| {
        open(model, view, |peer| {
            peer.is_live() && peer.sources.iter().any(|source| source.finder().is_some())
        });
    }),
    ("files-many", "slow", |model, view| {
        let folded = [Action::Down, Action::Down, Action::Last, Action::Up, Action::Left, Action::Open];
        press(model, view, &[Action::Show(Screen::Files)]);
        press(model, view, &folded);
    }),
    ("peer-failed", "healthy", |model, view| {
        open(model, view, |peer| peer.cause == Some(crate::event::Cause::NotBittorrent));
    }),
    ("peer-sending", "healthy", |model, view| open(model, view, |peer| peer.sample.down_bps > 5_000_000)),
    ("peer-utp", "healthy", |model, view| {
        open(model, view, |peer| peer.stream.is_some() && peer.rates.up_bps > 0);
    }),
    ("peers-utp", "healthy", |model, view| {
        on(model, "peers");
        let of_streams = PEER_COLUMNS.iter().map(|column| column.id).skip_while(|id| *id != "rtt");
        let chosen = ["state", "address", "transport", "up"].into_iter().chain(of_streams).collect();
        model.columns.set(Part::Live, Some(chosen));
        prompt::filter(model, List::Peers, "transport:utp", view);
    }),
    ("peer-banned", "barred", |model, view| open(model, view, |peer| peer.banned.is_some())),
    ("magnet-peers", "magnet", |model, _| on(model, "peers")),
    ("magnet-peer", "magnet", |model, view| {
        open(model, view, |peer| {
            peer.held_back_by(Duration::ZERO) == Some(crate::event::Cause::MetadataRefused)
        });
    }),
    ("magnet-giver", "magnet", |model, view| {
        open(model, view, |peer| {
            peer.metadata.as_deref().map(MetadataTalk::answer) == Some(MetadataAnswer::Gives)
        });
    }),
    ("magnet-pieces", "magnet", |model, _| on(model, "pieces")),
    ("magnet-files", "magnet", |model, _| on(model, "files")),
    ("magnet-torrent", "magnet", |model, _| on(model, "torrent")),
    ("peer-hostile", "hostile", |model, view| open(model, view, |peer| !peer.is_live())),
];

/// What the pieces show beside their state, and closer.
const LAYERS: [Picture; 5] = [
    ("pieces-availability", "healthy", |model, _| layer(model, Layer::Availability, 0)),
    ("pieces-provenance", "healthy", |model, _| layer(model, Layer::Provenance, 0)),
    ("pieces-age", "healthy", |model, _| layer(model, Layer::Age, 0)),
    ("pieces-closer", "healthy", |model, _| layer(model, Layer::State, 2)),
    ("pieces-blocks", "healthy", |model, _| layer(model, Layer::State, 9)),
];

/// The torrents of the run, and what keys make of their list.
const TORRENTS: [Picture; 6] = [
    ("torrents", "healthy", |model, view| several(model, view, &[])),
    ("torrents-stalled", "stalled", |model, view| several(model, view, &[])),
    ("torrents-marked", "healthy", |model, view| {
        several(model, view, &[Action::Down, Action::Mark, Action::Mark, Action::Last, Action::Up]);
    }),
    ("torrents-filtered", "healthy", |model, view| {
        several(model, view, &[]);
        prompt::filter(model, List::Torrents, "iso", view);
    }),
    ("torrents-order", "healthy", |model, view| several(model, view, &[Action::Sort])),
    ("torrent-of-several", "healthy", |model, view| several(model, view, &[Action::Open])),
];

/// Shows all torrents, and carries these keys out.
fn several(model: &mut Model, view: &View, keys: &[Action]) {
    model.take_in_torrents(&sample::torrents(view));
    press(model, view, &[Action::Show(Screen::Torrents)]);
    press(model, view, keys);
}

/// What keys make of a screen for a while.
const ASKING: [Picture; 7] = [
    ("ask-quit", "healthy", |model, view| press(model, view, &[Action::Quit])),
    ("ask-address", "healthy", |model, view| {
        press(model, view, &[Action::Add]);
        prompt::paste(model, "83.148.245.186:", view);
    }),
    ("filtered", "healthy", |model, view| {
        on(model, "peers");
        prompt::filter(model, List::Peers, "client:transmission", view);
    }),
    ("filter-wrong", "healthy", |model, view| {
        on(model, "peers");
        press(model, view, &[Action::Filter]);
        prompt::paste(model, "down>fast", view);
    }),
    ("log-scrolled", "healthy", |model, view| {
        on(model, "log");
        press(model, view, &[Action::PageUp, Action::Up]);
    }),
    ("held", "healthy", |model, view| {
        press(model, view, &[Action::Freeze]);
        model.clock = Duration::from_secs(12);
    }),
    ("lost", "healthy", |model, view| {
        model.panel = Panel::Funnel;
        press(model, view, &[Action::Down, Action::Down, Action::Right, Action::Open]);
    }),
];

fn all_hold(pictures: &[Picture]) {
    for (name, moment, change) in pictures {
        let view = sample::moment(moment);
        holds(name, |look, size| {
            let mut model = model(look, size, &view);
            change(&mut model, &view);
            model.take_in(&view);
            drawn(&model, &view)
        });
    }
}

#[test]
fn the_recordings_are_what_their_scripts_tell() {
    for scene in Scene::ALL {
        is_as_in(&format!("tests/recordings/{}.ttrec", scene.name()), &scene.filmed());
    }
}

#[test]
fn the_overview_looks_as_expected_at_every_moment() {
    all_hold(&MOMENTS);
    let shown: BTreeSet<&str> = MOMENTS.iter().map(|(_, moment, _)| *moment).collect();
    let all: BTreeSet<&str> = sample::MOMENTS.iter().map(|(moment, ..)| *moment).collect();
    assert_eq!(shown, all);
    let seeding = sample::seeding();
    assert!(seeding.is_whole(), "what is complete is here");
}

/// What each source is, where every way to find peers is on: the list of all, the DHT's page, that of a web seed that failed and that of the way in.
const SOURCES: [(&str, &[Action]); 4] = [
    ("sources", &[Action::Show(Screen::Trackers)]),
    ("source-dht", &[Action::Show(Screen::Trackers), Action::Down, Action::Down, Action::Open]),
    ("source-web-seed", &[Action::Show(Screen::Trackers), Action::Last, Action::Up, Action::Open]),
    ("source-way-in", &[Action::Show(Screen::Trackers), Action::Last, Action::Open]),
];

#[test]
fn sources_look_as_expected_with_every_way_to_find_peers() {
    let view = sample::sources();
    for (name, keys) in SOURCES {
        holds(name, |look, size| {
            let mut model = model(look, size, &view);
            press(&mut model, &view, keys);
            drawn(&model, &view)
        });
    }
}

#[test]
fn every_page_looks_as_expected() {
    let view = sample::healthy();
    for (name, change) in &PAGES[1..] {
        holds(name, |look, size| {
            let mut model = model(look, size, &view);
            change(&mut model);
            drawn(&model, &view)
        });
    }
    all_hold(&OTHERS);
}

#[test]
fn every_layer_of_the_pieces_looks_as_expected_however_close() {
    all_hold(&LAYERS);
}

#[test]
fn all_torrents_look_as_expected() {
    all_hold(&TORRENTS);
    let view = sample::healthy();
    holds("torrents-none", |look, size| {
        let mut model = model(look, size, &view);
        model.surroundings =
            Arc::new(Surroundings { folder: "/home/me/iso".into(), waiting: 3, ..Surroundings::default() });
        model.take_in_torrents(&Arc::new(Torrents { port: 6881, ..Torrents::default() }));
        model.screen = Screen::Torrents;
        drawn(&model, &view)
    });
    holds("torrents-columns", |look, size| {
        let mut model = model(look, size, &view);
        several(&mut model, &view, &[Action::Columns, Action::Down, Action::Down, Action::Choose]);
        drawn(&model, &view)
    });
    holds("torrents-delete", |look, size| {
        let mut model = model(look, size, &view);
        let mut torrents = (*sample::torrents(&view)).clone();
        let [one, other] = [0, 4].map(|at: usize| torrents.rows[at].id);
        torrents.removable = sample::removable(&torrents);
        model.take_in_torrents(&Arc::new(torrents));
        model.screen = Screen::Torrents;
        model.torrents.deleting = vec![one, other];
        model.open.push(Mode::Delete);
        drawn(&model, &view)
    });
}

#[test]
fn questions_filters_and_held_screens_look_as_expected() {
    all_hold(&ASKING);
}

/// A replay of a scene at this time.
fn replay(scene: Scene, at_ms: u64) -> (Arc<View>, Watched) {
    let mut player = scene.player();
    player.go_to(Duration::from_millis(at_ms));
    player.change_speed(Duration::ZERO, true);
    player.play(Duration::ZERO);
    let watched = Watched::new(&format!("{}.ttrec", scene.name()), crate::record::standing(&player));
    (player.view(), watched)
}

/// The same as the screens show it.
fn replayed(
    (view, watched): &(Arc<View>, Watched),
    look: Look,
    size: (u16, u16),
    change: fn(&mut Model),
) -> Buffer {
    let mut model = model(look, size, view);
    model.replay = Some(watched.clone());
    change(&mut model);
    drawn(&model, view)
}

#[test]
fn a_replay_looks_as_expected_on_every_page() {
    for (name, page, at_ms) in [
        ("replay-overview", "overview", 182_000),
        ("replay-paused", "overview", 194_500),
        ("replay-peers", "peers", 120_000),
        ("replay-peer", "peer", 182_000),
        ("replay-pieces", "pieces", 230_000),
        ("replay-help", "help", 182_000),
        ("replay-keys", "keys", 182_000),
    ] {
        let replay = replay(Scene::Debian, at_ms);
        holds(name, |look, size| replayed(&replay, look, size, page_of(page)));
    }
}

#[test]
fn a_real_run_looks_as_expected() {
    let (mut player, mut views) = (crate::record::scenes::demo(), Vec::new());
    for at in [2, 45, u64::MAX] {
        player.go_to(Duration::from_secs(at));
        views.push(player.view());
    }
    for (name, at, page) in [
        ("demo-begins", 0, "overview"),
        ("demo-overview", 1, "overview"),
        ("demo-why", 1, "why"),
        ("demo-peers", 1, "peers"),
        ("demo-over", 2, "overview"),
    ] {
        holds(name, |look, size| {
            let mut model = model(look, size, &views[at]);
            page_of(page)(&mut model);
            drawn(&model, &views[at])
        });
    }
}

/// Bytes of the film at most: it is loaded with the README.
const MOST_OF_A_FILM: usize = 3 << 19;

/// Twenty seconds of the demo, two frames a second: its overview, then its peers and the page of one, then its pieces.
fn film() -> Vec<(Duration, Buffer)> {
    let keys: &[(u64, Action)] = &[
        (9_000, Action::Show(Screen::Peers)),
        (10_000, Action::Down),
        (10_500, Action::Down),
        (11_000, Action::Down),
        (12_000, Action::Open),
        (15_500, Action::Back),
        (16_000, Action::Show(Screen::Pieces)),
        (18_000, Action::Layer),
        (19_000, Action::Layer),
    ];
    let mut player = crate::record::scenes::demo();
    player.go_to(FILM_FROM);
    let mut model = model(Look::default(), (120, 40), &player.view());
    let frame = |at_ms| {
        let at = Duration::from_millis(at_ms);
        player.go_to(FILM_FROM + at);
        let view = player.view();
        model.clock = at;
        model.take_in(&view);
        for (_, key) in keys.iter().filter(|(when, _)| *when == at_ms) {
            update(&mut model, *key, &view);
        }
        model.take_in(&view);
        (at, drawn(&model, &view))
    };
    (0..20_000).step_by(500).map(frame).collect()
}

/// Since when the film shows the demo: its graph has a past, and most pieces are still to come.
const FILM_FROM: Duration = Duration::from_secs(30);

#[test]
fn the_film_shows_twenty_seconds_of_the_demo_in_few_bytes() {
    let frames = film();
    let svg = picture::moving(&frames, Duration::from_secs(20), "ttui: twenty seconds of the demo");
    assert!(svg.len() <= MOST_OF_A_FILM, "{} bytes", svg.len());
    is_as_in("screenshots/demo.svg", svg.as_bytes());
    // It moves twice a second for the most part, and what moves is no more than what changes.
    let changes = frames.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    assert!(changes > 25, "{changes}");
}

#[test]
fn the_pictures_show_the_screens_as_they_are() {
    let (colour, mono) = (Look::default(), look(Colours::None, Glyphs::Braille));
    // The film has a test of its own.
    let mut made = BTreeSet::from(["demo.svg".to_owned()]);
    let mut holds = |name: &str, title: &str, buf: &Buffer| {
        let file = format!("{name}.svg");
        let picture = picture::svg(buf, &format!("ttui: {title}"));
        is_as_in(&format!("screenshots/{file}"), picture.as_bytes());
        made.insert(file);
    };
    for (name, title, moment, page, look, size) in [
        ("overview", "Overview", "healthy", "overview", colour, (120, 40)),
        ("overview-80x24", "Overview, 80×24", "healthy", "overview", colour, (80, 24)),
        ("overview-200x60", "Overview, 200×60", "healthy", "overview", colour, (200, 60)),
        ("stalled", "A download that stands still", "stalled", "overview", colour, (80, 24)),
        ("magnet", "A magnet without its metadata", "magnet", "overview", colour, (120, 40)),
        ("peers", "Peers", "healthy", "peers", colour, (120, 40)),
        ("peer", "A peer's page", "healthy", "peer", colour, (80, 24)),
        ("pieces", "Pieces", "healthy", "pieces", colour, (120, 40)),
        ("small", "Overview, 40×10", "healthy", "overview", colour, (40, 10)),
        ("mono", "Overview without colours", "healthy", "overview", mono, (80, 24)),
    ] {
        let view = sample::moment(moment);
        let mut model = model(look, size, &view);
        page_of(page)(&mut model);
        holds(name, title, &drawn(&model, &view));
    }
    let view = sample::healthy();
    let mut model = model(colour, (120, 40), &view);
    several(&mut model, &view, &[]);
    holds("torrents", "All torrents of a run", &drawn(&model, &view));
    let view = sample::sources();
    for (name, title, page) in [("sources", "Sources", "sources"), ("dht", "The DHT", "source-dht")] {
        let mut model = crate::ui::tests::model(colour, (120, 40), &view);
        let keys = SOURCES.iter().find(|(of, _)| *of == page).map(|(_, keys)| *keys).unwrap();
        press(&mut model, &view, keys);
        holds(name, title, &drawn(&model, &view));
    }
    let replay = replayed(&replay(Scene::Debian, 182_000), colour, (120, 40), |_| {});
    holds("replay", "A recording, replayed", &replay);
    // None is left over, and the README shows them all.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = std::fs::read_dir(root.join("screenshots")).unwrap();
    let kept: BTreeSet<String> =
        kept.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(made, kept);
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    assert!(made.iter().all(|file| readme.contains(&format!("screenshots/{file}"))), "README shows {made:?}");
}

#[test]
fn nothing_is_left_in_the_folders_of_what_is_expected() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let names = [&MOMENTS[..], &OTHERS, &LAYERS, &TORRENTS, &ASKING].concat();
    let names = names.iter().map(|(name, ..)| *name).chain(PAGES[1..].iter().map(|(name, _)| *name));
    let names = names.chain(SOURCES.iter().map(|(name, _)| *name));
    let known: BTreeSet<String> = names.map(|name| format!("{name}.txt")).collect();
    for entry in std::fs::read_dir(root.join("tests/screens")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let is_known = known.contains(&name)
            || ["replay-", "demo-", "torrents-none", "torrents-delete", "torrents-columns", "README"]
                .iter()
                .any(|begin| name.starts_with(begin));
        assert!(is_known, "tests/screens/{name} is of no test");
    }
}
