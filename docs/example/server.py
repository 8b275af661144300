# SPDX-License-Identifier: Apache-2.0
"""A web app in one file: says its greeting, its version and its release."""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION = 1


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        text = "{} from version {}, release {}\n".format(
            os.environ["GREETING"], VERSION, os.environ["RELCTL_RELEASE"]
        )
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def stop(_signal, _frame):
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
ThreadingHTTPServer(
    ("127.0.0.1", int(os.environ["PORT"])), Page
).serve_forever()
