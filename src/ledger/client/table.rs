//! The prefixes by which clients name themselves.

/// How a client writes its version behind its prefix.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    /// It does not, or in no way that is known.
    NoVersion,
    /// The prefix says it all.
    Fixed(&'static str),
    /// a.b.c, and .d where it is not 0; digits to the base of 62, as in most that follow.
    Usual,
    /// a.b.c.d
    Four,
    /// a.b.c.d; before 4 it was called Azureus.
    Azureus,
    /// a.b.c
    Three,
    /// ab.cd, decimal
    Pairs,
    /// ab.cd.ef, decimal
    ThreePairs,
    /// a.b.cd
    OneOneTwo,
    /// a.bc.d
    OneTwoOne,
    /// a.b(cd)
    Brackets,
    /// a.x
    OneX,
    /// Four digits of a build number.
    Build,
    /// a-b-c-
    Dashed,
    /// a.b.c as text.
    Dotted,
    /// Its own.
    MicroTorrent,
    /// Its own.
    Transmission,
    /// Its own.
    KTorrent,
    /// Its own.
    Deluge,
    /// Its own.
    BitLord,
    /// Its own.
    BitsOnWheels,
    /// Its own.
    Xbt,
}

use Scheme::{
    Azureus, BitLord, BitsOnWheels, Brackets, Build, Dashed, Deluge, Dotted, Fixed, Four, KTorrent,
    MicroTorrent, NoVersion, OneOneTwo, OneTwoOne, OneX, Pairs, Three, ThreePairs, Transmission, Usual, Xbt,
};

/// Azureus style: two letters between a dash and the version.
pub(super) const AZUREUS: &[(&[u8; 2], &str, Scheme)] = &[
    (b"7T", "aTorrent", Usual),
    (b"AB", "AnyEvent::BitTorrent", Usual),
    (b"AD", "Advanced Download Manager", Usual),
    (b"AG", "Ares", Usual),
    (b"AN", "Ares", Usual),
    (b"AR", "Ares", Usual),
    (b"AT", "Artemis", Usual),
    (b"AV", "Avicora", Usual),
    (b"AX", "BitPump", Pairs),
    (b"AZ", "Vuze", Azureus),
    (b"A~", "Ares", Usual),
    (b"BB", "BitBuddy", Usual),
    (b"BC", "BitComet", Pairs),
    (b"BE", "BitTorrent SDK", MicroTorrent),
    (b"BF", "Bitflu", Usual),
    (b"BG", "BTG", Usual),
    (b"BH", "BitZilla", Usual),
    (b"BI", "BiglyBT", Four),
    (b"BK", "BitKitten", Usual),
    (b"BL", "BitLord", BitLord),
    (b"BM", "BitMagnet", Usual),
    (b"BN", "Baidu Netdisk", Usual),
    (b"BP", "BitTorrent Pro", Usual),
    (b"BR", "BitRocket", Brackets),
    (b"BS", "BTSlave", Usual),
    (b"BT", "BitTorrent", MicroTorrent),
    (b"BU", "BigUp", Usual),
    (b"BW", "BitTorrent Web", MicroTorrent),
    (b"BX", "BitTorrent X", Usual),
    (b"Bt", "Bt", Usual),
    (b"CD", "Enhanced CTorrent", Pairs),
    (b"CT", "CTorrent", OneOneTwo),
    (b"DE", "Deluge", Deluge),
    (b"DP", "Propagate Data Client", Usual),
    (b"EB", "EBit", Usual),
    (b"ES", "Electric Sheep", Three),
    (b"FC", "FileCroc", Usual),
    (b"FD", "Free Download Manager", Three),
    (b"FG", "FlashGet", Pairs),
    (b"FL", "Folx", OneX),
    (b"FT", "FoxTorrent", Usual),
    (b"FW", "FrostWire", Usual),
    (b"FX", "Freebox", Usual),
    (b"G3", "G3 Torrent", NoVersion),
    (b"GR", "GetRight", Usual),
    (b"GS", "GSTorrent", Four),
    (b"GT", "anacrolix/torrent", Usual),
    (b"HK", "Hekate", Usual),
    (b"HL", "Halite", Three),
    (b"HM", "hMule", Usual),
    (b"HN", "Hydranode", Usual),
    (b"IL", "iLivid", Usual),
    (b"JS", "Justseed.it", Usual),
    (b"JT", "JavaTorrent", Usual),
    (b"KG", "KGet", Usual),
    (b"KT", "KTorrent", KTorrent),
    (b"LC", "LeechCraft", Usual),
    (b"LH", "LH-ABC", Usual),
    (b"LK", "Linkage", Usual),
    (b"LP", "Lphant", Pairs),
    (b"LR", "LibreTorrent", Usual),
    (b"LT", "libtorrent (rasterbar)", Usual),
    (b"LW", "LimeWire", NoVersion),
    (b"Lr", "LibreTorrent", Usual),
    (b"MG", "MediaGet", Usual),
    (b"MK", "Meerkat", Usual),
    (b"ML", "MLDonkey", Dotted),
    (b"MO", "MonoTorrent", Usual),
    (b"MP", "MooPolice", Three),
    (b"MR", "Miro", Usual),
    (b"MT", "Moonlight", Usual),
    (b"NB", "Net::BitTorrent", Usual),
    (b"NE", "BT Next Evolution", Four),
    (b"NX", "Net Transport", Four),
    (b"OS", "OneSwarm", Four),
    (b"OT", "OmegaTorrent", Usual),
    (b"PB", "Protocol::BitTorrent", Usual),
    (b"PC", "CacheLogic", Usual),
    (b"PD", "Pando", Usual),
    (b"PE", "PeerProject", Usual),
    (b"PI", "PicoTorrent", OneTwoOne),
    (b"PT", "Popcorn Time", Usual),
    (b"QD", "QQDownload", Four),
    (b"QT", "Qt Torrent example", Usual),
    (b"Qt", "Qt Torrent example", Usual),
    (b"RM", "RUM Torrent", Usual),
    (b"RT", "Retriever", Usual),
    (b"RZ", "RezTorrent", Usual),
    (b"SB", "SwiftBit", Usual),
    (b"SD", "Xunlei", Four),
    (b"SG", "GSTorrent", Usual),
    (b"SK", "Spark", Usual),
    (b"SM", "SoMud", Usual),
    (b"SN", "ShareNET", Usual),
    (b"SP", "BitSpirit", Three),
    (b"SS", "superseedr", Usual),
    (b"ST", "SymTorrent", Usual),
    (b"SZ", "Shareaza", Usual),
    (b"S~", "Shareaza", Usual),
    (b"TB", "Torch Browser", Usual),
    (b"TE", "terasaur", Usual),
    (b"TG", "Torrent GO", Usual),
    (b"TL", "Tribler", Usual),
    (b"TN", "Torrent.NET", Usual),
    (b"TR", "Transmission", Transmission),
    (b"TS", "TorrentStorm", Usual),
    (b"TT", "TuoTu", Three),
    (b"TX", "Tixati", Pairs),
    (b"Tu", "ttui", Usual),
    (b"UE", "µTorrent Embedded", MicroTorrent),
    (b"UL", "uLeecher!", Usual),
    (b"UM", "µTorrent Mac", MicroTorrent),
    (b"UT", "µTorrent", MicroTorrent),
    (b"UW", "µTorrent Web", MicroTorrent),
    (b"VG", "Vagaa", Usual),
    (b"WD", "WebTorrent Desktop", Four),
    (b"WT", "BitLet", Usual),
    (b"WW", "WebTorrent", Four),
    (b"WY", "Wyzo", Usual),
    (b"XC", "Xtorrent", OneOneTwo),
    (b"XF", "Xfplay", OneOneTwo),
    (b"XL", "Xunlei", Four),
    (b"XS", "XSwifter", Usual),
    (b"XT", "XanTorrent", Usual),
    (b"XX", "Xtorrent", OneOneTwo),
    (b"ZO", "Zona", Usual),
    (b"ZT", "ZipTorrent", Usual),
    (b"eM", "eMule", Usual),
    (b"lt", "libTorrent", Usual),
    (b"pX", "pHoeniX", Usual),
    (b"qB", "qBittorrent", Three),
    (b"rQ", "rqbit", Usual),
    (b"st", "SharkTorrent", Usual),
    (b"tT", "tTorrent", Usual),
];

/// Shadow style: a letter, digits to the base of 64, dashes.
pub(super) const SHADOW: &[(u8, &str)] = &[
    (b'A', "ABC"),
    (b'O', "Osprey Permaseed"),
    (b'Q', "BTQueue"),
    (b'R', "Tribler"),
    (b'S', "Shadow"),
    (b'T', "BitTornado"),
    (b'U', "UPnP NAT BitTorrent"),
];

/// Mainline style: a letter, three numbers between dashes.
pub(super) const MAINLINE: &[(u8, &str)] = &[(b'M', "Mainline"), (b'Q', "Queen Bee")];

/// BitComet style: four letters, two raw bytes of version.
pub(super) const BITCOMET: &[(&[u8; 4], &str)] =
    &[(b"exbc", ""), (b"FUTB", " (mod 1)"), (b"xUTB", " (mod 2)")];

/// What an id begins with, and the version behind it.
pub(super) const FIXED: &[(&[u8], &str, Scheme)] = &[
    (b"-BOW", "Bits on Wheels", BitsOnWheels),
    (b"10-------", "JVtorrent", NoVersion),
    (b"271-", "GreedBT", Fixed("2.7.1")),
    (b"346-", "TorrentTopia", NoVersion),
    (b"A2-", "aria2", Dashed),
    (b"AZ2500BT", "BitTyrant", NoVersion),
    (b"BLZ", "Blizzard Downloader", NoVersion),
    (b"BTDWV-", "Deadman Walking", NoVersion),
    (b"DNA", "BitTorrent DNA", ThreePairs),
    (b"DansClient", "XanTorrent", NoVersion),
    (b"Deadman Walking-", "Deadman Walking", NoVersion),
    (b"FD6", "Free Download Manager", Fixed("6")),
    (b"LIME", "LimeWire", NoVersion),
    (b"Mbrst", "burst!", Dashed),
    (b"OP", "Opera", Build),
    (b"P87.P---", "BitTorrent Plus!", NoVersion),
    (b"PEERAPP", "PeerApp", NoVersion),
    (b"PRC.P---", "BitTorrent Plus! II", NoVersion),
    (b"Pando", "Pando", NoVersion),
    (b"Plus", "Plus!", NoVersion),
    (b"QVOD", "QVOD", Four),
    (b"S3-", "Amazon S3", Dashed),
    (b"S587Plus", "BitTorrent Plus!", NoVersion),
    (b"T00---0", "Teeweety", NoVersion),
    (b"TIX", "Tixati", Pairs),
    (b"XBT", "XBT Client", Xbt),
    (b"XTORR302", "TorrenTres", Fixed("0.0.2")),
    (b"a00---0", "Swarmy", NoVersion),
    (b"a02---0", "Swarmy", NoVersion),
    (b"aria2-", "aria2", NoVersion),
    (b"btpd", "btpd", NoVersion),
    (b"btuga", "BTugaXP", NoVersion),
    (b"cbt-", "cratetorrent", NoVersion),
    (b"martini", "Martini Man", NoVersion),
    (b"oernu", "BTugaXP", NoVersion),
    (b"turbobt", "TurboBT", Dotted),
];

/// What stands somewhere inside an id, from that byte on.
pub(super) const INSIDE: &[(usize, &[u8], &str)] = &[
    (5, b"Azureus", "Azureus 2.0.3.2"),
    (4, b"btfans", "SimpleBT"),
    (2, b"RS", "Rufus"),
    (2, b"BM", "BitMagnet"),
    (10, b"BG", "BTGetit"),
];

/// Names under which one program goes.
pub(super) const SAME_PROGRAM: &[&[&str]] = &[
    &["azureus", "vuze", "biglybt"],
    &["bittorrent", "mainline", "utorrent"],
    &["libtorrent", "rtorrent"],
    &["xunlei", "thunder"],
    &["webtorrent", "instant"],
];
