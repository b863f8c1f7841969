//! What a peer was told of us: who we are, what we have, and that we want nothing any more.

use super::metadata::length_of;
use super::output::Output;
use super::theirs::Theirs;
use super::{Holdings, Ours};
use crate::metainfo::Bitfield;
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
    /// Begins: what we have, then who we are, then where our DHT node is. Without a geometry we have nothing.
    pub(super) fn begin(
        ours: &Ours,
        holdings: Option<&Holdings>,
        reserved: Reserved,
        output: &mut Output,
    ) -> Self {
        let snapshot = holdings.map(|holdings| holdings.haves.snapshot());
        let is_full = snapshot.as_ref().is_some_and(|(have, _)| have.is_full());
        let (have, place) = snapshot.unwrap_or_else(|| (Bitfield::empty(0), 0));
        if reserved.fast() && is_full {
            output.push(&Message::HaveAll);
        } else if reserved.fast() && have.is_empty() {
            output.push(&Message::HaveNone);
        } else if !have.is_empty() {
            output.push(&Message::Bitfield(have.to_bytes().into()));
        }
        let mut told = Self { extended: reserved.extension_protocol(), place, upload_only: false };
        let wants_nothing = holdings.is_some_and(Holdings::wants_nothing);
        told.introduce(ours, holdings, wants_nothing, output);
        if let Some(port) = ours.dht_port.filter(|_| reserved.dht()) {
            output.push(&Message::Port(port));
        }
        told
    }

    /// Says who we are, how long the metadata are that it can have of us (BEP 9), and whether we want nothing any more
    /// (BEP 21).
    fn introduce(
        &mut self,
        ours: &Ours,
        holdings: Option<&Holdings>,
        upload_only: bool,
        output: &mut Output,
    ) {
        if self.extended {
            // That it is so no more is said where it was said that it is.
            let said = (upload_only || self.upload_only).then_some(upload_only);
            let metadata_bytes = holdings
                .and_then(|holdings| holdings.info.as_ref())
                .map(|info| length_of(info.length_bytes()));
            let listen_port = ours.listen_port();
            let known = ours.introduction.clone();
            let introduction = ExtensionHandshake { upload_only: said, metadata_bytes, listen_port, ..known };
            output.push(&Message::Extended { id: 0, payload: introduction.encode().into() });
        }
        self.upload_only = upload_only;
    }

    /// The geometry is known: says what we have of it, too late for a bitfield.
    pub(super) fn catch_up(&mut self, ours: &Ours, holdings: &Holdings, output: &mut Output) {
        let (have, place) = holdings.haves.snapshot();
        self.place = place;
        have.numbers().for_each(|number| output.push(&Message::Have(number)));
        let wants_nothing = holdings.wants_nothing();
        if wants_nothing || holdings.info.is_some() {
            self.introduce(ours, Some(holdings), wants_nothing, output);
        }
    }

    /// Says what we have more by now, less what it has itself, and whether we want nothing any more, or do again.
    pub(super) fn go_on(&mut self, ours: &Ours, holdings: &Holdings, theirs: &Theirs, output: &mut Output) {
        if holdings.haves.has_news(self.place) {
            holdings.haves.tell(&mut self.place, |piece| {
                if !theirs.has(piece) {
                    output.push(&Message::Have(piece.number()));
                }
            });
        }
        let wants_nothing = holdings.wants_nothing();
        if wants_nothing != self.upload_only {
            self.introduce(ours, Some(holdings), wants_nothing, output);
        }
    }
}
