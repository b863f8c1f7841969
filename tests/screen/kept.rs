//! `ttui` alone on a terminal: what is kept, or how one begins.

use super::*;

/// `ttui` alone, with the output folder of the lab.
fn alone(lab: &Lab) -> Pty {
    Pty::spawn(ttui(lab, &["-o", lab.out().to_str().unwrap()]), 80, 24)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_is_kept_the_screen_says_how_to_begin_and_what_is_added_there_is_kept() {
    let lab = Lab::new();
    let payload = Recipe::file("one.bin", 64 * PIECE, PIECE).make();
    let path = lab.torrent(&payload);
    let mut pty = alone(&lab);
    pty.until_shown("No torrents");
    pty.until_shown("Paste a magnet or a path, or press a.");
    // Nothing was done, and nothing is missing.
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 0);
    assert_given_back(&pty);

    let mut pty = alone(&lab);
    pty.until_shown("No torrents");
    for screen in [Screen::Overview, Screen::Peers, Screen::Files, Screen::Torrents] {
        pty.press(key(Action::Show(screen)));
    }
    pty.press(key(Action::Torrent));
    pty.press(key(Action::Pause));
    pty.press(key(Action::Forget));
    // What cannot be read is asked again, as it was typed.
    pty.write(b"a/nowhere/a.torrent\r");
    pty.until_shown("into  ");
    pty.write(b"\r");
    pty.until_shown("add  /nowhere/a.torrent");
    pty.until_shown("No torrents");
    pty.write(b"\x15");
    pty.write(format!("{}\r", path.display()).as_bytes());
    pty.until_shown("into  ");
    pty.write(b"\r");
    pty.until_shown("Added one.bin.");
    pty.until_shown("1 torrent");
    pty.until_shown(sign_of(Screen::Torrents));
    pty.press(key(Action::Quit));
    pty.until_shown("q again");
    pty.press(key(Action::Quit));
    assert_eq!(pty.ended_within(SOON), 1);

    let mut pty = alone(&lab);
    pty.until_shown("one.bin");
    pty.until_shown(sign_of(Screen::Overview));
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    assert_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_is_listed_and_runs_again_when_it_is_resumed() {
    // Completed without a screen, and on one that does not seed.
    for last in ["--headless", "--no-seed"] {
        let lab = Lab::new();
        let payload = Recipe::file("one.bin", 4 * PIECE, PIECE).make();
        payload.lay_out(&lab.out());
        let (path, out) = (lab.torrent(&payload), lab.out());
        let named = [path.to_str().unwrap(), "-o", out.to_str().unwrap(), last];
        assert_eq!(Pty::spawn(ttui(&lab, &named), 80, 24).ended_within(SOON), 0, "{last}");
        let mut pty = alone(&lab);
        pty.until_shown("1 at rest");
        pty.until("it is listed as done", |screen| {
            screen.rows(0, 80).find(|row| row.contains("done") && row.contains("one.bin")).map(drop)
        });
        pty.press(key(Action::Pause));
        pty.until_shown("1 seeding");
        pty.press(key(Action::Quit));
        assert_eq!(pty.ended_within(SOON), 0);
        assert_given_back(&pty);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_one_torrent_holds_it_alone_and_is_kept() {
    let lab = Lab::new();
    let mut files = Vec::new();
    let mut seeds = Vec::new();
    for (name, number) in [("one.bin", 1), ("two.bin", 2)] {
        let tracker = support::Tracker::http(Reply::nobody()).await;
        let recipe = Recipe::file(name, 400 * PIECE, PIECE).seed(number).tier(&[&tracker.url()]);
        let named = recipe.make();
        let seed = Seed::start(&named, Script { bps: 2_000_000, ..Script::default() }).await;
        tracker.reply(Reply::Compact(vec![seed.addr]));
        files.push(lab.write(&format!("{name}.torrent"), &named.torrent_bytes));
        seeds.push((seed, tracker));
    }
    let out = lab.out();
    let named = [files[0].to_str().unwrap(), files[1].to_str().unwrap(), "-o", out.to_str().unwrap()];
    let mut pty = Pty::spawn(ttui(&lab, &named), 120, 40);
    pty.until_shown("2 downloading");
    pty.press(key(Action::LimitDown));
    pty.until_shown("Tab this torrent");
    pty.write(b"\t50k");
    pty.until_shown("its own limit ↓");
    pty.write(b"\r");
    // The other one goes on as before.
    let rate = |screen: &vt100::Screen, name: &str| {
        let row = screen.rows(0, 120).find(|row| row.contains(name) && row.contains("downloading"))?;
        let words: Vec<String> = row.split_whitespace().map(str::to_owned).collect();
        let at = words.iter().position(|word| word == "K" || word == "M")?;
        Some((words[at - 1].parse::<f64>().ok()?, words[at].clone()))
    };
    pty.until("the first is slow, and the second is not", |screen| {
        let (one, other) = (rate(screen, "one.bin")?, rate(screen, "two.bin")?);
        (one.1 == "K" && one.0 < 80.0 && other.1 == "M").then_some(())
    });
    pty.write(b"\r");
    pty.until_shown("limit ↓ 50.0 KiB/s");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
    let kept = ttui::library::Library::of(&lab.state()).list().unwrap().entries;
    assert_eq!(kept.iter().map(|entry| entry.down_bps).collect::<Vec<_>>(), [Some(51_200), None]);
    let mut pty = Pty::spawn(ttui(&lab, &[]), 120, 40);
    pty.until_shown("2 downloading");
    pty.write(b"\r");
    pty.until_shown("limit ↓ 50.0 KiB/s");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_forgotten_is_gone_with_the_end_of_the_run_and_its_data_stay() {
    let lab = Lab::new();
    let payload = Recipe::file("one.bin", 4 * PIECE, PIECE).make();
    let seed = Seed::start(&payload, Script::default()).await;
    let ended = support::program::download(&lab, &payload, &["--peer", &seed.addr.to_string()]).ended().await;
    assert_eq!(ended.code(), 0, "{ended:#?}");
    let kept = || ttui::library::Library::of(&lab.state()).list().unwrap().entries.len();
    let about = payload.info_hash().to_string();
    let is_remembered = || {
        let folders = [lab.state(), lab.state().join("torrents")];
        let names = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
        names.map(Result::unwrap).any(|entry| entry.file_name().to_string_lossy().contains(&about))
    };
    // Brought back it is as if nothing had been; what is not brought back is gone when the run ends.
    for (undoes, left) in [(true, 1), (false, 0)] {
        let mut pty = alone(&lab);
        pty.until_shown("1 at rest");
        pty.press(key(Action::Forget));
        pty.until_shown("No torrents");
        if undoes {
            pty.press(key(Action::Undo));
            pty.until_shown("1 at rest");
        }
        pty.press(key(Action::Quit));
        assert_eq!(pty.ended_within(SOON), 0);
        assert_eq!((kept(), is_remembered()), (left, undoes));
        payload.assert_at(&lab.out());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_every_file_is_skipped_nothing_is_wanted_and_every_place_says_so() {
    let lab = Lab::new();
    let payload = Recipe::file("one.bin", 4 * PIECE, PIECE).make();
    let (path, out) = (lab.torrent(&payload), lab.out());
    let named = [path.to_str().unwrap(), "-o", out.to_str().unwrap()];
    let mut pty = Pty::spawn(ttui(&lab, &[&named[..], &["--no-seed"]].concat()), 80, 24);
    pty.until_shown(sign_of(Screen::Overview));
    pty.press(key(Action::Show(Screen::Files)));
    pty.until_shown(sign_of(Screen::Files));
    pty.press(key(Action::Want));
    // Nothing is missing, and all the same it is not done: it does not end.
    pty.until_shown("– nothing wanted");
    pty.until_shown("0 %");
    pty.press(key(Action::Show(Screen::Overview)));
    pty.until_shown("Nothing is wanted: every file is skipped.");
    pty.press(key(Action::Show(Screen::Torrents)));
    pty.until("the row says it", |screen| {
        screen.rows(0, 80).find(|row| row.contains("– unwanted") && row.contains("one.bin")).map(drop)
    });
    pty.until_shown("1 at rest");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1, "it is not complete");
    // Without a screen nobody can choose: it ends, and says what is the matter.
    let mut pty = Pty::spawn(ttui(&lab, &[&named[..], &["--headless"]].concat()), 80, 24);
    pty.until_shown("unwanted: every file of one.bin is skipped; --files says which to download");
    assert_eq!(pty.ended_within(SOON), 1);
    // Where it is not named nothing is asked of it.
    let mut pty = Pty::spawn(ttui(&lab, &["--headless"]), 80, 24);
    assert_eq!(pty.ended_within(SOON), 0);
    // One file is wanted again: it is looked for.
    let mut pty = Pty::spawn(ttui(&lab, &[&named[..], &["--files", "0"]].concat()), 80, 24);
    pty.until_shown("downloading");
    pty.press(key(Action::QuitNow));
    assert_eq!(pty.ended_within(SOON), 1);
}
