//! The events of version 1.

use super::*;

pub(super) fn event() -> Form {
    kinds! {
        Phase: fields! {
            phase: phase(),
            reason: option(TEXT),
        },
        Checked: fields! {
            done: UNSIGNED,
            of: UNSIGNED,
        },
        Had: fields! {
            pieces: piece_set(),
        },
        Listening: fields! {
            port: UNSIGNED,
        },
        Limits: fields! {
            down_bps: option(UNSIGNED),
            up_bps: option(UNSIGNED),
        },
        PeerLearned: fields! {
            peer: UNSIGNED,
            addr: socket(),
            source: source(),
        },
        PeerMerged: fields! {
            gone: UNSIGNED,
            into: UNSIGNED,
        },
        AttemptBegan: fields! {
            peer: UNSIGNED,
            direction: direction(),
            transport: transport(),
            encryption: encryption(),
        },
        Connected: fields! {
            peer: UNSIGNED,
        },
        HandshakeSent: fields! {
            peer: UNSIGNED,
            sent: list(BYTE),
        },
        HandshakeBytes: fields! {
            peer: UNSIGNED,
            received: list(BYTE),
        },
        Handshaken: fields! {
            peer: UNSIGNED,
        },
        Extended: fields! {
            peer: UNSIGNED,
            calls_itself: option(TEXT),
            extensions: list(TEXT),
            reqq: option(UNSIGNED),
            listen_port: option(UNSIGNED),
        },
        Has: fields! {
            peer: UNSIGNED,
            pieces: piece_set(),
        },
        Have: fields! {
            peer: UNSIGNED,
            piece: UNSIGNED,
        },
        Choking: fields! {
            peer: UNSIGNED,
            by: side(),
            choking: BOOL,
        },
        Interested: fields! {
            peer: UNSIGNED,
            by: side(),
            interested: BOOL,
        },
        FirstBlock: fields! {
            peer: UNSIGNED,
        },
        PeerSample: fields! {
            peer: UNSIGNED,
            sample: peer_sample(),
        },
        AttemptEnded: fields! {
            peer: UNSIGNED,
            cause: TEXT,
            error: option(os_error()),
            detail: option(TEXT),
            bytes_in: UNSIGNED,
            bytes_out: UNSIGNED,
        },
        NextTry: fields! {
            peer: UNSIGNED,
            at: option(time()),
        },
        NotDialled: fields! {
            peer: UNSIGNED,
            cause: option(TEXT),
        },
        Held: fields! {
            peer: UNSIGNED,
            held: BOOL,
        },
        Dropped: fields! {
            peer: UNSIGNED,
            dropped: BOOL,
        },
        Banned: fields! {
            peer: UNSIGNED,
            until: option(time()),
            reason: TEXT,
        },
        IncomingFailed: fields! {
            addr: ip(),
            cause: TEXT,
        },
        PieceOpened: fields! {
            piece: UNSIGNED,
        },
        PieceClosed: fields! {
            piece: UNSIGNED,
        },
        PieceVerified: fields! {
            piece: UNSIGNED,
            from: list(UNSIGNED),
        },
        PieceFailed: fields! {
            piece: UNSIGNED,
            from: list(UNSIGNED),
        },
        TrackerKnown: fields! {
            tracker: UNSIGNED,
            tier: UNSIGNED,
            url: TEXT,
        },
        AnnounceBegan: fields! {
            tracker: UNSIGNED,
            kind: announce_kind(),
        },
        AnnounceAnswered: fields! {
            tracker: UNSIGNED,
            answer: answer(),
        },
        AnnounceFailed: fields! {
            tracker: UNSIGNED,
            error: tracker_error(),
            text: TEXT,
        },
        NextAnnounce: fields! {
            tracker: UNSIGNED,
            at: option(time()),
        },
        Sample: sample(),
        Note: fields! {
            severity: severity(),
            text: TEXT,
            answer: BOOL,
        },
        LooksLike: fields! {
            peer: UNSIGNED,
            what: looks_like(),
        },
        Traffic: fields! {
            peer: UNSIGNED,
            bytes_in: UNSIGNED,
            bytes_out: UNSIGNED,
        },
        Probing: UNIT,
        Agreed: fields! {
            peer: UNSIGNED,
            payload: payload(),
        },
        Recording: fields! {
            on: BOOL,
        },
        PieceBlocks: fields! {
            piece: UNSIGNED,
            blocks: blocks(),
        },
        Preparing: fields! {
            done: UNSIGNED,
            of: UNSIGNED,
        },
    }
}

fn side() -> Form {
    names! { Us, Them }
}
