//! The snapshots of version 1.

use super::*;

/// What a ledger knew.
pub(super) fn ledger() -> Form {
    fields! {
        run: run(),
        peers: fields! {
            rows: list(row()),
            folded: folded(),
            most_rows: UNSIGNED,
            fold_at: UNSIGNED,
        },
        pieces: fields! {
            generation: UNSIGNED,
            states: list(names! { Missing, Arriving, Failed, Good }),
            failures: UNSIGNED,
            history: history(),
        },
        trackers: list(tracker()),
        series: fields! {
            series: fields! {
                seconds: list(sample()),
                minutes: list(sample()),
                pushed: UNSIGNED,
            },
            last: option(time()),
            minute: tuple(vec![UNSIGNED, UNSIGNED, UNSIGNED]),
        },
        log: list(log_line()),
    }
}

fn run() -> Form {
    fields! {
        phase: phase(),
        phase_since: time(),
        phase_reason: option(TEXT),
        checked: option(tuple(vec![UNSIGNED, UNSIGNED])),
        preparing: option(tuple(vec![UNSIGNED, UNSIGNED])),
        down_bytes: UNSIGNED,
        up_bytes: UNSIGNED,
        last_block: option(time()),
        last_failure: option(time()),
        limits: tuple(vec![option(UNSIGNED), option(UNSIGNED)]),
        listening: option(tuple(vec![UNSIGNED, time()])),
        incoming: fields! {
            public_handshaken: UNSIGNED,
            handshaken: UNSIGNED,
            failed: UNSIGNED,
        },
        callers: fields! {
            addresses: table(option(ip()), table(TEXT, UNSIGNED)),
        },
        probing: BOOL,
        answer: option(tuple(vec![time(), TEXT])),
        recording: BOOL,
        judged: judged(),
    }
}

fn judged() -> Form {
    fields! {
        ground: option(fields! {
            phase: phase(),
            limits: tuple(vec![option(UNSIGNED), option(UNSIGNED)]),
            flows: BOOL,
            anyone: BOOL,
            held_by_user: UNSIGNED,
        }),
        held: list(fields! {
            code: verdict(),
            kind: names! { Whole, Trouble, Note, Last },
            since: time(),
            told: option(tuple(vec![finding(), look()])),
        }),
    }
}

fn verdict() -> Form {
    names! {
        no_peers_known, trackers_failing, dials_time_out, address_family_dead, port_unreached,
        encryption_wanted, all_choke_us, unchoked_but_silent, pieces_missing, snubbed_by_most, stale_tracker,
        bad_data_one_peer, bad_data_many_peers, own_limits, disk_trouble, seeds_only, paused, complete,
        healthy, slow, stalled, unknown,
    }
}

fn finding() -> Form {
    fields! {
        severity: severity(),
        text: TEXT,
        advice: TEXT,
        evidence: list(tuple(vec![TEXT, UNSIGNED])),
        explains: BOOL,
    }
}

fn look() -> Form {
    fields! {
        on: kinds! {
            Every: UNSIGNED,
            Announce: UNIT,
            Retry: UNIT,
            Peers: UNIT,
            Call: UNIT,
            User: UNIT,
        },
        at: option(time()),
    }
}

fn row() -> Form {
    fields! {
        record: peer(),
        has: kinds! {
            NotSaid: UNIT,
            All: UNIT,
            These: piece_set(),
        },
        before: tuple(vec![UNSIGNED, UNSIGNED]),
        not_dialled: option(TEXT),
        past: option(tuple(vec![group(), option(TEXT)])),
        standing: names! { Away, Choked, Unchoked, Sending },
    }
}

fn peer() -> Form {
    fields! {
        key: UNSIGNED,
        addr: socket(),
        sources: list(source()),
        stage: stage(),
        group: group(),
        cause: option(TEXT),
        attempts: list(attempt()),
        client: option(TEXT),
        calls_itself: option(TEXT),
        peer_id: option(tuple(vec![BYTE; 20])),
        reserved: option(tuple(vec![BYTE; 8])),
        extensions: list(TEXT),
        reqq: option(UNSIGNED),
        flags: fields! {
            am_choking: BOOL,
            am_interested: BOOL,
            peer_choking: BOOL,
            peer_interested: BOOL,
        },
        sample: peer_sample(),
        down_bytes: UNSIGNED,
        up_bytes: UNSIGNED,
        last_block: option(time()),
        failed_pieces: UNSIGNED,
        held: BOOL,
        dropped: BOOL,
        banned: option(tuple(vec![time(), TEXT])),
        next_try: option(time()),
        since: time(),
    }
}

fn stage() -> Form {
    names! { queued, dialling, connected, handshake_sent, handshaken, unchoked, transferring }
}

fn group() -> Form {
    names! { live, trying, failed, left, queued, banned }
}

fn attempt() -> Form {
    fields! {
        number: UNSIGNED,
        direction: direction(),
        transport: transport(),
        encryption: encryption(),
        began: time(),
        connected: option(time()),
        handshake_sent: option(time()),
        handshaken: option(time()),
        unchoked: option(time()),
        first_block: option(time()),
        ended: option(time()),
        sent: list(BYTE),
        received: list(BYTE),
        bytes_in: UNSIGNED,
        bytes_out: UNSIGNED,
        cause: option(TEXT),
        error: option(os_error()),
        detail: option(TEXT),
        looks_like: option(looks_like()),
        payload: option(payload()),
    }
}

fn folded() -> Form {
    fields! {
        remembered: list(tuple(vec![UNSIGNED, lost()])),
        tally: fields! {
            stages: tuple(vec![UNSIGNED; 7]),
            groups: fields! {
                live: UNSIGNED,
                trying: UNSIGNED,
                failed: UNSIGNED,
                left: UNSIGNED,
                queued: UNSIGNED,
                banned: UNSIGNED,
            },
            losses: list(tuple(vec![BYTE, option(TEXT), UNSIGNED])),
            trackers: list(tuple(vec![UNSIGNED, UNSIGNED, UNSIGNED])),
        },
    }
}

fn lost() -> Form {
    fields! {
        addr: socket(),
        stage: stage(),
        group: group(),
        cause: option(TEXT),
        sources: list(source()),
    }
}

fn history() -> Form {
    fields! {
        origins: list(list(fields! {
            group: UNSIGNED,
            second: UNSIGNED,
        })),
        groups: list(fields! {
            senders: senders(),
            pieces: UNSIGNED,
        }),
        failures: table(UNSIGNED, fields! {
            count: UNSIGNED,
            tries: list(fields! {
                at: time(),
                from: senders(),
            }),
        }),
        under_way: table(UNSIGNED, fields! {
            since: time(),
            told: option(time()),
            blocks: blocks(),
        }),
    }
}

fn senders() -> Form {
    fields! {
        named: list(UNSIGNED),
        more: UNSIGNED,
    }
}

fn tracker() -> Form {
    fields! {
        key: UNSIGNED,
        tier: UNSIGNED,
        url: TEXT,
        status: kinds! {
            Pending: UNIT,
            Ok: answer(),
            Failed: tuple(vec![tracker_error(), TEXT]),
        },
        asking: option(announce_kind()),
        answered: option(time()),
        failures: UNSIGNED,
        next: option(time()),
        peers: UNSIGNED,
        handshaken: UNSIGNED,
    }
}

fn log_line() -> Form {
    fields! {
        line: fields! {
            at: time(),
            severity: severity(),
            text: TEXT,
            peer: option(UNSIGNED),
        },
        alike: option(kinds! {
            Failed: TEXT,
            Called: TEXT,
            Tracker: UNSIGNED,
        }),
        count: UNSIGNED,
    }
}
