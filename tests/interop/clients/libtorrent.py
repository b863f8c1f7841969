"""libtorrent as a test peer: make a torrent, seed it, or download it.

  make OUT CONTENT PIECE_BYTES [TRACKER]     version 1
  make-hybrid OUT CONTENT PIECE_BYTES [TRACKER]
  hash TORRENT                               prints the info-hash of version 1
  seed TORRENT FOLDER IP PORT                prints `complete` once it has everything, and stays
  download TORRENT FOLDER IP PORT [IP PORT]  prints `complete` once everything is on disk, and stays; TORRENT may be a
                                             magnet link
  node IP PORT [HASH]                        is a node of the DHT; prints `announced HASH IP` for who announces there, or is
                                             named by others as a peer of HASH

With ENCRYPTION=required in the environment only encrypted connections are taken and made, with UTP=on those over uTP, too,
which is tried first, with PEX=on peers are named to and taken from others, with LSD=on local discovery is used, with
NODE=ip:port the DHT is used, through this node, and with DOWN=n no more than n bytes a second are downloaded.
"""
import os
import sys
import time

import libtorrent as lt


def make(flags, out, content, piece_bytes, tracker=None):
    storage = lt.file_storage()
    lt.add_files(storage, content)
    torrent = lt.create_torrent(storage, piece_size=int(piece_bytes), flags=flags)
    if tracker:
        torrent.add_tracker(tracker)
    lt.set_piece_hashes(torrent, os.path.dirname(content))
    with open(out, "wb") as file:
        file.write(lt.bencode(torrent.generate()))


def session(ip, port):
    where = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    settings = {
        "listen_interfaces": where,
        "enable_dht": "NODE" in os.environ,
        "dht_bootstrap_nodes": os.environ.get("NODE", ""),
        "enable_lsd": os.environ.get("LSD") == "on",
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_utp": os.environ.get("UTP") == "on",
        "enable_outgoing_utp": os.environ.get("UTP") == "on",
        "allow_multiple_connections_per_ip": True,
        # Nobody here is further away; who does not answer may be met otherwise.
        "peer_connect_timeout": 5,
        "alert_mask": lt.alert.category_t.error_notification
        | lt.alert.category_t.status_notification
        | lt.alert.category_t.storage_notification
        | lt.alert.category_t.connect_notification
        | lt.alert.category_t.tracker_notification
        | lt.alert.category_t.dht_notification,
    }
    if os.environ.get("ENCRYPTION") == "required":
        settings["out_enc_policy"] = settings["in_enc_policy"] = int(lt.enc_policy.pe_forced)
        settings["allowed_enc_level"] = int(lt.enc_level.pe_rc4)
    return lt.session(settings)


def run(torrent, folder, ip, port, peer=None):
    ses = session(ip, port)
    if torrent.startswith("magnet:"):
        params = lt.parse_magnet_uri(torrent)
    else:
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(torrent)
    params.save_path = folder
    params.flags = 0 if os.environ.get("LSD") == "on" else lt.torrent_flags.disable_lsd
    if "NODE" not in os.environ:
        params.flags |= lt.torrent_flags.disable_dht
    if os.environ.get("PEX") != "on":
        params.flags |= lt.torrent_flags.disable_pex
    handle = ses.add_torrent(params)
    if "DOWN" in os.environ:
        handle.set_download_limit(int(os.environ["DOWN"]))
    if peer:
        handle.connect_peer(peer)
    flushing = said = False
    while True:
        ses.wait_for_alert(200)
        for alert in ses.pop_alerts():
            print(type(alert).__name__, alert.message(), file=sys.stderr, flush=True)
            if flushing and isinstance(alert, lt.cache_flushed_alert) and not said:
                said = True
                print("complete", flush=True)
        if not flushing and handle.status().is_seeding:
            flushing = True
            handle.flush_cache()


def node(ip, port, wanted=None):
    os.environ.setdefault("NODE", "")
    ses = session(ip, port)
    next_asked = time.monotonic()
    while True:
        ses.wait_for_alert(200)
        if wanted and time.monotonic() >= next_asked:
            # More than a few queries a second are answered by nobody.
            next_asked = time.monotonic() + 0.5
            ses.dht_get_peers(lt.sha1_hash(bytes.fromhex(wanted)))
        for alert in ses.pop_alerts():
            print(type(alert).__name__, alert.message(), file=sys.stderr, flush=True)
            if isinstance(alert, lt.dht_announce_alert):
                print("announced", alert.info_hash, alert.ip, flush=True)
            if isinstance(alert, lt.dht_get_peers_reply_alert):
                for named, _ in alert.peers():
                    print("announced", alert.info_hash, named, flush=True)


what, arguments = sys.argv[1], sys.argv[2:]
if what == "make":
    make(lt.create_torrent.v1_only, *arguments)
elif what == "make-hybrid":
    make(0, *arguments)
elif what == "hash":
    print("v1:", lt.torrent_info(*arguments).info_hashes().v1)
elif what == "node":
    node(*arguments)
elif what in ("seed", "download"):
    torrent, folder, ip, port = arguments[:4]
    run(torrent, folder, ip, int(port), (arguments[4], int(arguments[5])) if len(arguments) > 4 else None)
else:
    sys.exit(__doc__)
