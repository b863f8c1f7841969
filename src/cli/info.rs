//! `ttui info`

use super::args::InfoArgs;
use super::output::Stdout;
use super::{Failure, Status, open_torrent, warn};
use crate::metainfo::Magnet;
use crate::report::info;

pub(super) fn run(args: &InfoArgs) -> Result<Status, Failure> {
    let text = if Magnet::is_meant(&args.torrent) {
        let magnet: Magnet = args.torrent.to_string_lossy().parse()?;
        magnet.warnings.iter().for_each(|warning| warn(&warning.to_string()));
        if args.json { info::magnet_json(&magnet) + "\n" } else { info::magnet_text(&magnet) }
    } else {
        let torrent = open_torrent(&args.torrent)?;
        if args.json { info::json(&torrent) + "\n" } else { info::text(&torrent) }
    };
    Stdout.write(text.as_bytes())
}
