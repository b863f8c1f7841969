//! Downloads a torrent into the current folder: `cargo run --example download -- file.torrent`
#![allow(clippy::print_stdout, reason = "a program may print")]
use ttui::engine::{Download, Options};
use ttui::metainfo::Torrent;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: download FILE.torrent")?;
    let mut download = Download::start(Torrent::from_file(path)?, Options::default())?;
    let mut views = download.views();
    tokio::spawn(async move {
        while views.changed().await.is_ok() {
            let view = views.borrow_and_update().clone();
            println!("{} of {} bytes", view.have_bytes, view.torrent.total_bytes().unwrap_or_default());
        }
    });
    download.completed().await?;
    Ok(download.stop().await?)
}
