//! The peers of a healthy swarm, as they introduce themselves.

use super::story::Who;
use crate::event::Transport;

const fn who(
    addr: &'static str,
    id: &'static [u8; 8],
    calls_itself: &'static str,
    answers_ms: u64,
    encrypted: bool,
    percent: u32,
) -> Who<'static> {
    Who { addr, id, calls_itself, answers_ms, encrypted, percent, over: Transport::Tcp }
}

/// The same one, met over uTP.
const fn utp(who: Who<'static>) -> Who<'static> {
    Who { over: Transport::Utp, ..who }
}

/// Seventeen that connect: nine let us download, eight choke us.
#[rustfmt::skip]
pub(super) const CONNECTED: [Who<'static>; 17] = [
    who("83.148.245.186:51414", b"-TR4040-", "Transmission 4.0.4", 61, false, 100),
    who("66.56.80.113:36787", b"-TR4050-", "Transmission 4.0.5", 48, false, 100),
    utp(who("[2a01:4f8:c17:1234::2]:51413", b"-qB4620-", "qBittorrent/4.6.2", 112, true, 88)),
    who("188.40.62.7:6881", b"-lt0D80-", "rTorrent 0.9.8/0.13.8", 70, false, 100),
    who("95.216.12.80:6889", b"-DE211s-", "Deluge 2.1.1", 55, false, 100),
    utp(who("78.47.200.13:51413", b"-TR4040-", "Transmission 4.0.4", 64, false, 94)),
    who("51.15.40.21:45682", b"-qB4650-", "qBittorrent/4.6.5", 90, true, 100),
    who("5.9.97.44:6881", b"-UT2210-", "µTorrent 2.2.1", 130, false, 100),
    who("144.76.14.3:6881", b"-AZ5770-", "Vuze 5.7.7.0", 122, false, 71),
    utp(who("115.45.201.66:51412", b"-TR3000-", "Transmission 3.00", 88, false, 61)),
    who("37.194.168.90:59627", b"-qB4620-", "qBittorrent/4.6.2", 191, true, 61),
    who("91.121.7.45:6881", b"-KT5110-", "KTorrent 5.1.1", 77, false, 12),
    who("24.88.10.9:31022", b"-BT7a00-", "BitTorrent 7.10", 140, false, 44),
    who("198.51.100.77:6889", b"-FD51W0-", "", 210, false, 30),
    who("203.0.113.200:50413", b"-lt20B0-", "libtorrent/2.0.11.0", 98, true, 75),
    who("80.101.55.2:6881", b"-TR4060-", "Transmission 4.0.6", 52, false, 9),
    who("62.210.9.9:51413", b"-WW0102-", "WebTorrent 1.2", 66, false, 3),
];
