//! A BitTorrent downloader that shows what every peer is doing, and why the others are not.
//!
//! Every fact the program learns is an [`event::Event`] with a time. The [`ledger`] folds events into state, and
//! everything a person or a program gets to see (screen, headless output, `check`, exports) reads only the
//! ledger's [`ledger::View`]. Decisions ([`swarm`]) are plain state machines without clock, socket or thread;
//! [`engine`] gives them sockets, disks and time.
//!
//! # A peer, a block and a key
//!
//! **A peer.** A tracker's answer is read in `wire::tracker`; the torrent's task (`engine::torrent`) hands every address
//! in it to the swarm as `swarm::Input::Learned`. `swarm::sources` says whether that source may name such an address (what
//! is loopback, private or public: `metainfo::address`), `swarm::peer_table` gives it a row, `swarm::priority` says who is
//! dialled first, `swarm::pacer` how fast. `Action::Dial` comes back; `engine::handshake` connects and drives `peer::handshake`, plain or encrypted,
//! as `swarm::fallback` chose; who dials us is taken by `engine::listen` and handed to the torrent it names
//! (`engine::calls`). Each step is an event; a failure ends the attempt with one `event::Cause`. Its row in
//! `event::cause` says how it reads, who is to blame and whether it is tried again, `swarm::peer_table::due` says when.
//! After the handshake the connection has a task of its own (`engine::peer`), which drives `peer::connection`: what the
//! peer says becomes `peer::News`. A choke: `peer::connection` reads it, `swarm::peers` has the picker give to others
//! what was asked of the peer, `Event::Choking` tells it, `ledger::fold` and `ledger::conn` bring the `PeerRecord` up to
//! date, a column of `ui::columns` shows it. Whom we unchoke is decided in `swarm::choker`, how many in `swarm::slots`, by
//! the clock of `swarm::timers`.
//!
//! **A block.** `swarm::picker` decides which block each peer is asked for (`choice` and `request`, near the end `end_game`), and
//! takes back what does not come (`timeouts`). Which pieces are wanted follows from the files that the user chose
//! (`metainfo::Choice`), which come first from that, too (`classes`). The order reaches the peer's task, `peer::window` says when the request is
//! written. `engine::receive` reads the block into a buffer of `engine::pool`; how long a message may be says
//! `wire::message`, what an extension may hold `wire::extension`. The torrent's task tells the swarm of it
//! (`Input::Block`), and what was missing is kept (`Action::Keep`) by `engine::assembly` until its piece can be hashed and
//! written by the threads of `engine::disk`, which all torrents share (a job carries its owner), through `storage`; `storage::start` decides after a crash what is trusted.
//! `swarm::pieces` hears whether the piece was right: then others are told that we have it (`peer::haves`). Of a wrong
//! piece it bans the sender if there was one; of several, `swarm::smart_ban` finds the liar
//! once the piece is right.
//!
//! **A web seed** (BEP 19) is no peer. `swarm::web_seeds` says which server is asked for a run of blocks, over which line, and when
//! again after it failed; `swarm::picker` says which run (`request_run`). `engine::web_seed` fetches it, and reports blocks as a peer's
//! task does: from there on they go the same way. Its record is `ledger::WebSeedRecord`.
//!
//! **A magnet** is a torrent whose geometry nobody has told yet: its swarm has peers and sources, and no pieces.
//! `swarm::metadata` says whom to ask for which part of its metadata and finds who gave wrong ones; `peer::metadata` asks,
//! and gives others what we have. The whole comes as `Action::Metadata`; `engine::torrent::awaited` makes a
//! torrent of it, `engine::opening` looks at the disk, `Input::Known` answers, and the connections that are open learn the
//! geometry (`Order::Learn`).
//!
//! **Several torrents** run in one `engine::session`. It owns what there is one of (`session::resources`): the port, of TCP and of UDP
//! (`engine::udp`), peer id, clock,
//! disk threads, the budgets. A torrent that is added has its files claimed (`session::claims`), the disk looked at
//! (`session::start_up`, `engine::opening`) and then a task of its own (`engine::torrent`), which decides without the others:
//! what they share stands in its settings as its part of it (`swarm::places` of the connections, `swarm::down_share` of the download limit,
//! `swarm::pacer` of the dials), and each torrent takes its turn at the upload limit (`swarm::round_robin`). `swarm::queue`
//! says whose turn it is at all; what each does, and its row among the others, stands on `engine::board`. What is asked of
//! torrents while they run (`command::SessionCommand`) is done by the session's own task (`session::steward`), which tells of
//! all of them (`ledger::Torrents`). A torrent that seeds and is left alone wakes up for its announces alone: what time
//! brings for all is looked at once (`engine::surroundings`, `disk::alarm`), and a few threads sync what any has written
//! (`disk::syncers`). The hashes of its pieces stand in its kept file
//! alone (`metainfo::Info`), and no channel holds room for what may be said to it (`engine::mailbox`). One torrent (`engine::Download`) is a session with
//! nothing else in it.
//!
//! **The DHT** (`dht`) is driven by a task of the session (`engine::dht`): torrents that are not private have themselves looked
//! up (`look_up` in `engine::torrent::trackers`), and what nodes name reaches the swarm as `Input::Found`.
//!
//! **uTP** (`utp`) is driven by `engine::utp` on the same sockets, and its streams are connections like those of TCP
//! (`engine::line`). How a stream goes (`event::StreamFigures`) the connection's task tells now and then; the peer's page
//! (`ui::screens::peer_stream`) and columns of their own (`ui::columns`) show it.
//!
//! **The way in** through routers (`mapping`) is looked for by a task of the session for each gateway (`engine::mapping`).
//! The port that a router gave is the one that trackers and the DHT are told (`outside_port`).
//!
//! **From run to run** torrents are kept in a `library`: an entry each with its torrent file or magnet, and a lock that says
//! which process runs it. `cli::chosen` keeps what is named, or takes all that is kept; a `library::Shelf` has what of it runs
//! here, and `cli::librarian` changes that by what is asked of the session. Files go to another folder by `storage::relocate`;
//! the entry says where they go until they are there.
//!
//! **A key.** `ui::run` takes it from the terminal, `ui::keymap` finds its row in the table of `ui::action`, `ui::update`
//! changes the model or sends a `command::Command` (for one peer or all marked: `ui::bulk`). The torrent's task hands that to
//! `swarm::commands`. What follows comes back as events: the ledger folds them, `ledger::verdict` judges them (a rule, its
//! words and its evidence in one row of the file of its family; `judged` says which leads), `ledger::publish` makes a view
//! four times a second, and `ui::screens` draws it. A recording holds the same events (`record::reader`, those of older
//! versions `record::version_1`).
//!
//! **A check** is the same swarm and the same task with a policy of its own (`swarm::check`): each peer is dialled once, and
//! once the other way where that may help; each connection is given one piece. When all had their chance or the time is up,
//! `Action::Finished` ends it as `q` ends a download; `cli::check` makes the exit status of it.
//!
//! `CONTRIBUTING.md` has more questions and answers of this kind.
//!
//! # Layers
//!
//! The table is the design: `tests/layers.rs` reads it and holds the `use crate::` lines of every module
//! against it. A module may import what its row lists, and anyone may import `units` and `text`.
//!
//! | module | knows | may import |
//! |---|---|---|
//! | `units` | bytes, rates and durations in words | |
//! | `text` | makes strings that came from outside safe to show | |
//! | `metainfo` | bencode spans, torrent files, ids, piece, block and file arithmetic; which addresses a source may name | |
//! | `wire` | bytes to messages and back, no sockets: handshake, messages, extensions, tracker codecs | metainfo |
//! | `event` | events, causes, attempts, ids of peers and trackers | metainfo, wire |
//! | `ledger` | folds events into peers, funnel, groups, verdicts, series: the read model and its view | metainfo, wire, event |
//! | `command` | what a user can ask for, of a torrent and of all | metainfo, event |
//! | `peer` | the protocol of one connection, from the first byte of its handshake on: choke, interest, bitfield, requests | metainfo, wire, event |
//! | `dht` | the distributed hash table: its nodes, lookups, announces, and what it answers others | metainfo, wire, event |
//! | `mapping` | a way in through the router: PCP, NAT-PMP, and what is asked by UPnP | metainfo, wire, event |
//! | `utp` | streams over UDP (BEP 29) that give way to other traffic | metainfo, wire, event |
//! | `swarm` | decisions: peers, the picker, choking, retries, announce times | metainfo, wire, event, command, peer |
//! | `hash` | SHA-1 over running states | |
//! | `storage` | files on disk: safe opening, writing, verifying, the resume file | metainfo, hash |
//! | `library` | what is kept of torrents from run to run, and which process runs them | metainfo, hash, storage |
//! | `engine` | tasks and sockets; executes what the swarm decides, hands events to the ledger | metainfo, wire, event, ledger, command, peer, dht, mapping, utp, swarm, hash, storage, record |
//! | `record` | runs written down: the file, its writer, and the player with a handed-in clock | metainfo, event, ledger |
//! | `report` | `check`, `handshake`, `info`, `verify` and progress as text, JSON, CSV and Markdown | metainfo, wire, event, ledger, storage |
//! | `ui` | model, keys, theme, columns, widgets, screens | metainfo, event, ledger, command, record |
//! | `demo` | a small swarm on loopback inside the process, with peers that misbehave in known ways | metainfo, wire, event, peer, dht, hash, engine |
//! | `config` | settings: plain values, one table, read from a file and handed down | metainfo, event, swarm, ui |
//! | `cli` | arguments, wiring, exit status | * |

// Tests over sockets and those in here share files, which name what they test in one way.
#[cfg(test)]
extern crate self as ttui;

pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod dht;
pub mod engine;
pub mod event;
pub mod hash;
pub mod ledger;
pub mod library;
pub mod mapping;
pub mod metainfo;
pub mod peer;
pub mod record;
pub mod report;
pub mod storage;
pub mod swarm;
pub mod text;
pub mod ui;
pub mod units;
pub mod utp;
pub mod wire;
