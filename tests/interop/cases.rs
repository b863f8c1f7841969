//! What is shown with real clients: ttui downloads from each, each downloads from ttui, byte for byte.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use color_eyre::eyre::{ContextCompat, Result, ensure};
use serde_json::Value;

use crate::clients::libtorrent::{self, Libtorrent};
use crate::clients::opentracker::Tracker;
use crate::clients::qbittorrent::Qbittorrent;
use crate::clients::rtorrent::Rtorrent;
use crate::clients::transmission::Transmission;
use crate::clients::{
    CLIENTS, Client, EXCHANGING, Encryption, IN_DHT, InDht, PEER_PORT, PeerExchange, Source, Tool, Ways, ttui,
};
use crate::lab::Lab;
use crate::net::Host;
use crate::torrents::{self, Content, Maker, Torrent};
use crate::{holepunch, local, over_utp, tree, way_in, web_seeds, wire};

/// A named case.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Without these it is skipped.
    pub(crate) needs: Vec<Tool>,
    pub(crate) run: Box<Run>,
}

/// What it does; an error says what is not as it should be.
type Run = dyn Fn(&Lab) -> Result<()> + Send + Sync;

/// Where a host is, over one family.
type At = fn(&Host) -> SocketAddr;

/// How a case gets its content and its torrent, the tracker being known.
type Recipe = fn(&Lab, Option<&str>) -> Result<(Content, Torrent)>;

/// Every case there is.
pub(crate) fn all() -> Vec<Case> {
    let (aria2, libtorrent, rtorrent) = (Tool::Aria2, Tool::Libtorrent, Tool::Rtorrent);
    let (create, mktorrent, opentracker) = (Tool::TransmissionCli, Tool::Mktorrent, Tool::Opentracker);
    let mut cases = Vec::new();
    for (name, client) in CLIENTS {
        let mut needs = vec![client.tool(), create];
        cases.push(case(&format!("downloads_from_{name}"), &needs, move |lab| {
            download_from(lab, client, plain)
        }));
        let encrypted = name.ends_with("_encrypted");
        cases.push(case(&format!("checks_{name}"), &needs, move |lab| check(lab, client, encrypted)));
        if !client.takes_peers() {
            needs.push(opentracker);
        }
        cases.push(case(&format!("seeds_to_{name}"), &needs, move |lab| seed_to(lab, client, plain)));
    }
    for (name, client) in CLIENTS.into_iter().filter(|(name, _)| !name.ends_with("_encrypted")) {
        let needs = [client.tool(), create, opentracker];
        cases.push(case(&format!("magnet_from_{name}"), &needs, move |lab| magnet_from(lab, client)));
        cases.push(case(&format!("magnet_to_{name}"), &needs, move |lab| magnet_to(lab, client)));
    }
    for (name, client) in EXCHANGING {
        let needs = [client.tool(), libtorrent, create];
        cases
            .push(case(&format!("finds_peers_through_{name}"), &needs, move |lab| find_through(lab, client)));
        cases.push(case(&format!("names_peers_to_{name}"), &needs, move |lab| name_to(lab, client)));
    }
    let v4: At = |host| host.at(PEER_PORT);
    for (name, client) in IN_DHT {
        let needs = [client.tool(), libtorrent, create];
        cases.push(case(&format!("finds_in_dht_{name}"), &needs, move |lab| find_in_dht(lab, client, v4)));
        if client.tool() != Tool::Rtorrent {
            cases.push(case(&format!("found_in_dht_by_{name}"), &needs, move |lab| {
                found_in_dht(lab, client, v4)
            }));
        }
    }
    let v6: At = |host| host.at_v6(PEER_PORT);
    cases.extend([
        case("finds_in_dht_over_ipv6", &[libtorrent, create], move |lab| {
            find_in_dht(lab, &Libtorrent(Ways::TCP), v6)
        }),
        case("found_in_dht_over_ipv6", &[libtorrent, create], move |lab| {
            found_in_dht(lab, &Libtorrent(Ways::TCP), v6)
        }),
        case("names_peers_in_dht_to_libtorrent", &[libtorrent, create], name_in_dht),
        case("downloads_through_http_tracker", &[opentracker, libtorrent, create], |lab| {
            download_through_tracker(lab, Tracker::http)
        }),
        case("downloads_through_udp_tracker", &[opentracker, libtorrent, create], |lab| {
            download_through_tracker(lab, Tracker::udp)
        }),
        case("seeds_through_udp_tracker", &[opentracker, libtorrent, create], |lab| {
            seed_through_tracker(lab, &Libtorrent(Ways::TCP), plain, Tracker::udp)
        }),
        case("downloads_odd_files_of_mktorrent", &[mktorrent, Tool::TransmissionDaemon], |lab| {
            download_from(lab, &Transmission(Ways::TCP), odd_files_of_mktorrent)
        }),
        case("seeds_odd_files_of_mktorrent", &[mktorrent, Tool::Qbittorrent], |lab| {
            seed_to(lab, &Qbittorrent(Ways::TCP), odd_files_of_mktorrent)
        }),
        case("downloads_thousand_files", &[create, libtorrent], |lab| {
            download_from(lab, &Libtorrent(Ways::TCP), thousand_files)
        }),
        case("seeds_thousand_files", &[create, rtorrent], |lab| {
            seed_to(lab, &Rtorrent(Encryption::Usual), thousand_files)
        }),
        case("chooses_files_of_libtorrent", &[create, libtorrent], choose_files),
        case("downloads_16_mib_pieces", &[mktorrent, libtorrent], |lab| {
            download_from(lab, &Libtorrent(Ways::TCP), large_pieces)
        }),
        case("seeds_16_mib_pieces", &[mktorrent, Tool::Qbittorrent], |lab| {
            seed_to(lab, &Qbittorrent(Ways::TCP), large_pieces)
        }),
        case("downloads_hybrid_without_pad_files", &[libtorrent], |lab| {
            download_from(lab, &Libtorrent(Ways::TCP), hybrid)
        }),
        case("downloads_over_ipv6", &[libtorrent, create], download_over_ipv6),
        case("seeds_over_ipv6", &[libtorrent, create], seed_over_ipv6),
        case("info_agrees_with_transmission", &[create], |lab| {
            info_agrees(lab, Maker::TransmissionCreate, |torrent| {
                let mut command = Command::new("transmission-show");
                command.arg(&torrent.path);
                Ok((command, "Hash:"))
            })
        }),
        case("info_agrees_with_libtorrent", &[libtorrent], |lab| {
            info_agrees(lab, Maker::Libtorrent, |torrent| {
                let mut command = Command::new(libtorrent::PYTHON);
                command.arg(libtorrent::script(lab)?).arg("hash").arg(&torrent.path);
                Ok((command, "v1:"))
            })
        }),
        case("info_agrees_with_mktorrent_and_aria2", &[mktorrent, aria2], |lab| {
            info_agrees(lab, Maker::Mktorrent, |torrent| {
                let mut command = Command::new("aria2c");
                command.arg("--no-conf=true").arg("-S").arg(&torrent.path);
                Ok((command, "Info Hash:"))
            })
        }),
    ]);
    cases.extend(way_in::all());
    cases.extend(local::all());
    cases.extend(web_seeds::all());
    cases.extend(over_utp::all());
    cases.extend(holepunch::all());
    cases.extend(wire::all());
    cases
}

pub(crate) fn case(
    name: &str,
    needs: &[Tool],
    run: impl Fn(&Lab) -> Result<()> + Send + Sync + 'static,
) -> Case {
    Case { name: name.to_owned(), needs: needs.to_vec(), run: Box::new(run) }
}

/// One file whose length is neither a multiple of the piece length nor of a block.
pub(crate) fn plain(lab: &Lab, tracker: Option<&str>) -> Result<(Content, Torrent)> {
    let content = torrents::one_file(lab, "plain.bin", 12 * 1024 * 1024 + 4_321)?;
    let torrent = torrents::make(lab, Maker::TransmissionCreate, &content, 17, tracker)?;
    Ok((content, torrent))
}

/// Files whose ends fall anywhere, empty ones among them.
pub(crate) fn odd_files_of_mktorrent(lab: &Lab, tracker: Option<&str>) -> Result<(Content, Torrent)> {
    let content = torrents::odd_files(lab)?;
    let torrent = torrents::make(lab, Maker::Mktorrent, &content, 15, tracker)?;
    Ok((content, torrent))
}

fn hybrid(lab: &Lab, tracker: Option<&str>) -> Result<(Content, Torrent)> {
    let content = torrents::odd_files(lab)?;
    let torrent = torrents::make(lab, Maker::LibtorrentHybrid, &content, 16, tracker)?;
    Ok((content, torrent))
}

fn thousand_files(lab: &Lab, tracker: Option<&str>) -> Result<(Content, Torrent)> {
    let content = torrents::thousand_files(lab)?;
    let torrent = torrents::make(lab, Maker::TransmissionCreate, &content, 16, tracker)?;
    Ok((content, torrent))
}

/// Three whole pieces of 16 MiB and a short one.
fn large_pieces(lab: &Lab, tracker: Option<&str>) -> Result<(Content, Torrent)> {
    let content = torrents::one_file(lab, "large pieces.bin", 3 * (16 << 20) + 1_234_567)?;
    let torrent = torrents::make(lab, Maker::Mktorrent, &content, 24, tracker)?;
    Ok((content, torrent))
}

fn download_from(lab: &Lab, client: &dyn Client, recipe: Recipe) -> Result<()> {
    let (content, torrent) = recipe(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let _seed = client.seed(lab, &theirs, &torrent, &content.parent)?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent, &into, &[theirs.at(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)
}

/// ttui downloads a folder, gives its pieces to a client that lacks nothing else, and then downloads the other files. Most of
/// what is in those pieces lies in files that were skipped.
fn choose_files(lab: &Lab) -> Result<()> {
    let (content, torrent) = thousand_files(lab, None)?;
    let (there, ours, theirs) = (lab.host("seed")?, lab.host("ttui")?, lab.host("leecher")?);
    let _seed = Libtorrent(Ways::TCP).seed(lab, &there, &torrent, &content.parent)?;
    let (into, peers) = (lab.folder("download")?, [there.at(PEER_PORT)]);
    let choose = |files: &[&str]| ttui::download_files(lab, &ours, &torrent, &into, (files, &peers));
    choose(&["3/*"])?;
    let folder = Path::new("thousand/3");
    let (made, expected) = (tree::count_filled(&into)?, tree::count_filled(&content.parent.join(folder))?);
    ensure!(made == expected, "{made} files were made, expected the {expected} that were chosen");

    let lacking = lab.folder("lacking")?;
    tree::copy(&content.parent, &lacking, folder)?;
    let giving = ttui::seed(lab, &ours, &torrent, &into)?;
    let from = Source::Peer(ours.at(PEER_PORT));
    let _leecher = Libtorrent(Ways::TCP).download(lab, &theirs, &torrent, &lacking, from)?;
    tree::ensure_holds(&content.parent, &lacking)?;
    ttui::end(lab, giving)?;

    choose(&["0-250", "990-999"])?;
    choose(&["0-999"])?;
    tree::ensure_equal(&content.parent, &into)
}

/// ttui knows a magnet alone, and the client has the metadata and all the rest.
fn magnet_from(lab: &Lab, client: &dyn Client) -> Result<()> {
    let (content, torrent) = thousand_files(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let _seed = client.seed(lab, &theirs, &torrent, &content.parent)?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent.magnet(None), &into, &[theirs.at(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)
}

/// The client knows a magnet alone, and nobody but ttui has the metadata.
fn magnet_to(lab: &Lab, client: &dyn Client) -> Result<()> {
    let mut tracker = Tracker::new(lab)?;
    let announce = tracker.http();
    let (content, torrent) = thousand_files(lab, Some(&announce))?;
    tracker.start(lab, &torrent)?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    let seed = ttui::seed(lab, &ours, &torrent, &content.parent)?;
    tracker.wait_for_seed(lab, &torrent)?;
    let into = lab.folder("download")?;
    let magnet = torrent.magnet(Some(&announce));
    let _leecher = client.download(lab, &theirs, &magnet, &into, Source::Tracker)?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

/// `check` and `handshake` name the client and how it is reached.
fn check(lab: &Lab, client: &dyn Client, encrypted: bool) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let mut seed = client.seed(lab, &theirs, &torrent, &content.parent)?;
    let peer = theirs.at(PEER_PORT);
    // A client that has everything and listens may still turn everybody away for a moment.
    lab.wait_for("a handshake", &mut seed, || {
        let shaken = ttui::handshake(lab, &ours, &torrent, peer)?;
        ensure_reached(client, encrypted, &shaken).map(Some)
    })?;
    // Whether it unchokes within ten seconds is the client's affair.
    lab.wait_for("a check", &mut seed, || {
        let report = ttui::check(lab, &ours, &torrent, peer)?;
        ensure!(report["funnel"]["handshaken"] == 1, "nobody shook hands: {report:#}");
        ensure_reached(client, encrypted, &report["peers"][0]).map(Some)
    })
}

fn ensure_reached(client: &dyn Client, encrypted: bool, peer: &Value) -> Result<()> {
    let name = peer["client"].as_str().wrap_err("a client")?;
    ensure!(name.starts_with(client.calls_itself()), "it is {}: {peer:#}", client.calls_itself());
    ensure!(peer["live"] == true, "it is not live: {peer:#}");
    let tries = peer["attempts"].as_array().wrap_err("attempts")?;
    let last = tries.last().wrap_err("an attempt")?;
    ensure!(last["handshake_ms"].is_u64() && last["cause"].is_null(), "no handshake: {peer:#}");
    if !encrypted {
        ensure!(tries.len() == 1 && last["encryption"] == "plain", "not reached plainly: {peer:#}");
        return Ok(());
    }
    ensure!(tries.len() == 2 && last["encryption"] == "mse", "not reached under encryption: {peer:#}");
    ensure!(tries[0]["encryption"] == "plain", "not tried plainly: {peer:#}");
    ensure!(tries[0]["resolved"] == "encryption_required", "that it wants encryption is not said: {peer:#}");
    Ok(())
}

/// ttui is told of one peer alone, which has next to nothing, and finds the seed that this one knows.
fn find_through(lab: &Lab, client: &dyn PeerExchange) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (there, between, ours) = (lab.host("seed")?, lab.host("between")?, lab.host("ttui")?);
    let _seed = Libtorrent(Ways::TCP).seed(lab, &there, &torrent, &content.parent)?;
    let slow = lab.folder("between")?;
    let _between = client.go_between(lab, &between, &torrent, &slow, there.at(PEER_PORT))?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent, &into, &[between.at(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)
}

/// The client is told of ttui alone, which has next to nothing, and finds the seed that ttui knows.
fn name_to(lab: &Lab, client: &dyn PeerExchange) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (there, between, theirs) = (lab.host("seed")?, lab.host("ttui")?, lab.host("leecher")?);
    let _seed = Libtorrent(Ways::TCP).seed(lab, &there, &torrent, &content.parent)?;
    let slow = lab.folder("between")?;
    let _between = ttui::go_between(lab, &between, &torrent, &slow, there.at(PEER_PORT))?;
    let into = lab.folder("download")?;
    let _leecher = client.download_by_exchange(lab, &theirs, &torrent, &into, between.at(PEER_PORT))?;
    tree::ensure_holds(&content.parent, &into)
}

/// The client announces itself at a node of the DHT, and ttui knows that node alone.
fn find_in_dht(lab: &Lab, client: &dyn InDht, at: At) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (between, theirs, ours) = (lab.host("node")?, lab.host("seed")?, lab.host("ttui")?);
    let mut node = libtorrent::Node::start(lab, &between, at(&between))?;
    let _seed = client.run_in_dht(lab, &theirs, &torrent, &content.parent, node.addr)?;
    node.wait_for(lab, &torrent, at(&theirs).ip())?;
    let into = lab.folder("download")?;
    ttui::download_by_dht(lab, &ours, &torrent, &into, node.addr)?;
    tree::ensure_equal(&content.parent, &into)
}

/// ttui is the only node of the DHT that a seed and one who wants what it has know.
fn name_in_dht(lab: &Lab) -> Result<()> {
    let client = Libtorrent(Ways::TCP);
    let (content, torrent) = plain(lab, None)?;
    let (there, between, asking, theirs) =
        (lab.host("seed")?, lab.host("ttui")?, lab.host("asking")?, lab.host("leecher")?);
    let (node, into) = (between.at(PEER_PORT), lab.folder("download")?);
    let mut ours = ttui::node(lab, &between, &lab.folder("nothing")?, there.at(PEER_PORT))?;
    let _seed = client.run_in_dht(lab, &there, &torrent, &content.parent, node)?;
    let mut asking = libtorrent::Node::asking(lab, &asking, asking.at(PEER_PORT), node, &torrent)?;
    asking.wait_for(lab, &torrent, there.at(PEER_PORT).ip())?;
    let _leecher = client.run_in_dht(lab, &theirs, &torrent, &into, node)?;
    tree::ensure_holds(&content.parent, &into)?;
    ours.must_run()
}

/// ttui announces itself at a node of the DHT, and the client knows that node alone.
fn found_in_dht(lab: &Lab, client: &dyn InDht, at: At) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (between, ours, theirs) = (lab.host("node")?, lab.host("ttui")?, lab.host("leecher")?);
    let mut node = libtorrent::Node::start(lab, &between, at(&between))?;
    let seed = ttui::seed_in_dht(lab, &ours, &torrent, &content.parent, node.addr)?;
    node.wait_for(lab, &torrent, at(&ours).ip())?;
    let into = lab.folder("download")?;
    let _leecher = client.run_in_dht(lab, &theirs, &torrent, &into, node.addr)?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

fn seed_to(lab: &Lab, client: &dyn Client, recipe: Recipe) -> Result<()> {
    if !client.takes_peers() {
        return seed_through_tracker(lab, client, recipe, Tracker::http);
    }
    let (content, torrent) = recipe(lab, None)?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    let seed = ttui::seed(lab, &ours, &torrent, &content.parent)?;
    let into = lab.folder("download")?;
    let _leecher = client.download(lab, &theirs, &torrent, &into, Source::Peer(ours.at(PEER_PORT)))?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

fn seed_through_tracker(
    lab: &Lab,
    client: &dyn Client,
    recipe: Recipe,
    announce: fn(&Tracker) -> String,
) -> Result<()> {
    let mut tracker = Tracker::new(lab)?;
    let (content, torrent) = recipe(lab, Some(&announce(&tracker)))?;
    tracker.start(lab, &torrent)?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    let seed = ttui::seed(lab, &ours, &torrent, &content.parent)?;
    tracker.wait_for_seed(lab, &torrent)?;
    let into = lab.folder("download")?;
    let _leecher = client.download(lab, &theirs, &torrent, &into, Source::Tracker)?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

fn download_through_tracker(lab: &Lab, announce: fn(&Tracker) -> String) -> Result<()> {
    let mut tracker = Tracker::new(lab)?;
    let (content, torrent) = plain(lab, Some(&announce(&tracker)))?;
    tracker.start(lab, &torrent)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let _seed = Libtorrent(Ways::TCP).seed(lab, &theirs, &torrent, &content.parent)?;
    tracker.wait_for_seed(lab, &torrent)?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent, &into, &[])?;
    tree::ensure_equal(&content.parent, &into)
}

fn download_over_ipv6(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (theirs, ours) = (lab.host("seed")?, lab.host("ttui")?);
    let _seed =
        libtorrent::seed_at(lab, &theirs, &torrent, &content.parent, &theirs.v6.to_string(), Ways::TCP)?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent, &into, &[theirs.at_v6(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)
}

fn seed_over_ipv6(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (ours, theirs) = (lab.host("ttui")?, lab.host("leecher")?);
    let seed = ttui::seed(lab, &ours, &torrent, &content.parent)?;
    let into = lab.folder("download")?;
    let _leecher =
        Libtorrent(Ways::TCP).download(lab, &theirs, &torrent, &into, Source::Peer(ours.at_v6(PEER_PORT)))?;
    tree::ensure_holds(&content.parent, &into)?;
    ttui::end(lab, seed)
}

/// Compares `ttui info --json` with the info-hash another tool reports (after `label`) and with the files on disk.
fn info_agrees(
    lab: &Lab,
    maker: Maker,
    report: impl Fn(&Torrent) -> Result<(Command, &'static str)>,
) -> Result<()> {
    let content = torrents::odd_files(lab)?;
    let torrent = torrents::make(lab, maker, &content, 15, Some("http://tracker.example:6969/announce"))?;
    let (command, label) = report(&torrent)?;
    let said = lab.output("report", command)?;
    let reported =
        said.lines().find_map(|line| line.trim().strip_prefix(label)).wrap_err("no info-hash reported")?;
    let info = ttui::info(lab, &torrent)?;
    ensure!(
        info["info_hash"] == reported.trim(),
        "info_hash is {}, not {}",
        info["info_hash"],
        reported.trim()
    );
    ensure!(info["info_hash"] == torrent.hex(), "info_hash is {}, not {}", info["info_hash"], torrent.hex());
    ensure!(
        info["trackers"][0][0] == "http://tracker.example:6969/announce",
        "trackers are {}",
        info["trackers"]
    );
    ensure!(info["piece_length"] == 1 << 15, "piece_length is {}", info["piece_length"]);

    let files = info["files"].as_array().wrap_err("no files")?;
    let mut total = 0;
    for file in files {
        let path = content.parent.join(file["path"].as_str().wrap_err("a file without a path")?);
        let length = fs::metadata(&path)?.len();
        ensure!(file["length"] == length, "{}: {} is not {length}", path.display(), file["length"]);
        total += length;
    }
    // Empty files are left out by transmission-create, and by it alone.
    let count = files.iter().filter(|file| file["length"] != 0).count();
    ensure!(count == tree::count_filled(&content.parent)?, "{count} files with content are listed");
    ensure!(info["total_length"] == total, "total_length is {}, not {total}", info["total_length"]);
    Ok(())
}
