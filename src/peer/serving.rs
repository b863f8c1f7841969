//! What a peer may ask us for, and what it asked.

use super::output::Output;
use super::upload::Upload;
use super::{Fault, Holdings};
use crate::event::Cause;
use crate::metainfo::{Geometry, PieceIndex};
use crate::wire::{BlockSpec, MAX_REQUEST, Message};

/// Our choke, and the requests that pass it.
#[derive(Debug)]
pub(super) struct Serving {
    fast: bool,
    am_choking: bool,
    /// Pieces it may ask for while we choke it, and how many bytes of each it may have yet (BEP 6).
    allowed: Vec<(PieceIndex, u64)>,
    upload: Upload,
}

impl Serving {
    /// As a connection begins: choked.
    pub(super) fn new(fast: bool) -> Self {
        Self { fast, am_choking: true, allowed: Vec::new(), upload: Upload::default() }
    }

    /// What it asked for.
    pub(super) fn upload(&self) -> &Upload {
        &self.upload
    }

    /// The same, to serve it.
    pub(super) fn upload_mut(&mut self) -> &mut Upload {
        &mut self.upload
    }

    /// Chokes or unchokes it. Choking forgets what it asked for.
    pub(super) fn choke(&mut self, choking: bool, geometry: Option<Geometry>, output: &mut Output) {
        if choking == self.am_choking {
            return;
        }
        self.am_choking = choking;
        if !choking {
            output.push(&Message::Unchoke);
            return;
        }
        output.push(&Message::Choke);
        self.forget_requests(geometry, output, Self::is_allowed);
    }

    /// Refuses what it asked for and did not begin to get, less what it `may` have all the same.
    fn forget_requests(
        &mut self,
        geometry: Option<Geometry>,
        output: &mut Output,
        may: impl Fn(&mut Self, PieceIndex, u32) -> bool,
    ) {
        for spec in self.upload.forget(output) {
            let piece = geometry.and_then(|geometry| geometry.piece(spec.index));
            let kept = piece.filter(|&piece| may(self, piece, spec.length));
            let kept = kept.is_some_and(|piece| self.upload.request(piece, spec).is_ok());
            if self.fast && !kept {
                output.push(&Message::Reject(spec));
            }
        }
    }

    /// It may ask for these pieces while we choke it, for each once, and for no others.
    pub(super) fn allow_fast(&mut self, pieces: &[PieceIndex], geometry: Geometry, output: &mut Output) {
        for (piece, left_bytes) in &mut self.allowed {
            if !pieces.contains(piece) {
                *left_bytes = 0;
            }
        }
        for &piece in pieces.iter().filter(|_| self.fast) {
            if !self.allowed.iter().any(|(known, _)| *known == piece) {
                output.push(&Message::AllowedFast(piece.number()));
                self.allowed.push((piece, u64::from(geometry.length_of(piece))));
            }
        }
        if self.am_choking && self.allowed.iter().any(|(known, _)| !pieces.contains(known)) {
            self.forget_requests(Some(geometry), output, |_, piece, _| pieces.contains(&piece));
        }
    }

    /// Whether so much of the piece may be asked for in spite of our choke. It is counted.
    fn is_allowed(&mut self, piece: PieceIndex, length: u32) -> bool {
        let left_bytes = self.allowed.iter_mut().find(|(known, _)| *known == piece).map(|(_, left)| left);
        let after = left_bytes.as_ref().and_then(|left| left.checked_sub(u64::from(length)));
        left_bytes.zip(after).map(|(left, after)| *left = after).is_some()
    }

    /// It asks for bytes of this piece.
    ///
    /// # Errors
    ///
    /// When they are none of the piece, or it asks for too many.
    pub(super) fn request(
        &mut self,
        piece: PieceIndex,
        spec: BlockSpec,
        holdings: &Holdings,
        output: &mut Output,
    ) -> Result<(), Fault> {
        let end = u64::from(spec.begin) + u64::from(spec.length);
        let piece_bytes = holdings.geometry.length_of(piece);
        if spec.length == 0 || spec.length > MAX_REQUEST || end > u64::from(piece_bytes) {
            let detail =
                format!("a request for {} bytes at {} of piece {}", spec.length, spec.begin, spec.index);
            return Err(Fault::new(Cause::BadMessage, detail));
        }
        if !holdings.haves.has(piece) || (self.am_choking && !self.is_allowed(piece, spec.length)) {
            return self.refuse(spec, output);
        }
        Ok(self.upload.request(piece, spec)?)
    }

    /// It asks for what it cannot have.
    ///
    /// # Errors
    ///
    /// When it does that too often.
    pub(super) fn refuse(&mut self, spec: BlockSpec, output: &mut Output) -> Result<(), Fault> {
        self.upload.refuse()?;
        if self.fast {
            output.push(&Message::Reject(spec));
        }
        Ok(())
    }

    /// It takes a request back.
    pub(super) fn cancel(&mut self, spec: BlockSpec, output: &mut Output) {
        if self.upload.cancel(spec, output) && self.fast {
            output.push(&Message::Reject(spec));
        }
    }
}
