"""libtorrent over uTP alone.

  seed TORRENT FOLDER IP PORT                      prints `complete` once it has everything, and stays
  download TORRENT FOLDER IP PORT IP:PORT...       prints `complete WALL CPU`, in seconds from the first dial, once
                                                   everything is on disk, and ends
"""

import os
import sys
import time

import libtorrent as lt


def session(ip, port):
    return lt.session({
        "listen_interfaces": f"{ip}:{port}",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
        "enable_incoming_utp": True,
        "enable_outgoing_utp": True,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.status_notification
        | lt.alert.category_t.storage_notification | lt.alert.category_t.connect_notification,
    })


def spent():
    times = os.times()
    return times.user + times.system


what, torrent, folder, ip, port = sys.argv[1:6]
ses = session(ip, port)
params = lt.add_torrent_params()
params.ti, params.save_path = lt.torrent_info(torrent), folder
params.flags = lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_dht | lt.torrent_flags.disable_pex
if what == "seed":
    params.flags |= lt.torrent_flags.seed_mode
handle = ses.add_torrent(params)
while not handle.status().has_metadata or handle.status().state in (
        lt.torrent_status.checking_files, lt.torrent_status.checking_resume_data):
    time.sleep(0.01)
if what == "seed":
    print("complete", flush=True)
    while True:
        ses.wait_for_alert(1000)
        for alert in ses.pop_alerts():
            print(type(alert).__name__, alert.message(), file=sys.stderr, flush=True)
began, spent_before = time.monotonic(), spent()
for peer in sys.argv[6:]:
    address, peer_port = peer.rsplit(":", 1)
    handle.connect_peer((address, int(peer_port)))
flushing = False
while True:
    ses.wait_for_alert(20)
    for alert in ses.pop_alerts():
        print(type(alert).__name__, alert.message(), file=sys.stderr, flush=True)
        if flushing and isinstance(alert, lt.cache_flushed_alert):
            print("complete", time.monotonic() - began, spent() - spent_before, flush=True)
            sys.exit()
    if not flushing and handle.status().is_seeding:
        flushing = True
        handle.flush_cache()
