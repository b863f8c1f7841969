"""A web server that misbehaves: bad_web_server.py ADDRESS PORT FOLDER. It prints `ready`, and then each
request with the port of who asks.

The first element of a path says how the file behind it is given:

hang     not at all                              page     a page in its place
drip     a byte a second                         longer   as part of a longer file
cut      the first 20,000 bytes, then it closes  wrong    with its first byte changed
around   it sends on to the same URL, for ever   inside   it sends on to the same port of 127.0.0.1
404, 403, 416   these statuses                   429      too many requests, to be asked again after 700 seconds
503      out of service until 700 seconds from now, as a date
ok       as it should
slow     as it should, 320 kB a second over each connection
"""
import email.utils
import http.server
import os
import sys
import time
import urllib.parse

ADDRESS, PORT, FOLDER = sys.argv[1], int(sys.argv[2]), sys.argv[3]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, status, length=0, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def do_GET(self):
        print(self.path, self.client_address[1], flush=True)
        _, how, *path = urllib.parse.unquote(self.path).split("/")
        with open(os.path.join(FOLDER, *path), "rb") as file:
            whole = file.read()
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        part = whole[first:last + 1]
        total = len(whole) + (how == "longer")
        ranged = {"Content_Range": f"bytes {first}-{last}/{total}"}
        if how == "hang":
            time.sleep(3600)
        elif how == "page":
            self.head(200, 6, Content_Type="text/html; charset=utf-8")
            self.wfile.write(b"<html>")
        elif how == "around":
            self.head(302, Location=self.path)
        elif how == "inside":
            self.head(302, Location=f"http://127.0.0.1:{PORT}/ok/{'/'.join(self.path.split('/')[2:])}")
        elif how == "429":
            self.head(429, Retry_After="700")
        elif how == "503":
            self.head(503, Retry_After=email.utils.formatdate(time.time() + 700, usegmt=True))
        elif how.isdecimal():
            self.head(int(how))
        else:
            self.head(206, len(part), **ranged)
            if how == "drip":
                for byte in part:
                    self.wfile.write(bytes([byte]))
                    time.sleep(1)
            elif how == "slow":
                for begin in range(0, len(part), 16_000):
                    self.wfile.write(part[begin:begin + 16_000])
                    time.sleep(0.05)
            elif how == "cut":
                self.wfile.write(part[:20_000])
                self.close_connection = True
            elif how == "wrong":
                self.wfile.write(bytes([part[0] ^ 1]) + part[1:])
            else:
                self.wfile.write(part)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        # Who asks hangs up on most of this.
        pass


server = Server((ADDRESS, PORT), Handler)
print("ready", flush=True)
server.serve_forever()
