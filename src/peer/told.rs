//! What a peer was told of us: who we are, what we have, and that we want nothing any more.

use super::Ours;
use super::output::Output;
use super::theirs::Theirs;
use crate::wire::{ExtensionHandshake, Message, Reserved};

/// How far it was told.
#[derive(Debug)]
pub(super) struct Told {
    extended: bool,
    /// Its place in the list of what we have.
    place: usize,
    /// It was told that we want nothing any more.
    upload_only: bool,
}

impl Told {
    /// Begins: what we have, then who we are.
    pub(super) fn begin(ours: &Ours, reserved: Reserved, output: &mut Output) -> Self {
        let (have, place) = ours.haves.snapshot();
        if reserved.fast() && have.is_full() {
            output.push(&Message::HaveAll);
        } else if reserved.fast() && have.is_empty() {
            output.push(&Message::HaveNone);
        } else if !have.is_empty() {
            output.push(&Message::Bitfield(have.to_bytes().into()));
        }
        let mut told = Self { extended: reserved.extension_protocol(), place, upload_only: false };
        told.introduce(ours, have.is_full(), output);
        told
    }

    /// Says who we are, and whether we want nothing any more (BEP 21).
    fn introduce(&mut self, ours: &Ours, upload_only: bool, output: &mut Output) {
        if self.extended {
            let upload_only = upload_only.then_some(true);
            let introduction = ExtensionHandshake { upload_only, ..ours.introduction.clone() };
            output.push(&Message::Extended { id: 0, payload: introduction.encode().into() });
        }
        self.upload_only = upload_only;
    }

    /// Says what we have more by now, less what it has itself.
    pub(super) fn go_on(&mut self, ours: &Ours, theirs: &Theirs, output: &mut Output) {
        if !ours.haves.has_news(self.place) {
            return;
        }
        ours.haves.tell(&mut self.place, |piece| {
            if !theirs.has(piece) {
                output.push(&Message::Have(piece.number()));
            }
        });
        if !self.upload_only && ours.haves.is_full() {
            self.introduce(ours, true, output);
        }
    }
}
