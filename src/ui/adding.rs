//! Torrents and peers that are added while the screen runs: what was typed or pasted, and where it goes.

use std::path::{Path, PathBuf};

use super::address::read_peer;
use super::field::Field;
use super::model::Model;
use super::prompt::{Ask, Prompt, Said};
use crate::command::{Addition, SessionCommand, Stood, What};
use crate::ledger::{Answer, View};
use crate::metainfo::{Magnet, PeerName, path_of_url};
use crate::units;

/// What one line names.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Named {
    /// A peer.
    Peer(PeerName),
    /// A torrent.
    Torrent(What),
}

/// Torrents on their way to be added.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Adding {
    /// What was typed of those whose folder is asked for.
    typed: Vec<String>,
    /// The lines of a paste behind the first, which stands in the field.
    more: Vec<String>,
    /// They wait until they are told to go on.
    pub(crate) paused: bool,
}

/// Something that was added and not answered yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    ticket: u32,
    typed: String,
}

impl Adding {
    /// Takes a paste of several lines: the first goes into the field, where nothing stands there. Whether it did.
    pub(super) fn take_lines(&mut self, field: &mut Field, text: &str) -> bool {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let Some(first) = lines.next().filter(|_| field.text().is_empty()) else { return false };
        let more: Vec<String> = lines.map(str::to_owned).collect();
        if more.is_empty() || !field.insert(first) {
            return false;
        }
        self.more = more;
        true
    }

    /// How what is typed is understood, or why it is not.
    pub(crate) fn says(&self, text: &str, model: &Model, view: &View) -> Said {
        if text.trim().is_empty() && self.more.is_empty() {
            return Ok("a path, a magnet, or a peer and its port".to_owned());
        }
        let said = match read(text, model)? {
            Named::Peer(_) if model.torrents.are_none() => {
                return Err("a peer is for a torrent: add one first".to_owned());
            }
            Named::Peer(PeerName::Address(addr)) if view.peers.iter().any(|peer| peer.addr == addr) => {
                "known already; dialled again".to_owned()
            }
            Named::Peer(_) => "a peer".to_owned(),
            Named::Torrent(What::Magnet(_)) => "a magnet".to_owned(),
            Named::Torrent(_) => "a torrent".to_owned(),
        };
        for (line, number) in self.more.iter().zip(2..) {
            read(line, model).map_err(|why| format!("line {number}: {why}"))?;
        }
        Ok(match self.more.len() {
            0 => said,
            more => format!("and {} more lines", units::count(more as u64)),
        })
    }

    /// What is said of the folder that they go to.
    pub(crate) fn says_of_folder(&self, text: &str) -> Said {
        if text.trim().is_empty() {
            return Err("a folder".to_owned());
        }
        let many = match self.typed.len() {
            1 => String::new(),
            count => format!("{} torrents", units::count(count as u64)),
        };
        let when = if self.paused { "paused at first" } else { "" };
        Ok([many, when.to_owned()].into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(", "))
    }

    /// The question for what is added, as it was answered.
    pub(super) fn back(self) -> Prompt {
        let mut lines = self.typed.into_iter();
        let mut prompt = Prompt::new(Ask::Add, lines.next().unwrap_or_default());
        prompt.adding.more = lines.collect();
        prompt
    }
}

/// Something was named: a peer is dialled at once for the torrent that is chosen, of torrents it is asked where they go.
pub(super) fn named(model: &mut Model, prompt: Prompt, view: &View) {
    let typed: Vec<String> =
        [prompt.field.text().trim().to_owned()].into_iter().chain(prompt.adding.more).collect();
    let named: Vec<Named> = typed.iter().filter_map(|line| read(line, model).ok()).collect();
    let to = model.torrents.selected().map_or(view.torrent.info_hash, |row| row.id);
    let mut torrents = Vec::new();
    for (named, line) in named.into_iter().zip(typed) {
        match named {
            Named::Peer(peer) => {
                let ticket = Some(ticket(model, line));
                model.wishes.push(SessionCommand::AddPeer { ticket, to, peer });
            }
            Named::Torrent(_) => torrents.push(line),
        }
    }
    if !torrents.is_empty() {
        let around = &model.surroundings;
        let folder = model.torrents.selected().map_or(&around.folder, |row| &row.output);
        let mut into = Prompt::new(Ask::Into, around.typed(folder));
        into.adding = Adding { typed: torrents, more: Vec::new(), paused: false };
        model.prompt = Some(into);
    }
    model.undoable = false;
}

/// The number under which what was typed is answered.
fn ticket(model: &mut Model, typed: String) -> u32 {
    let ticket = model.next_ticket();
    model.asked_to_add.push(Asked { ticket, typed });
    ticket
}

/// Adds the torrents to the folder that is typed.
pub(super) fn add(model: &mut Model, prompt: &Prompt) {
    let output = Some(in_full(prompt.field.text().trim(), model));
    for typed in &prompt.adding.typed {
        let Ok(Named::Torrent(what)) = read(typed, model) else { continue };
        let ticket = Some(ticket(model, typed.clone()));
        let addition = Addition {
            ticket,
            what,
            output: output.clone(),
            paused: prompt.adding.paused,
            stood: Stood::default(),
        };
        model.wishes.push(SessionCommand::Add(Box::new(addition)));
    }
}

/// Takes the answer to what was added: where it was refused it is asked again with what was typed, and why. Whether that
/// says all there is to say.
pub(super) fn answered(model: &mut Model, answer: &Answer, is_refused: bool) -> bool {
    let at = model.asked_to_add.iter().position(|asked| Some(asked.ticket) == answer.ticket);
    let Some(asked) = at.map(|at| model.asked_to_add.remove(at)) else { return false };
    match &mut model.prompt {
        _ if !is_refused => return false,
        None => model.prompt = Some(Prompt::again(Ask::Add, asked.typed, answer.text.clone())),
        Some(prompt) if prompt.ask == Ask::Add => prompt.adding.more.push(asked.typed),
        Some(_) => return false,
    }
    true
}

/// Understands one line.
fn read(text: &str, model: &Model) -> Result<Named, String> {
    let text = unquoted(text.trim());
    let path = Path::new(&*text);
    if Magnet::is_meant(path) {
        let magnet = text.parse::<Magnet>().map_err(|error| error.to_string())?;
        return Ok(Named::Torrent(What::Magnet(Box::new(magnet))));
    }
    let is_torrent = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("torrent"));
    if is_torrent || text.contains('/') || model.surroundings.is_file(path) {
        return Ok(Named::Torrent(What::File(in_full(&text, model))));
    }
    read_peer(&text).map(Named::Peer)
}

/// The text without the quotes around it, and the marks before its blanks, that a terminal puts into the path of a file that
/// is dropped on it.
fn unquoted(text: &str) -> String {
    let quoted = ['\'', '"'].into_iter().find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
    match quoted {
        Some(inner) => inner.replace(r"'\''", "'"),
        None => text.replace(r"\ ", " "),
    }
}

/// A path as it is typed in a shell or handed over by a desktop: `~/` is the home folder.
pub(super) fn in_full(text: &str, model: &Model) -> PathBuf {
    model.surroundings.in_full(&path_of_url(Path::new(text)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::ui::action::Key;
    use crate::ui::{Look, Surroundings, prompt, sample};

    const MAGNET: &str = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=it's";

    fn model() -> Model {
        let mut model = Model::new(Look::default());
        model.surroundings = Arc::new(Surroundings {
            home: Some("/home/me".into()),
            is_file: Some(|path| path == Path::new("here:6881")),
            ..Surroundings::default()
        });
        model
    }

    fn press(model: &mut Model, view: &View, code: KeyCode) {
        let _ = prompt::press(model, Key { code, ctrl: false }, view);
    }

    fn added(model: &mut Model) -> Vec<(What, Option<PathBuf>, bool)> {
        let wishes = std::mem::take(&mut model.wishes).into_iter();
        let addition = |wish| match wish {
            SessionCommand::Add(addition) => (addition.what, addition.output, addition.paused),
            other => panic!("{other:?}"),
        };
        wishes.map(addition).collect()
    }

    #[test]
    fn several_lines_that_are_pasted_are_several_torrents_in_one_folder() {
        let (view, mut model) = (sample::healthy(), model());
        prompt::paste(&mut model, "a.torrent\n\n  ~/b.torrent \nc.torrent\n", &view);
        assert_eq!(model.prompt.as_ref().unwrap().says(&model, &view), Ok("and 2 more lines".to_owned()));
        press(&mut model, &view, KeyCode::Enter);
        let folder = model.prompt.clone().unwrap();
        assert_eq!((folder.ask, folder.says(&model, &view).is_ok()), (Ask::Into, folder.field.text() != ""));
        "/x".chars().for_each(|c| press(&mut model, &view, KeyCode::Char(c)));
        // Leaving the folder loses no line.
        press(&mut model, &view, KeyCode::Esc);
        assert_eq!(model.prompt.as_ref().unwrap().says(&model, &view), Ok("and 2 more lines".to_owned()));
        press(&mut model, &view, KeyCode::Enter);
        "/x".chars().for_each(|c| press(&mut model, &view, KeyCode::Char(c)));
        press(&mut model, &view, KeyCode::Enter);
        let names: Vec<What> = added(&mut model).into_iter().map(|(what, ..)| what).collect();
        let files = ["a.torrent", "/home/me/b.torrent", "c.torrent"];
        assert_eq!(names, files.map(|path| What::File(path.into())));
        // One that is none is named by its line, and nothing is added.
        prompt::paste(&mut model, "a.torrent\nnothing\n", &view);
        let says = model.prompt.as_ref().unwrap().says(&model, &view);
        assert!(says.as_ref().is_err_and(|why| why.starts_with("line 2: ")), "{says:?}");
        press(&mut model, &view, KeyCode::Enter);
        assert!(added(&mut model).is_empty());
    }

    #[test]
    fn tab_in_the_question_for_the_folder_adds_it_paused() {
        let (view, mut model) = (sample::healthy(), model());
        for (tabs, paused) in [(0, false), (1, true), (2, false)] {
            prompt::paste(&mut model, "a.torrent", &view);
            press(&mut model, &view, KeyCode::Enter);
            (0..tabs).for_each(|_| press(&mut model, &view, KeyCode::Tab));
            let says = if paused { "paused at first" } else { "" };
            "/x".chars().for_each(|c| press(&mut model, &view, KeyCode::Char(c)));
            assert_eq!(model.prompt.as_ref().unwrap().says(&model, &view), Ok(says.to_owned()));
            press(&mut model, &view, KeyCode::Enter);
            assert!(matches!(&added(&mut model)[..], [(What::File(_), Some(_), is)] if *is == paused));
        }
    }

    #[test]
    fn paths_are_read_as_shells_and_desktops_write_them() {
        for (typed, path) in [
            ("~/a b.torrent", "/home/me/a b.torrent"),
            ("'/tmp/it'\\''s.torrent'", "/tmp/it's.torrent"),
            ("\"~/a.torrent\"", "/home/me/a.torrent"),
            (r"/tmp/a\ b.torrent", "/tmp/a b.torrent"),
            ("file:///tmp/a%20b.torrent", "/tmp/a b.torrent"),
            ("a.TORRENT", "a.TORRENT"),
            ("./no-ending", "./no-ending"),
            ("here:6881", "here:6881"),
        ] {
            assert_eq!(read(typed, &model()), Ok(Named::Torrent(What::File(path.into()))), "{typed}");
        }
        assert!(matches!(read(MAGNET, &model()), Ok(Named::Torrent(What::Magnet(_)))));
        for peer in ["192.0.2.7:6881", "there:6881", "seed.example.org:6881"] {
            assert_eq!(read(peer, &model()), Ok(Named::Peer(peer.parse().unwrap())));
        }
        assert!(read("magnet:?dn=it", &model()).is_err(), "it names no torrent");
        assert!(read("nothing", &model()).unwrap_err().contains("and its port"));
    }
}
