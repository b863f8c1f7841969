"""Sessions of libtorrent, each a node of the DHT at an address of its own.

Takes a line of JSON for what is to be done, and answers with one: start, add, state, lookup, save.
"""

import json
import sys
import time

import libtorrent as lt

SESSIONS = {}
ALERTS = lt.alert.category_t.dht_notification | lt.alert.category_t.status_notification \
    | lt.alert.category_t.dht_operation_notification | lt.alert.category_t.error_notification


def start(number, listen, nodes, state=None):
    params = lt.session_params()
    if state:
        with open(state, "rb") as file:
            params = lt.read_session_params(file.read())
    params.settings = {
        **params.settings,
        "listen_interfaces": ",".join(listen), "enable_dht": True, "dht_bootstrap_nodes": ",".join(nodes),
        "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_incoming_utp": False, "enable_outgoing_utp": False, "alert_mask": ALERTS,
        # Nodes of rtorrent name each peer at a wrong port, too.
        "allow_multiple_connections_per_ip": True}
    SESSIONS[number] = lt.session(params)
    return {}


def add(number, torrent, folder):
    params = lt.add_torrent_params()
    params.ti, params.save_path = lt.torrent_info(torrent), folder
    params.flags |= lt.torrent_flags.disable_pex | lt.torrent_flags.disable_lsd
    SESSIONS[number].add_torrent(params)
    return {}


def state(number):
    """Nodes that it knows, and how far its torrents are."""
    torrents = [one.status() for one in SESSIONS[number].get_torrents()]
    return {"nodes": SESSIONS[number].status().dht_nodes, "done": [one.is_seeding for one in torrents]}


def lookup(number, info_hash, wait_s=3):
    """Peers of a torrent that the DHT names to this session."""
    session, peers = SESSIONS[number], set()
    session.pop_alerts()
    session.dht_get_peers(lt.sha1_hash(bytes.fromhex(info_hash)))
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.dht_get_peers_reply_alert):
                peers |= {(ip, port) for ip, port in alert.peers()}
    return {"peers": sorted(peers)}


def save(number, file):
    """Keeps the nodes that it knows, as a program does when it ends."""
    with open(file, "wb") as out:
        out.write(lt.bencode(SESSIONS[number].save_state(lt.save_state_flags_t.save_dht_state)))
    return {}


def ready(number):
    """It can be asked."""
    return {"number": number}


DOES = {"ready": ready, "start": start, "add": add, "state": state, "lookup": lookup, "save": save}
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(DOES[asked.pop("do")](**asked)), flush=True)
