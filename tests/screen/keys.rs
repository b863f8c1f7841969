//! Every key, and what it does.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_key_of_the_table_does_what_its_help_says() {
    let stage = Stage::set().await;
    let mut pty = stage.open(120, 40);
    for binding in BINDINGS {
        for key in binding.keys {
            does_what_its_help_says(&stage, &mut pty, binding.action, binding.scope, *key);
        }
    }
}

/// Goes where the key holds, presses it, and waits for what it has to do. Leaves everything as it was.
#[track_caller]
fn does_what_its_help_says(stage: &Stage, pty: &mut Pty, action: Action, scope: Scope, pressed: Key) {
    let go = |pty: &mut Pty, screen: Screen| {
        pty.press(key(Action::Show(screen)));
        pty.until_shown(sign_of(screen));
    };
    let list = |pty: &mut Pty| {
        go(pty, Screen::Peers);
        pty.press(key(Action::First));
        pty.until("the first peer is selected, and sends", |screen| {
            let rows: Vec<String> = screen.rows(0, screen.size().1).collect();
            let head = rows.iter().position(|row| row.contains("STATE") && row.contains("ADDRESS"))?;
            cursor_row(screen).filter(|row| *row == rows[head + 1] && row.contains("sending"))
        })
    };
    let row_has = |pty: &Pty, word: &str, is_there: bool| {
        pty.until(&format!("{word} in the selected row: {is_there}"), |screen| {
            cursor_row(screen).filter(|row| row.contains(word) == is_there).map(drop)
        });
    };
    let at_piece = |pty: &mut Pty, first: bool| {
        go(pty, Screen::Pieces);
        pty.press(key(if first { Action::First } else { Action::Last }));
        pty.until_shown(if first { "Piece 0 ─" } else { "Piece 98 ─" });
    };
    let page = |pty: &mut Pty| {
        list(pty);
        pty.press(key(Action::Open));
        pty.until_shown("Attempts ─");
    };
    match (action, scope) {
        (Action::Show(screen), _) => {
            let away = if screen == Screen::Peers { Screen::Overview } else { Screen::Peers };
            go(pty, away);
            pty.press(pressed);
            pty.until_shown(sign_of(screen));
        }
        // One alone has no place in a queue; the test of several presses them.
        (Action::Forget | Action::Delete | Action::DeleteFiles | Action::Earlier | Action::Later, _) => {}
        (action, Scope::Torrents) => {
            go(pty, Screen::Torrents);
            let asked = stage.tracker.asked().len();
            pty.press(pressed);
            match action {
                Action::Open => pty.until_shown(sign_of(Screen::Overview)),
                Action::Hold | Action::PauseAll => {
                    pty.until_shown("‖ paused");
                    pty.press(pressed);
                    pty.until_gone("‖ paused");
                }
                Action::Mark => {
                    pty.until_shown("1 marked");
                    pty.press(pressed);
                    pty.until_gone("1 marked");
                }
                Action::Columns => {
                    pty.until_shown("Columns ── of torrents");
                    pty.press(key(Action::Back));
                    pty.until_gone("of torrents");
                }
                Action::Sort => {
                    pty.until_shown("Sort by ── queue ▴");
                    pty.press(key(Action::Back));
                    pty.until_gone("Sort by");
                }
                Action::Reverse => {
                    pty.until_shown("by queue ▾");
                    pty.press(pressed);
                    pty.until_shown("by queue ▴");
                }
                Action::Filter => {
                    pty.write(b"nowhere\r");
                    pty.until_shown("No torrent has “nowhere”.");
                    pty.press(key(Action::Back));
                    pty.until_gone("No torrent has");
                }
                _ => {
                    go(pty, Screen::Trackers);
                    pty.until("the tracker is asked again, or said to be soon", |screen| {
                        let says =
                            screen.contents().contains("asking now") || screen.contents().contains("in 1m");
                        (says || stage.tracker.asked().len() > asked).then_some(())
                    });
                }
            }
            go(pty, Screen::Overview);
            pty.until_shown("● sending");
        }
        (Action::PauseAll, _) => unreachable!("it holds on the torrents alone"),
        (Action::Move, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("move to  ");
            pty.press(key(Action::Back));
            pty.until_gone("move to  ");
        }
        (Action::Pause, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("paused by you");
            pty.press(pressed);
            pty.until_shown("▸ downloading");
            pty.until_shown("● sending");
        }
        (Action::Hold, _) => {
            list(pty);
            pty.press(pressed);
            row_has(pty, "held", true);
            pty.press(pressed);
            row_has(pty, "held", false);
        }
        (Action::Drop, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("⊘ dropped");
            // The cursor stays on its row, where another peer stands now.
            row_has(pty, "dropped", false);
            pty.press(key(Action::Undo));
            pty.until_gone("⊘ dropped");
        }
        (Action::Ban, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("⊘ banned");
            row_has(pty, "banned", false);
            pty.press(key(Action::Undo));
            pty.until_gone("⊘ banned");
        }
        (Action::Retry, _) => {
            list(pty);
            pty.press(key(Action::Drop));
            pty.until_shown("⊘ dropped");
            pty.press(key(Action::Filter));
            pty.write(b"state:dropped\r");
            row_has(pty, "dropped", true);
            pty.press(pressed);
            pty.until_gone("⊘ dropped");
            pty.press(key(Action::Back));
            pty.until_shown("● sending");
        }
        (Action::Undo, _) => {
            list(pty);
            pty.press(key(Action::Drop));
            pty.until_shown("⊘ dropped");
            pty.press(pressed);
            pty.until_gone("⊘ dropped");
        }
        (Action::PeerLog, Scope::Peer) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("lines of 127.0.0.");
            pty.press(pressed);
            pty.until_shown("time since the start");
        }
        (Action::PeerLog, Scope::Log) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("Esc or L shows all");
            pty.press(pressed);
            pty.until_gone("L shows all");
        }
        (Action::PeerLog, scope) => panic!("no check for {action:?} in {scope:?}"),
        (Action::Announce, _) => {
            go(pty, Screen::Trackers);
            let asked = stage.tracker.asked().len();
            pty.press(pressed);
            pty.until("the tracker is asked again, or said to be soon", |screen| {
                let says = screen.contents().contains("asking now") || screen.contents().contains("in 1m");
                (says || stage.tracker.asked().len() > asked).then_some(())
            });
        }
        (action, Scope::OrderMenu) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Sort));
            pty.until_shown("Sort by ── state ▾");
            pty.press(pressed);
            if action == Action::Reverse {
                pty.until_shown("Sort by ── state ▴");
                pty.press(pressed);
                pty.until_shown("Sort by ── state ▾");
                pty.press(key(Action::Back));
            }
            pty.until_gone("Sort by ──");
        }
        (Action::Want | Action::WantMore | Action::WantLess, _) => {
            go(pty, Screen::Files);
            pty.press(pressed);
            let word = match action {
                Action::Want => " skipped ",
                Action::WantMore => " high ",
                _ => " low ",
            };
            row_has(pty, word, true);
            pty.press(key(Action::Undo));
            pty.until_gone("WANTED");
        }
        (Action::InOrder, _) => {
            go(pty, Screen::Files);
            pty.press(pressed);
            pty.until_shown(", in order ─");
            pty.press(key(Action::Undo));
            pty.until_gone(", in order ─");
        }
        (Action::Recheck, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("Verified: ");
            pty.until_shown("every one is right.");
            pty.until_shown("▸ downloading");
            pty.until_shown("● sending");
        }
        (action, Scope::TrackerPage) => {
            go(pty, Screen::Trackers);
            pty.press(key(Action::Open));
            pty.until_shown("What it said ─");
            let asked = stage.tracker.asked().len();
            pty.press(pressed);
            match action {
                Action::Open => {
                    pty.until_shown("with source:127.0.0.1:");
                    pty.press(key(Action::Back));
                    pty.until_shown("[all");
                    pty.until_gone("with source:");
                }
                Action::Announce => pty.until("it is asked again, or said to be soon", |screen| {
                    let says =
                        screen.contents().contains("asking now") || screen.contents().contains("in 1m");
                    (says || stage.tracker.asked().len() > asked).then_some(())
                }),
                // No source stands before the tracker: its page stays.
                Action::NextTab => {
                    pty.until_shown("DHT ── 2 of 4 ─");
                    pty.press(key(Action::PreviousTab));
                    pty.until_shown("── 1 of 4 ─");
                }
                _ => pty.until_shown("── 1 of 4 ─"),
            }
            go(pty, Screen::Overview);
        }
        (Action::Filter, Scope::KeysPage) => {
            pty.press(key(Action::Keys));
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.write(b"go on ban\r");
            pty.until_gone(HELP);
            pty.press(key(Action::Back));
            pty.until_shown(HELP);
            pty.press(key(Action::Back));
            pty.until_gone(HELP);
        }
        (Action::Filter, Scope::Log) => {
            go(pty, Screen::Log);
            pty.press(pressed);
            pty.write(b"listening\r");
            pty.until_shown("1 with listening");
            pty.press(key(Action::Back));
            pty.until_shown("time since the start");
        }
        (Action::Filter, _) => {
            go(pty, Screen::Peers);
            pty.until_shown("127.0.0.9:");
            pty.press(pressed);
            pty.write(b"state:sending down>1k");
            pty.until_shown(" match");
            // It holds while it is typed, and says what is wrong with what is no filter.
            pty.until_gone("127.0.0.9:");
            pty.write(b" port:x\r");
            pty.until_shown("x is no number; as port:51413");
            pty.write(b"\x17\r");
            pty.until_shown("with state:sending down>1k");
            pty.until_shown("[all 3]");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
            // Esc forgets what was typed.
            pty.press(pressed);
            pty.write(b"state:sending");
            pty.until_gone("127.0.0.9:");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
        }
        (Action::Mark, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("1 marked");
            pty.press(pressed);
            pty.until_shown("2 marked");
            pty.press(key(Action::Drop));
            pty.until_shown("2 marked peers dropped");
            pty.until("both are dropped", |screen| {
                (screen.contents().matches("⊘ dropped").count() == 2).then_some(())
            });
            pty.press(key(Action::Undo));
            pty.until_gone("⊘ dropped");
            pty.press(key(Action::Back));
            pty.until_gone(" marked");
        }
        (Action::Freeze, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("screen frozen ");
            pty.until_shown("f goes on");
            pty.press(pressed);
            pty.until_gone("screen frozen ");
        }
        (Action::Zoom, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_gone("Where peers drop off");
            pty.press(pressed);
            pty.until_shown("Where peers drop off");
        }
        (Action::Columns, _) => {
            go(pty, Screen::Peers);
            pty.press(pressed);
            pty.until_shown("of live peers");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Choose, _) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::Last));
            pty.until_shown("▸   limited_by");
            pty.press(pressed);
            pty.until_shown("▸ ✓ limited_by");
            pty.press(pressed);
            pty.until_shown("▸   limited_by");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Automatic, _) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::Last));
            pty.press(key(Action::Choose));
            pty.until_shown("▸ ✓ limited_by");
            pty.press(pressed);
            pty.until_shown("▸   limited_by");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::NextPanel, Scope::ColumnsPage) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(pressed);
            pty.until_shown("of peers that are not connected");
            pty.press(pressed);
            pty.until_shown("of live peers");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Sort, Scope::ColumnsPage) => {
            go(pty, Screen::Peers);
            pty.press(key(Action::Columns));
            pty.until_shown("of live peers");
            pty.press(key(Action::First));
            pty.press(key(Action::Down));
            pty.press(pressed);
            pty.until_shown("▸ ✓ address     ▴");
            pty.press(key(Action::Up));
            pty.press(pressed);
            pty.until_shown("▸ ✓ state       ▾");
            pty.press(key(Action::Back));
            pty.until_gone("of live peers");
        }
        (Action::Export, _) => {
            go(pty, Screen::Peers);
            for name in ["some.json", "some.csv", "some.md"] {
                pty.press(pressed);
                pty.until_shown("JSON of ");
                pty.write(format!("\x15{name}\r").as_bytes());
                pty.until_shown("peers to /");
                let written = std::fs::read_to_string(stage.lab.path(name)).unwrap();
                assert!(written.contains("127.0.0.9:"), "{written}");
            }
            let json: serde_json::Value =
                serde_json::from_slice(&std::fs::read(stage.lab.path("some.json")).unwrap()).unwrap();
            assert_eq!(json["schema"], "ttui.peers/1");
            let shown = json["peers"].as_array().unwrap().len();
            assert!(json["peers"][0]["received_bytes"].is_u64(), "{json}");
            let markdown = std::fs::read_to_string(stage.lab.path("some.md")).unwrap();
            assert!(
                markdown.starts_with("| STATE | ADDRESS |") && markdown.contains("| HAS |"),
                "{markdown}"
            );
            pty.press(pressed);
            pty.until_shown(&format!("JSON of {shown} peers"));
            pty.write(b"\x15some.csv\r");
            pty.until_shown("nothing is overwritten");
            pty.write(b"\x15missing/some.csv\r");
            pty.until_shown("there is no such folder");
            pty.until_shown("export  missing/some.csv");
            pty.write(b"\x15another.csv\r");
            pty.until_shown("peers to /");
            go(pty, Screen::Files);
            pty.press(pressed);
            pty.write(b"\x15files.csv\r");
            pty.until_shown("Wrote 3 files to /");
            let files = std::fs::read_to_string(stage.lab.path("files.csv")).unwrap();
            assert!(files.starts_with("path,length,good_bytes\r\n"), "{files}");
        }
        (Action::Copy, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            let before = pty.count();
            pty.press(pressed);
            pty.until_shown(&format!("Copied: {address}"));
            pty.until_written(before, b"\x1b]52;c;MTI3LjAuMC4");
        }
        (Action::Record, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("Recording to ttui-");
            pty.until_shown("● rec");
            pty.press(pressed);
            pty.until_shown("Recording ended: ");
            pty.until_gone("● rec");
            let recordings = std::fs::read_dir(stage.lab.path(".")).unwrap();
            let recordings = recordings
                .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".ttrec"));
            assert_eq!(recordings.count(), 1);
        }
        (Action::Add, _) => {
            let go_on = |pty: &Pty| pty.until_gone("Esc leave");
            go(pty, Screen::Peers);
            pty.press(pressed);
            pty.until_shown("a path, a magnet, or a peer and its port");
            // Every key is text, those that would quit or show another screen included.
            pty.write(b"127.0.0.1q");
            pty.until_shown("127.0.0.1q");
            pty.until_shown("and its port behind a colon");
            pty.write(b"\r\x7f:1\r");
            go_on(pty);
            pty.until_shown("127.0.0.1:1 ");
            pty.press(pressed);
            pty.write(b"\x1b[200~[::1]:2\x1b[201~\r");
            go_on(pty);
            pty.until_shown("[::1]:2 ");
            pty.press(pressed);
            pty.write(b"12");
            pty.until_shown("four numbers");
            pty.press(key(Action::Back));
            go_on(pty);
        }
        (Action::LimitDown | Action::LimitUp, _) => {
            let word = if action == Action::LimitDown { "download" } else { "upload" };
            pty.press(pressed);
            pty.until_shown("now no limit");
            pty.write(b"9M\r");
            pty.until_shown(&format!("{word} 9.0 MiB/s"));
            pty.press(pressed);
            pty.until_shown("now 9.0 MiB/s");
            pty.write(b"x\r");
            pty.until_shown("as 500k");
            pty.write(b"\x15\r");
            pty.until_shown(&format!("{word} no limit"));
        }
        (Action::NextTab | Action::PreviousTab, Scope::KeysPage) => {
            pty.press(key(Action::Keys));
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.until_gone(HELP);
            pty.press(key(Action::Back));
            pty.until_gone("Help  ");
        }
        (Action::NextTab, Scope::Peers) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("[live");
            pty.press(key(Action::PreviousTab));
            pty.until_shown("[all");
        }
        (Action::PreviousTab, Scope::Peers) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("[banned");
            pty.press(key(Action::NextTab));
            pty.until_shown("[all");
        }
        (Action::NextTab, _) => {
            page(pty);
            pty.until_shown("peer 1 of");
            pty.press(pressed);
            pty.until_shown("peer 2 of");
        }
        (Action::PreviousTab, _) => {
            page(pty);
            pty.write(b"]");
            pty.until_shown("peer 2 of");
            pty.press(pressed);
            pty.until_shown("peer 1 of");
        }
        (Action::Sort, _) => {
            go(pty, Screen::Overview);
            pty.until_shown("by state ▾");
            pty.press(pressed);
            pty.until_shown("Sort by ──");
            for (letter, order) in [("c", "by client ▴"), ("c", "by client ▾"), ("s", "by state ▾")] {
                pty.write(letter.as_bytes());
                pty.until_shown(order);
            }
            pty.press(key(Action::Back));
            pty.until_gone("Sort by ──");
        }
        (Action::Reverse, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("by state ▴");
            pty.press(pressed);
            pty.until_shown("by state ▾");
        }
        (Action::Window, _) => {
            go(pty, Screen::Overview);
            // In a word where the rates leave no room for more.
            let windows = [
                ("last 5 minutes", "5 min"),
                ("last 15 minutes", "15 min"),
                ("last hour", "1 h"),
                ("whole run", "run"),
                ("last minute", "1 min"),
            ];
            for (long, short) in windows {
                let said = [long.to_owned(), format!(" {short} · t"), format!("Speed, {short} ")];
                pty.press(pressed);
                pty.until(long, |screen| {
                    let text = screen.contents();
                    said.iter().any(|said| text.contains(said)).then_some(())
                });
            }
        }
        (Action::Layer, _) => {
            go(pty, Screen::Pieces);
            for layer in ["how many have it", "who sent it", "when it came", "what is here"] {
                pty.press(pressed);
                pty.until_shown(&format!("{layer} · v"));
            }
        }
        // The whole torrent fills the screen, in parts of pieces: there is nothing closer, and nothing further away.
        (Action::Closer, _) => {
            go(pty, Screen::Pieces);
            pty.until_shown("cells = 1 piece");
            pty.press(pressed);
            pty.until_shown("one cell is a part of a piece.");
        }
        (Action::Further, _) => {
            go(pty, Screen::Pieces);
            pty.press(pressed);
            pty.until_shown("This is the whole torrent.");
        }
        (Action::NextPanel | Action::PreviousPanel, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            // Where it was left the last time, until somebody moves.
            pty.press(key(Action::First));
            row_has(pty, "known", true);
            pty.press(pressed);
            row_has(pty, "known", false);
        }
        (Action::Down, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            pty.press(pressed);
            row_has(pty, &address, false);
        }
        (Action::Up, _) => {
            let first = list(pty);
            let address = first.split_whitespace().nth(2).unwrap().to_owned();
            pty.press(key(Action::Down));
            row_has(pty, &address, false);
            pty.press(pressed);
            row_has(pty, &address, true);
        }
        (Action::Right, _) => {
            at_piece(pty, true);
            pty.press(pressed);
            pty.until_shown("Piece 1 ─");
        }
        (Action::Left, _) => {
            at_piece(pty, true);
            pty.press(key(Action::Right));
            pty.until_shown("Piece 1 ─");
            pty.press(pressed);
            pty.until_shown("Piece 0 ─");
        }
        (Action::PageDown | Action::Last, _) => {
            at_piece(pty, true);
            pty.press(pressed);
            pty.until_shown("Piece 98 ─");
        }
        (Action::PageUp | Action::First, _) => {
            at_piece(pty, false);
            pty.press(pressed);
            pty.until_shown("Piece 0 ─");
        }
        (Action::Open, Scope::PeerPage) => {
            page(pty);
            pty.until_shown("Enter all 68 bytes");
            pty.press(pressed);
            pty.until_shown("Enter field by field");
            pty.press(pressed);
            pty.until_shown("Enter all 68 bytes");
        }
        (Action::Open, Scope::Trackers) => {
            go(pty, Screen::Trackers);
            pty.press(pressed);
            pty.until_shown("What it said ─");
            pty.press(key(Action::Back));
            pty.until_gone("What it said ─");
        }
        (Action::Open, Scope::Pieces) => {
            at_piece(pty, true);
            pty.press(pressed);
            pty.until_shown("with has:0");
            pty.press(key(Action::Back));
            pty.until_gone("with has:0");
        }
        (Action::Open, Scope::Files) => {
            go(pty, Screen::Files);
            pty.press(key(Action::First));
            pty.until_shown("c.bin");
            pty.press(pressed);
            pty.until_gone("c.bin");
            pty.press(pressed);
            pty.until_shown("c.bin");
        }
        (Action::Open, _) => {
            list(pty);
            pty.press(pressed);
            pty.until_shown("Attempts ─");
            // In the funnel: the peers of that step.
            go(pty, Screen::Overview);
            pty.press(key(Action::NextPanel));
            for _ in 0..3 {
                pty.press(key(Action::Down));
            }
            row_has(pty, "handshaken", true);
            pty.press(pressed);
            pty.until_shown("handshaken");
            pty.until_gone("127.0.0.9:");
            pty.press(key(Action::Back));
            pty.until_shown("127.0.0.9:");
            go(pty, Screen::Overview);
            pty.press(key(Action::Back));
            row_has(pty, "handshaken", false);
        }
        (Action::Back, _) => {
            page(pty);
            pty.press(pressed);
            pty.until_shown("[all");
        }
        (Action::Why, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("what the numbers mean");
            pty.press(pressed);
            pty.until_gone("what the numbers mean");
        }
        (Action::Torrent, _) => {
            go(pty, Screen::Overview);
            pty.press(pressed);
            pty.until_shown("Info hash");
            pty.until_shown("Limits ");
            pty.press(pressed);
            pty.until_gone("Info hash");
        }
        (Action::LogTimes, _) => {
            go(pty, Screen::Log);
            pty.press(pressed);
            pty.until_shown("time of day, UTC");
            pty.press(pressed);
            pty.until_shown("time since the start");
        }
        (Action::Units, _) => {
            go(pty, Screen::Overview);
            pty.until_shown("6.2 MiB");
            pty.press(pressed);
            pty.until_shown("6.5 MB");
            pty.press(pressed);
            pty.until_shown("6.2 MiB");
        }
        (Action::Keys, _) => {
            pty.press(pressed);
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.until_gone(HELP);
        }
        (Action::Quit, _) => {
            go(pty, Screen::Overview);
            pty.press(key(Action::Keys));
            pty.until_shown(HELP);
            pty.press(pressed);
            pty.until_gone(HELP);
            pty.press(pressed);
            pty.until_shown("q again stops the download");
            pty.press(key(Action::Back));
            pty.until_gone("q again stops the download");
            assert!(pty.is_running());
        }
        (Action::Mouse, _) => {
            // What turns clicks and the wheel off, and on again.
            for told in ["\x1b[?1006l\x1b[?1000l", "\x1b[?1000h\x1b[?1006h"] {
                let before = pty.count();
                pty.press(pressed);
                pty.until_written(before, told.as_bytes());
            }
        }
        (Action::Redraw, _) => {
            go(pty, Screen::Overview);
            let before = pty.count();
            pty.press(pressed);
            pty.until_written(before, b"\x1b[2J");
            // What did not change is written as well.
            pty.until_written(before, "Where peers drop off".as_bytes());
        }
        (Action::QuitNow, _) => {
            let lab = Lab::new();
            let mut other = Pty::spawn(demo(&lab), 80, 24);
            other.until_shown("Where peers drop off");
            other.press(key(Action::Keys));
            other.press(pressed);
            assert_eq!(other.ended_within(SOON), 0);
            assert_given_back(&other);
        }
        (Action::Suspend, _) => stops_and_comes_back(pressed),
        // They hold over a recording only, where tests/replay.rs presses them.
        (Action::Replay(_) | Action::GoTo, _) => {}
    }
}

/// Ctrl-Z gives the terminal to the shell, and `fg` draws everything again.
fn stops_and_comes_back(pressed: Key) {
    let lab = Lab::new();
    let mut command = CommandBuilder::new("sh");
    let script = "set -m; \"$0\" demo --fast; echo; echo it stopped; read line; fg; echo it ended with $?";
    command.args(["-c", script, env!("CARGO_BIN_EXE_ttui")]);
    settle(&mut command, &lab);
    let mut pty = Pty::spawn(command, 80, 24);
    pty.until_shown("Where peers drop off");
    pty.press(pressed);
    pty.until("the shell has its screen", |screen| {
        (!screen.alternate_screen() && screen.contents().contains("it stopped")).then_some(())
    });
    assert!(!pty.look(vt100::Screen::hide_cursor));
    let before = pty.count();
    pty.write(b"\n");
    pty.until("everything is drawn again", |screen| {
        (screen.alternate_screen() && screen.contents().contains("Where peers drop off")).then_some(())
    });
    pty.until_written(before, b"\x1b[?25l");
    pty.press(key(Action::QuitNow));
    pty.until_shown("it ended with 0");
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_as_the_settings_have_them_and_the_screen_says_so() {
    let lab = Lab::new();
    let settings =
        lab.write("settings.toml", b"[keys]\nkeys = ['F1']\nshow-log = ['Ctrl-G', '6']\nquit = ['Q']\n");
    let mut command = demo(&lab);
    command.args(["--config", settings.to_str().unwrap()]);
    let mut pty = Pty::spawn(command, 120, 40);
    // Whoever is here for the first time is told where to look, until a key is pressed.
    pty.until_shown("F1 keys · w why");
    pty.write(b"?\x07");
    pty.until_shown(sign_of(Screen::Log));
    pty.until_shown("Q quit");
    pty.write(b"\x1bOP");
    pty.until_shown(HELP);
    pty.write(b"QQQ");
    assert_eq!(pty.ended_within(SOON), 0);
}
