//! Servers that give the files of a torrent over HTTP (BEP 19).

use std::fs;
use std::process::{Child, Stdio};
use std::sync::Arc;

use ttui::event::FinderStatus;
use ttui::ledger::{VerdictCode, WebSeedRecord};

use super::support::{Payload, Serves, Web};
use super::*;

fn start(lab: &Lab, payload: &Arc<Payload>, urls: &[String], peers: &[SocketAddr]) -> Download {
    let mut torrent = payload.torrent.clone();
    torrent.web_seeds = urls.to_vec();
    Download::start(torrent, lab.options(peers)).unwrap()
}

/// Waits until what is known of the first web seed is as wanted.
async fn until_seed(download: &Download, what: &str, is: impl Fn(&WebSeedRecord) -> bool) -> WebSeedRecord {
    until(download, what, |view| view.web_seeds.first().filter(|record| is(record)).cloned()).await
}

fn an_album() -> Arc<Payload> {
    Recipe::files(
        "an album",
        &[("empty", 0), ("a b", 70_001), ("cd 1/ünï #1?.flac", 300_000), ("z", 3)],
        32 * KIB,
    )
    .padded_file("padded", 50_000)
    .make()
}

fn a_file() -> Arc<Payload> {
    Recipe::file("one file.bin", 3_000_001, 64 * KIB).make()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_seed_alone_gives_everything() {
    for payload in [a_file(), an_album()] {
        for serves in [Serves::Ranges, Serves::WholeFiles] {
            let web = Web::serve(&payload, serves).await;
            let lab = Lab::new();
            let download = start(&lab, &payload, &[web.url()], &[]);
            finish(&lab, &payload, download).await;
            assert!(web.seen().iter().all(|request| !request.contains(".pad")), "{:?}", web.seen());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_without_a_slash_is_that_of_the_one_file() {
    let payload = a_file();
    let web = Web::serve(&payload, Serves::Ranges).await;
    let lab = Lab::new();
    let download = start(&lab, &payload, &[format!("{}one%20file.bin", web.url())], &[]);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_of_it_is_known_and_no_peer_is() {
    let payload = a_file();
    let web = Web::serve(&payload, Serves::Ranges).await;
    let lab = Lab::new();
    let mut download = start(&lab, &payload, &[web.url()], &[]);
    soon("it completes", download.completed()).await.unwrap();
    let record = until_seed(&download, "all is counted", |record| record.down_bytes >= 3_000_001).await;
    assert_eq!((record.status, record.cause, record.standing()), (Some(206), None, FinderStatus::Ok));
    let view = until(&download, "it is judged", |view| {
        (view.verdicts[0].code == VerdictCode::Complete).then(|| view.clone())
    })
    .await;
    assert_eq!((view.funnel.known, view.peers.len(), view.down_bytes), (0, 0, 3_000_001));
    assert!(view.trackers.is_empty());
    soon("it stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_peer_both_send_and_each_fills_what_the_other_lacks() {
    let payload = Recipe::file("one file.bin", 20_000_001, 256 * KIB).make();
    let (web, seed) = (Web::serve(&payload, Serves::Ranges).await, Seed::honest(&payload).await);
    let lab = Lab::new();
    let download = start(&lab, &payload, &[web.url()], &[seed.addr]);
    finish(&lab, &payload, download).await;
    assert!(!web.seen().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_cause_and_another_web_seed_goes_on() {
    let payload = a_file();
    for (serves, cause, status) in [
        (Serves::Status(404, ""), Cause::HttpStatus, Some(404)),
        (Serves::Status(403, ""), Cause::HttpStatus, Some(403)),
        (Serves::Status(503, "Retry-After: 700\r\n"), Cause::HttpStatus, Some(503)),
        (Serves::Status(429, "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"), Cause::HttpStatus, Some(429)),
        (Serves::EndlessHead, Cause::WebUnreachable, None),
        (Serves::Status(416, ""), Cause::RangeRefused, Some(416)),
        (Serves::Status(302, "Location: one%20file.bin\r\n"), Cause::WebUnreachable, None),
        (Serves::Page(1000), Cause::HttpStatus, Some(200)),
        (Serves::Longer(1), Cause::WrongLength, Some(206)),
        (Serves::HangsUpAfter(20_000), Cause::WrongLength, Some(206)),
    ] {
        let (bad, good) =
            (Web::serve(&payload, serves.clone()).await, Web::serve(&payload, Serves::Ranges).await);
        let lab = Lab::new();
        let download = start(&lab, &payload, &[bad.url()], &[]);
        let record =
            until_seed(&download, &format!("{serves:?} fails"), |record| record.cause.is_some()).await;
        assert_eq!((record.cause, record.status), (Some(cause), status), "{serves:?}: {}", record.detail);
        let at = record.next.expect("it is asked again");
        assert!(!matches!(serves, Serves::Status(429 | 503, _)) || at > Duration::from_secs(690), "{at:?}");
        soon("it stops", download.stop()).await.unwrap();
        let lab = Lab::new();
        let download = start(&lab, &payload, &[bad.url(), good.url()], &[]);
        finish(&lab, &payload, download).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_has_its_cause() {
    let payload = a_file();
    let lab = Lab::new();
    let download = start(&lab, &payload, &[format!("http://{}/", nobody_at().await)], &[]);
    let record = until_seed(&download, "it fails", |record| record.cause.is_some()).await;
    assert_eq!(record.cause, Some(Cause::WebUnreachable), "{}", record.detail);
    soon("it stops", download.stop()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_sends_wrong_data_is_not_asked_again_and_others_complete() {
    let payload = a_file();
    let (liar, good) = (Web::serve(&payload, Serves::Lies).await, Web::serve(&payload, Serves::Ranges).await);
    let lab = Lab::new();
    let download = start(&lab, &payload, &[liar.url()], &[]);
    let record = until_seed(&download, "it is dropped", |record| record.cause.is_some()).await;
    assert_eq!((record.cause, record.next), (Some(Cause::HashFailures), None));
    soon("it stops", download.stop()).await.unwrap();
    let lab = Lab::new();
    let download = start(&lab, &payload, &[liar.url(), good.url()], &[]);
    finish(&lab, &payload, download).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_hangs_or_drips_holds_nothing_up() {
    let payload = a_file();
    for serves in [Serves::Nothing, Serves::Drips] {
        let (bad, good) = (Web::serve(&payload, serves).await, Web::serve(&payload, Serves::Ranges).await);
        let lab = Lab::new();
        let download = start(&lab, &payload, &[bad.url(), good.url()], &[]);
        finish(&lab, &payload, download).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_beyond_what_was_asked_for_is_not_read() {
    let payload = a_file();
    let web = Web::serve(&payload, Serves::NeverEnds).await;
    let lab = Lab::new();
    let download = start(&lab, &payload, &[web.url()], &[]);
    finish(&lab, &payload, download).await;
}

/// A server of another program, ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_of_python_gives_whole_files_and_completes_it_alone() {
    let SocketAddr::V4(addr) = nobody_at().await else { unreachable!() };
    for payload in [a_file(), an_album()] {
        let lab = Lab::new();
        let root = lab.path("www");
        for (path, bytes) in &payload.files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let mut server = std::process::Command::new("python3");
        server
            .args(["-m", "http.server", "--bind", "127.0.0.1", &addr.port().to_string()])
            .current_dir(&root);
        let _server = Running(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        soon("python listens", async {
            while TcpStream::connect(addr).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        let download = start(&lab, &payload, &[format!("http://{addr}/")], &[]);
        finish(&lab, &payload, download).await;
    }
}
