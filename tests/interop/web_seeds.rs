//! Real web servers as web seeds (BEP 19), and one that does all that a server can do wrong.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use ::ttui::event::{At, Cause};
use ::ttui::ledger::{VerdictCode, View};
use ::ttui::record::{Player, Recording};
use color_eyre::eyre::{Result, ensure};

use crate::cases::{Case, case, odd_files_of_mktorrent, plain};
use crate::clients::libtorrent::Libtorrent;
use crate::clients::web::{Certificate, Server};
use crate::clients::{Client, PEER_PORT, PeerExchange, Tool, Ways, ttui};
use crate::lab::Lab;
use crate::net::Host;
use crate::torrents::Torrent;
use crate::tree;

const LIBTORRENT: Libtorrent = Libtorrent(Ways::TCP);

/// How a server fails, and what is told of it: the cause, words of the detail, and when it is asked again, seconds.
type Fault = (&'static str, Cause, &'static str, Option<u64>);

/// Each of what the bad server does that is over at once.
const FAULTS: [Fault; 11] = [
    ("404", Cause::HttpStatus, "it answered 404", Some(300)),
    ("403", Cause::HttpStatus, "it answered 403", Some(300)),
    ("416", Cause::RangeRefused, "does not reach so far", Some(300)),
    ("429", Cause::HttpStatus, "it answered 429", Some(690)),
    ("503", Cause::HttpStatus, "it answered 503", Some(690)),
    ("around", Cause::WebUnreachable, "it sent us on more than 5 times", Some(5)),
    ("inside", Cause::WebUnreachable, "an address of a private network or of this machine", Some(5)),
    ("page", Cause::HttpStatus, "a page (text/html) in place of the file", Some(5)),
    ("longer", Cause::WrongLength, "in the torrent it has", Some(5)),
    ("cut", Cause::WrongLength, "bytes too early", Some(5)),
    ("wrong", Cause::HashFailures, "", None),
];

pub(crate) fn all() -> Vec<Case> {
    let (create, mktorrent) = (Tool::TransmissionCli, Tool::Mktorrent);
    let (nginx, libtorrent) = (Tool::Nginx, Tool::Libtorrent);
    vec![
        case("downloads_from_nginx", &[create, mktorrent, nginx], |lab| {
            alone(lab, |lab, host, root| Server::nginx(lab, host, root, None))
        }),
        case("downloads_from_the_server_of_python", &[create, mktorrent, libtorrent], |lab| {
            alone(lab, Server::python)
        }),
        case("downloads_from_nginx_beside_a_peer", &[create, nginx, libtorrent], beside_a_peer),
        case("downloads_from_the_web_seed_of_a_magnet", &[mktorrent, nginx, libtorrent], of_a_magnet),
        case("asks_a_slow_server_over_several_connections", &[create, libtorrent], over_several_connections),
        case("downloads_from_nginx_over_tls", &[create, nginx], over_tls),
        case("names_what_a_bad_web_server_does", &[create, nginx, libtorrent], name_faults),
    ]
}

/// From the server alone: one file, and files of odd lengths and names.
fn alone(lab: &Lab, serve: fn(&Lab, &Host, &Path) -> Result<Server>) -> Result<()> {
    let (there, ours) = (lab.host("server")?, lab.host("ttui")?);
    for recipe in [plain, odd_files_of_mktorrent] {
        let (content, torrent) = recipe(lab, None)?;
        let server = serve(lab, &there, &content.parent)?;
        let torrent = torrent.with_web_seeds(&[server.url()])?;
        let into = lab.folder("download")?;
        ttui::download(lab, &ours, &torrent, &into, &[])?;
        tree::ensure_holds(&content.parent, &into)?;
    }
    Ok(())
}

fn beside_a_peer(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let [there, theirs, ours] = ["server", "seed", "ttui"].map(|name| lab.host(name));
    let (there, theirs, ours) = (there?, theirs?, ours?);
    let server = Server::nginx(lab, &there, &content.parent, None)?;
    let _seed = LIBTORRENT.seed(lab, &theirs, &torrent, &content.parent)?;
    let torrent = torrent.with_web_seeds(&[server.url()])?;
    let (into, recording) = (lab.folder("download")?, lab.folder("run")?.join("run.ttrec"));
    let mut command = ttui::headless(&ours, &torrent, &into);
    command.arg("--peer").arg(theirs.at(PEER_PORT).to_string());
    // Slow enough for both to have a part in it.
    command.args(["--down", "6M", "--record"]).arg(&recording);
    ttui::ensure_downloads(lab, command)?;
    tree::ensure_equal(&content.parent, &into)?;
    let view = at_the_end(&recording)?;
    let by_web: u64 = view.web_seeds.iter().map(|record| record.down_bytes).sum();
    let by_peers: u64 = view.peers.iter().map(|record| record.down_bytes).sum();
    ensure!(by_web > 0 && by_peers > 0, "{by_web} bytes by the web seed, {by_peers} by the peer");
    Ok(())
}

/// A peer gives the metadata and, but for a trickle, nothing else.
fn of_a_magnet(lab: &Lab) -> Result<()> {
    let (content, torrent) = odd_files_of_mktorrent(lab, None)?;
    let [there, theirs, ours] = ["server", "between", "ttui"].map(|name| lab.host(name));
    let (there, theirs, ours) = (there?, theirs?, ours?);
    let server = Server::nginx(lab, &there, &content.parent, None)?;
    let nobody = lab.here();
    let mut between =
        LIBTORRENT.go_between(lab, &theirs, &torrent, &lab.folder("between")?, (nobody, PEER_PORT).into())?;
    lab.wait_for_listener(&mut between, theirs.at(PEER_PORT))?;
    let link = torrent.magnet(None).with_web_seeds(&[server.url()])?;
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &link, &into, &[theirs.at(PEER_PORT)])?;
    tree::ensure_equal(&content.parent, &into)
}

/// Each connection is slow, so more than one is opened.
fn over_several_connections(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (there, ours) = (lab.host("server")?, lab.host("ttui")?);
    let server = Server::bad(lab, &there, &content.parent, there.v4)?;
    let into = lab.folder("download")?;
    let torrent = torrent.with_web_seeds(&[format!("{}slow/", server.url())])?;
    ttui::download(lab, &ours, &torrent, &into, &[])?;
    tree::ensure_equal(&content.parent, &into)?;
    let requests = server.logged();
    let ports: BTreeSet<&str> = requests.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    ensure!(ports.len() > 1, "one connection: {requests:?}");
    Ok(())
}

/// Who vouches for the certificate is taken from the environment.
fn over_tls(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let (there, ours) = (lab.host("server")?, lab.host("ttui")?);
    let certificate = Certificate::make(lab, there.v4)?;
    let server = Server::nginx(lab, &there, &content.parent, Some(&certificate))?;
    let torrent = torrent.with_web_seeds(&[server.secure_url()])?;
    let into = lab.folder("download")?;
    let view = failing(lab, &ours, &torrent, &into)?;
    let record = &view.web_seeds[0];
    let detail = "its certificate is signed by nobody whom this machine trusts";
    ensure!(record.detail.contains(detail), "told otherwise: {record:?}");

    let mut command = ttui::headless(&ours, &torrent, &into);
    command.env("SSL_CERT_FILE", &certificate.pem);
    ttui::ensure_downloads(lab, command)?;
    tree::ensure_equal(&content.parent, &into)
}

/// Alone they are named one by one; with a good one beside them, and others that hold a request up, it completes.
fn name_faults(lab: &Lab) -> Result<()> {
    let (content, torrent) = plain(lab, None)?;
    let [there, good, ours] = ["bad", "good", "ttui"].map(|name| lab.host(name));
    let (there, good, ours) = (there?, good?, ours?);
    let server = Server::bad(lab, &there, &content.parent, there.v4)?;
    // What is sent to 127.0.0.1 would come here.
    let inside = Server::bad(lab, &ours, &content.parent, Ipv4Addr::LOCALHOST)?;
    let mut urls: Vec<String> = FAULTS.iter().map(|(how, ..)| format!("{}{how}/", server.url())).collect();
    let bad = torrent.with_web_seeds(&urls)?;
    let view = failing(lab, &ours, &bad, &lab.folder("nothing")?)?;
    for ((how, cause, words, next_s), record) in FAULTS.iter().zip(&view.web_seeds) {
        let told = record.cause == Some(*cause) && record.detail.contains(words);
        ensure!(told, "{how} is told as {record:?}");
        let waits = |next: At| next.saturating_sub(Duration::from_secs(next_s.unwrap_or(0))) > At::ZERO;
        ensure!(
            record.next.is_some() == next_s.is_some() && record.next.is_none_or(waits),
            "{how}: {record:?}"
        );
    }
    ensure!(view.web_seeds.len() == FAULTS.len(), "{} have a record", view.web_seeds.len());

    let nginx = Server::nginx(lab, &good, &content.parent, None)?;
    urls.extend(["hang", "drip"].map(|how| format!("{}{how}/", server.url())));
    urls.push(nginx.url());
    let into = lab.folder("download")?;
    ttui::download(lab, &ours, &torrent.with_web_seeds(&urls)?, &into, &[])?;
    tree::ensure_equal(&content.parent, &into)?;
    ensure!(inside.logged().len() == 1, "127.0.0.1 was asked: {:?}", inside.logged());
    Ok(())
}

/// Runs until it is told that all web seeds fail, and says what is known then.
fn failing(lab: &Lab, host: &Host, torrent: &Torrent, parent: &Path) -> Result<View> {
    let recording = lab.folder("run")?.join("failing.ttrec");
    let mut command = ttui::headless(host, torrent, parent);
    command.arg("--record").arg(&recording);
    let mut client = lab.spawn(command, "ttui-failing")?;
    let stdout = client.stdout.clone();
    lab.wait_for("the verdict", &mut client, || {
        Ok(fs::read_to_string(&stdout)?.contains("\"web_seeds_failing\"").then_some(()))
    })?;
    client.terminate();
    lab.wait_for_end(&mut client, Duration::from_secs(4))?;
    let view = at_the_end(&recording)?;
    let led_by = view.verdicts.first().map(|verdict| verdict.code);
    ensure!(view.verdicts.iter().any(|verdict| verdict.code == VerdictCode::WebSeedsFailing), "{led_by:?}");
    Ok(view)
}

fn at_the_end(recording: &Path) -> Result<View> {
    let mut player = Player::new(Recording::open(File::open(recording)?)?)?;
    player.go_to(At::MAX);
    Ok(View::clone(&player.view()))
}
