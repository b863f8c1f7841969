//! `ttui info`

use super::args::InfoArgs;
use super::output::Stdout;
use super::{Failure, Status, open_torrent};
use crate::report;

pub(super) fn run(args: &InfoArgs) -> Result<Status, Failure> {
    let torrent = open_torrent(&args.torrent)?;
    let text = if args.json { report::info::json(&torrent) + "\n" } else { report::info::text(&torrent) };
    Stdout.write(text.as_bytes())
}
