//! What holds on every page: what has no room is told of, and everything ends where the rules end.

use super::*;
use crate::event::{Cause, TrackerError};
use crate::ledger::TrackerStatus;
use crate::ui::action::Action;
use crate::ui::{update, words};

/// The rows of a page.
fn page(size: (u16, u16), view: &View, change: impl FnOnce(&mut Model)) -> Vec<String> {
    let mut model = model(Look::default(), size, view);
    change(&mut model);
    text_rows(&drawn(&model, view))
}

fn page_of(name: &str) -> fn(&mut Model) {
    PAGES.iter().find(|(page, _)| *page == name).unwrap().1
}

#[test]
fn a_page_with_more_lines_than_room_says_so_at_both_ends() {
    for moment in ["healthy", "stalled", "slow"] {
        let view = sample::moment(moment);
        for name in ["why", "help", "keys", "words", "peer", "peer-bytes"] {
            for size in [(40, 10), (80, 24), (120, 40), (200, 60), (80, 200)] {
                let mut model = model(Look::default(), size, &view);
                page_of(name)(&mut model);
                model.selected = Some(view.peers.last().unwrap().key);
                let shown = |model: &Model| text_rows(&drawn(model, &view));
                let mark = |model: &Model| shown(model)[usize::from(size.1) - 2].clone();
                let (first, goes_on) = (shown(&model), mark(&model).starts_with(" ↓ "));
                update(&mut model, Action::Down, &view);
                assert_eq!(shown(&model) != first, goes_on, "{name} {size:?}: {}", mark(&model));
                if goes_on {
                    update(&mut model, Action::Last, &view);
                    assert!(mark(&model).starts_with(" ↑ "), "{name} {size:?}: {}", mark(&model));
                    let last = shown(&model);
                    update(&mut model, Action::Up, &view);
                    assert_ne!(shown(&model), last, "{name} {size:?}: no key is lost on the way back");
                }
            }
        }
    }
}

#[test]
fn words_of_before_are_on_no_page() {
    let old = [
        "How far peers get",
        " good",
        "held by",
        "screen held",
        "waits for its turn",
        "wait their turn",
        " 1 left",
        " 2 left",
        "take back",
        "aken back",
        "transferring",
        "machine is up, client not",
    ];
    for (moment, ..) in sample::MOMENTS {
        let view = sample::moment(moment);
        for (name, change) in PAGES {
            for size in [(80, 24), (120, 40), (200, 120)] {
                let shown = page(size, &view, change).join("\n");
                // That the log tells of "good news" and of a title that is a good deal longer is no matter of pieces.
                let shown = shown.replace("good news", "").replace("is a good", "").replace("how good", "");
                for word in old {
                    assert!(!shown.contains(word), "{moment}, {name}, {size:?}: {word:?}");
                }
            }
        }
    }
}

#[test]
fn a_tracker_that_failed_is_not_said_to_be_silent() {
    let funnel = |status: TrackerStatus| {
        let mut view = sample::healthy();
        view.trackers.truncate(1);
        std::sync::Arc::make_mut(&mut view.trackers[0]).status = status;
        page((120, 40), &view, |_| {}).join("\n")
    };
    let refused = funnel(TrackerStatus::Failed(TrackerError::Refused, "not registered".to_owned()));
    assert!(refused.contains("the tracker: refused"), "{refused}");
    assert!(!refused.contains("has not answered"), "{refused}");
    assert!(funnel(TrackerStatus::Pending).contains("the tracker has not answered"));
}

#[test]
fn what_the_only_tracker_did_is_read_in_full_at_every_size() {
    let failed = |error| TrackerStatus::Failed(error, String::new());
    let (none, name) = (TrackerError::ConnectFailed, TrackerError::UnsupportedUrl);
    for status in [TrackerStatus::Pending, failed(none), failed(name)] {
        for size in [(80, 24), (100, 30), (120, 40), (200, 60)] {
            let mut view = sample::healthy();
            view.trackers.truncate(1);
            std::sync::Arc::make_mut(&mut view.trackers[0]).status = status.clone();
            let rows = page(size, &view, |_| {});
            let known = rows.iter().position(|row| row.starts_with(" known ")).unwrap();
            // Where there is room, the words stand below the bar.
            let known = rows[known..known + 2].iter().find(|row| row.contains("tracker"));
            assert!(known.is_some_and(|row| !row.contains('…')), "{size:?}: {known:?}");
        }
    }
}

#[test]
fn the_page_of_a_peer_has_the_units_of_the_header() {
    let view = sample::healthy();
    let opened = |units| {
        page((120, 40), &view, |model| {
            model.look.units = units;
            model.selected = view.peers.iter().find(|peer| peer.rates.down_bps > 0).map(|peer| peer.key);
            model.open.push(Mode::Peer { bytes: false });
        })
    };
    let data = |units| opened(units).into_iter().find(|row| row.starts_with(" Data ")).unwrap();
    assert!(data(crate::units::Units::Binary).contains("iB/s"));
    let decimal = data(crate::units::Units::Decimal);
    assert!(decimal.contains("B/s") && !decimal.contains("iB"), "{decimal}");
}

#[test]
fn the_header_calls_a_download_stalled_as_soon_as_the_headline_does() {
    let mut view = sample::moment("starting");
    assert!(page((80, 24), &view, |_| {})[0].contains("▸ downloading"));
    view.verdicts[0].code = crate::ledger::VerdictCode::Stalled;
    for size in [(80, 24), (120, 40)] {
        assert!(page(size, &view, |_| {})[0].contains("▲ stalled "), "{size:?}");
    }
}

#[test]
fn how_much_is_verified_agrees_with_the_pieces_beside_it() {
    for (done, percent) in [(0, 0), (13_593, 89), (15_103, 99), (15_104, 100)] {
        let mut view = sample::checking();
        view.checked = Some((done, 15_104));
        let shown = page((120, 40), &view, |_| {}).join("\n");
        assert!(shown.contains(&format!("verifying {percent} %")), "{done}: {shown}");
        assert_eq!(shown.contains("100 %"), done == 15_104, "{done}: {shown}");
    }
}

#[test]
fn few_peers_leave_no_rows_blank() {
    for moment in ["healthy", "stalled", "slow", "seeding", "paused"] {
        for size in [(80, 24), (80, 30), (100, 33), (120, 40), (200, 60)] {
            let mut view = sample::moment(moment);
            view.peers.truncate(5);
            let rows = page(size, &view, |_| {});
            let blank = rows.iter().filter(|row| row.trim().is_empty()).count();
            assert_eq!(blank, 0, "{moment} {size:?}:\n{}", rows.join("\n"));
            assert!(size.1 < 60 || rows.iter().any(|row| row.starts_with(" Log ")), "{moment} {size:?}");
        }
    }
}

#[test]
fn what_is_judged_has_the_units_of_the_header() {
    let view = sample::moment("slow");
    for (size, open) in [((40, 10), false), ((80, 24), false), ((120, 40), false), ((120, 40), true)] {
        let shown = |units| {
            let rows = page(size, &view, |model| {
                model.look.units = units;
                if open {
                    model.open.push(Mode::Why);
                }
            });
            // The name of the torrent has none.
            rows[3..].join(" ")
        };
        assert!(shown(crate::units::Units::Binary).contains("KiB/s"), "{size:?}");
        let decimal = shown(crate::units::Units::Decimal);
        assert!(decimal.contains(" kB/s") && !decimal.contains("iB"), "{size:?}: {decimal}");
    }
}

#[test]
fn the_funnel_says_the_same_at_every_size() {
    // Where the words begin, behind the bars or in the row below, and how many columns they have.
    let places = [((80, 24), 0, 27, 24), ((120, 40), 0, 33, 28), ((120, 40), 1, 17, 44)];
    for (moment, ..) in sample::MOMENTS {
        let view = sample::moment(moment);
        for step in ["unchoked", "sending", "interested", "taking"] {
            let said = places.map(|(size, below, from, columns)| {
                let rows = page(size, &view, |_| {});
                let step = rows.iter().position(|row| row.starts_with(&format!(" {step} ")));
                let row = step.map_or("", |step| &rows[step + below]);
                let words: String = row.chars().skip(from).take(columns).collect();
                words.replace(" · ", " ").trim().to_owned()
            });
            // What has no room is a number of its own at the end.
            let first = said[0].split(" +").next().unwrap_or_default();
            let same = said[1..].iter().any(|said| said.starts_with(first));
            assert!(same, "{moment}, {step}: {said:?}");
        }
    }
}

#[test]
fn what_is_read_of_a_loss_stands_once() {
    let mut read = 0;
    for (moment, ..) in sample::MOMENTS {
        let rows = page((120, 200), &sample::moment(moment), page_of("why"));
        // Count and word, and what it means behind them.
        let is_loss = |row: &&String| {
            let count: String = row.chars().take(9).collect();
            count.trim().parse::<u32>().is_ok()
        };
        let mut lost: Vec<&str> = rows.iter().filter(is_loss).map(|row| row.trim()).collect();
        read += lost.len();
        lost.sort_unstable();
        assert!(lost.windows(2).all(|two| two[0] != two[1]), "{moment}: {lost:#?}");
    }
    assert!(read > sample::MOMENTS.len(), "the page names losses: {read}");
}

#[test]
fn nothing_goes_beyond_the_end_of_the_rules() {
    for view in [sample::healthy(), sample::stalled(), sample::seeding(), sample::hostile()] {
        for (name, change) in PAGES {
            for (columns, rows) in [(72, 24), (80, 24), (99, 30), (100, 30), (120, 40), (200, 60)] {
                let mut model = model(Look::default(), (columns, rows), &view);
                change(&mut model);
                let buf = drawn(&model, &view);
                for y in 0..rows {
                    assert_eq!(buf[(columns - 1, y)].symbol(), " ", "{name}, {columns}×{rows}, row {y}");
                }
            }
        }
    }
}

#[test]
fn live_peers_without_a_row_are_counted() {
    let view = sample::healthy();
    for size in [(80, 24), (80, 30), (120, 40), (60, 20)] {
        for name in ["overview", "peers"] {
            let shown = page(size, &view, page_of(name));
            let live = |row: &&String| ["● sending", "○ ", "◐ "].iter().any(|state| row.contains(state));
            let rows = shown.iter().filter(live).count();
            let told =
                shown.iter().find_map(|row| row.split_once(" more live")?.0.rsplit('+').next()?.parse().ok());
            assert_eq!(rows + told.unwrap_or(0), 17, "{name} {size:?}\n{}", shown.join("\n"));
        }
    }
}

#[test]
fn who_sends_and_who_is_marked_has_a_row_first() {
    let view = sample::healthy();
    let rows_of = |size, name, change: fn(&mut Model)| {
        page(size, &view, |model| {
            page_of(name)(model);
            change(model);
        })
    };
    let shown = rows_of((80, 24), "overview", |_| {});
    let sending = shown.iter().filter(|row| row.contains("● sending")).count();
    assert!(sending >= 3, "{}", shown.join("\n"));
    // The last of those that choke us, and the last that failed.
    let is_choked =
        |peer: &&std::sync::Arc<crate::ledger::PeerRecord>| peer.is_live() && peer.flags.peer_choking;
    let last = |kind: &dyn Fn(&&std::sync::Arc<crate::ledger::PeerRecord>) -> bool| {
        view.peers.iter().rev().find(kind).unwrap()
    };
    let (choked, failed) = (last(&is_choked), last(&|peer| peer.group == crate::ledger::Group::Failed));
    let marked = page((80, 24), &view, |model| model.marked.extend([choked.key, failed.key]));
    for peer in [choked, failed] {
        let row = marked.iter().find(|row| row.contains(&peer.addr.to_string()));
        assert!(row.is_some_and(|row| row.starts_with('+')), "{}", marked.join("\n"));
    }
}

#[test]
fn at_forty_columns_a_peers_row_has_its_rate_and_its_port() {
    let view = sample::healthy();
    for (size, name) in [((40, 20), "overview"), ((40, 10), "peers"), ((40, 24), "peers")] {
        let shown = page(size, &view, page_of(name));
        let row = shown.iter().find(|row| row.contains("● sending"));
        let row = row.unwrap_or_else(|| panic!("{name} {size:?}\n{}", shown.join("\n")));
        assert!(row.contains("6.0 MiB/s") && row.contains(":51414"), "{row}");
    }
    let scrolled = page((40, 24), &view, |model| {
        model.screen = Screen::Peers;
        model.columns_off = 3;
    });
    assert!(scrolled.iter().any(|row| row.contains("HAS")), "{}", scrolled.join("\n"));
}

#[test]
fn reasons_of_fixed_words_are_read_in_full_where_there_is_room() {
    let mut view = sample::healthy();
    let key = view.peers.iter().find(|peer| peer.cause == Some(Cause::ClosedBeforeHandshake)).unwrap().key;
    let record = std::sync::Arc::make_mut(view.peers.iter_mut().find(|peer| peer.key == key).unwrap());
    record.cause = Some(Cause::ResetBeforeHandshake);
    record.attempts.iter_mut().for_each(|attempt| attempt.cause = Some(Cause::ResetBeforeHandshake));
    let reason = words::row_reason(record, view.at);
    assert!(reason.contains("plain and encrypted"), "{reason}");
    for size in [(120, 40), (160, 50), (200, 60)] {
        let shown = page(size, &view, |model| {
            model.screen = Screen::Peers;
            model.shown = crate::ui::model::Shown::Of(crate::ledger::Group::Failed);
        });
        assert!(shown.iter().any(|row| row.contains(&reason)), "{size:?}\n{}", shown.join("\n"));
    }
}

#[test]
fn a_tracker_that_never_answered_names_no_number_and_one_is_said_to_be_enough() {
    let view = sample::healthy();
    let shown = page((120, 40), &view, |model| {
        model.screen = Screen::Trackers;
        model.scrolls.trackers = 1;
    });
    let failed = shown.iter().find(|row| row.contains("✗ no answer")).unwrap();
    assert!(!failed.contains('0'), "{failed}");
    assert!(shown[2].contains("one that answers is enough"), "{}", shown[2]);
    assert!(shown.iter().any(|row| row.contains("One tracker that answers is enough, and one does.")));
    assert!(!shown.iter().any(|row| row.contains("failed,")), "{}", shown.join("\n"));
}

#[test]
fn a_peer_that_another_named_says_who_it_was() {
    let view = sample::healthy();
    let named = view.peers.iter().find(|peer| peer.sources.iter().any(|source| source.finder().is_some()));
    for size in [(80, 24), (120, 40)] {
        let shown = page(size, &view, |model| {
            model.selected = named.map(|peer| peer.key);
            model.open.push(Mode::Peer { bytes: false });
        });
        let by = "named by 83.148.245.186:51414";
        assert!(shown.iter().any(|row| row.contains(by)), "{size:?}\n{}", shown.join("\n"));
    }
}

#[test]
fn the_graph_has_a_number_between_its_ends() {
    let view = sample::healthy();
    let shown = page((120, 40), &view, |_| {}).join("\n");
    assert!(shown.contains("20 MiB↓┤") && shown.contains("10 MiB ┤"), "{shown}");
}

#[test]
fn the_card_of_the_help_fits_one_screen_on_every_page() {
    let playback = crate::record::standing(&crate::record::scenes::Scene::Debian.player());
    for view in [sample::healthy(), sample::seeding()] {
        for (name, change) in PAGES {
            for replay in [false, true] {
                let shown = page((80, 24), &view, |model| {
                    change(model);
                    model.open.retain(|mode| *mode != Mode::Keys);
                    model.open.push(Mode::Keys);
                    model.help = Help::Card;
                    if replay {
                        model.replay = Some(crate::ui::replay::Watched::new("a.ttrec", playback.clone()));
                    }
                });
                let all = shown.join("\n");
                assert!(!all.contains("more line"), "{name}\n{all}");
                for part in ["1 overview", "6 log", "● sending", "⊘ banned", "█ verified"] {
                    assert!(all.contains(part), "{name}: {part}\n{all}");
                }
                let keys = shown.iter().skip_while(|row| !row.contains("Used most")).skip(1);
                let keys = keys.take_while(|row| !row.contains("Glyphs") && !row.contains("● sending"));
                assert_eq!(keys.count(), 10, "{name}\n{all}");
            }
        }
    }
}

#[test]
fn help_tells_first_of_the_page_it_was_asked_on() {
    let view = sample::healthy();
    let place = |shown: &[String], text: &str| shown.iter().position(|row| row.contains(text));
    for (name, keys, words) in [
        ("pieces", "v ", "partly verified"),
        ("trackers", "A ", "TIER"),
        ("peer", "[ ", "ltep"),
        ("peers", "s ", "● taking"),
    ] {
        let shown = page((80, 400), &view, |model| {
            page_of(name)(model);
            model.open.push(Mode::Keys);
            model.help = Help::Keys;
        });
        let everywhere = place(&shown, "Everywhere").unwrap();
        let at = place(&shown, keys).unwrap_or_else(|| panic!("{name}: no {keys}\n{}", shown.join("\n")));
        assert!(at < everywhere, "{name}: {keys}");
        let shown = page((80, 400), &view, |model| {
            page_of(name)(model);
            model.open.push(Mode::Keys);
            model.help = Help::Words;
        });
        let at = place(&shown, words).unwrap_or_else(|| panic!("{name}: no {words}\n{}", shown.join("\n")));
        let log = place(&shown, "Signs of the log").unwrap();
        assert!(at < log, "{name}: {words}");
    }
}

#[test]
fn a_failed_peer_is_in_sight_however_many_are_being_tried() {
    let view = sample::moment("starting");
    let (trying, failed) = (view.groups.trying, view.groups.failed);
    assert!(trying > 3 && failed > 0, "{trying} are tried, {failed} failed");
    for size in [(80, 24), (120, 40)] {
        let rows = page(size, &view, |_| {});
        assert!(rows.iter().any(|row| row.trim_start_matches([' ', '▸']).starts_with('✗')), "{rows:#?}");
    }
}

#[test]
fn no_judgement_is_cut_at_forty_columns() {
    for (moment, ..) in sample::MOMENTS {
        let view = sample::moment(moment);
        let shown = page((40, 10), &view, |_| {});
        // The name may be long, and the answer to a command.
        assert!(!shown[1..9].iter().any(|row| row.contains('…')), "{moment}\n{}", shown.join("\n"));
    }
}

#[test]
fn limits_in_force_are_in_sight_on_the_overview() {
    let mut view = sample::healthy();
    view.limits = (Some(500 << 10), Some(100 << 10));
    for size in [(80, 24), (120, 40), (200, 60)] {
        let rows = page(size, &view, |_| {});
        let said = rows.iter().any(|row| row.contains("limit ↓ 500 KiB/s ↑ 100 KiB/s"));
        assert!(said, "{size:?}\n{}", rows.join("\n"));
    }
}

#[test]
fn who_waits_for_a_place_names_the_setting() {
    let mut view = sample::healthy();
    let queued = view.peers.iter().find(|peer| peer.group == crate::ledger::Group::Queued).unwrap().key;
    let queued_row = |view: &View| {
        let rows = page((80, 24), view, |model| {
            model.screen = Screen::Peers;
            model.shown = crate::ui::model::Shown::Of(crate::ledger::Group::Queued);
        });
        rows.into_iter().find(|row| row.contains("– queued")).unwrap()
    };
    assert!(queued_row(&view).contains("not started; queued"));
    view.places = Some(view.groups.live);
    assert!(queued_row(&view).contains("no free place (--max-peers 17)"), "{}", queued_row(&view));
    let opened = page((80, 24), &view, |model| {
        model.selected = Some(queued);
        model.open.push(Mode::Peer { bytes: false });
    });
    let words = "It is not dialled yet. We have as many connections as the settings allow.";
    let opened = opened.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(opened.contains(words) && opened.contains("raise --max-peers"), "{opened}");
    view.places = Some(view.groups.live + 1);
    assert!(queued_row(&view).contains("not started; queued"));
}

/// Once everything is here a peer that does not want it is neither waiting for us nor we for it.
#[test]
fn who_wants_nothing_and_has_nothing_for_us_is_called_choked_nowhere() {
    let mut view = sample::seeding();
    let is_live = |peer: &&mut std::sync::Arc<crate::ledger::PeerRecord>| peer.is_live();
    let record = std::sync::Arc::make_mut(view.peers.iter_mut().find(is_live).unwrap());
    let flags = crate::ledger::Flags {
        am_choking: true,
        am_interested: false,
        peer_choking: true,
        peer_interested: false,
    };
    record.flags = flags;
    sample::set_rate(record, 0);
    let (key, addr) = (record.key, record.addr.to_string());
    for size in [(40, 24), (80, 24), (120, 40), (200, 60)] {
        for name in ["overview", "peers"] {
            let rows = page(size, &view, page_of(name));
            let is_its = |row: &&String| row.contains(&addr) && !row.contains("came from");
            let Some(row) = rows.iter().find(is_its) else { continue };
            assert!(row.contains("○ idle") && !row.contains("chok"), "{size:?}, {name}: {row}");
        }
        let opened = page(size, &view, |model| {
            model.selected = Some(key);
            model.open.push(Mode::Peer { bytes: false });
        });
        assert!(opened[0].contains("○ idle"), "{size:?}: {}", opened[0]);
        let judged: Vec<&String> = opened.iter().take_while(|row| !row.starts_with(" It ")).collect();
        assert!(!judged.iter().any(|row| row.contains("chok")), "{size:?}: {judged:#?}");
    }
}
