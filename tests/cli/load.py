# SPDX-License-Identifier: Apache-2.0
# load.py [--keep-alive] [--least N] [--count FILE] PORT - eight connections at
# a time ask 127.0.0.1:PORT for / until SIGTERM comes and there were N requests.
# Nothing is asked twice, but for one thing that every client of HTTP has to do:
# with --keep-alive a connection that was used before may have been closed
# before the first byte of an answer, and then the request goes to a new one.
# FILE has how many there were, of every hundred. The last line is JSON:
# requests, failed, reconnected, by (how often each first word of a body came,
# "v2"), also (the same of the second word), errors.
import argparse
import collections
import json
import signal
import socket
import threading
import time

CONNECTIONS = 8
TIMEOUT_S = 30
PAUSE_S = 0.002  # so that there is something left for those who answer


class Closed(Exception):
    """Before the first byte of an answer."""


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def answer(s, request):
    """The body of a whole answer with status 200."""
    got = b""
    try:
        s.sendall(request)
        got = s.recv(65536)
    except (ConnectionResetError, BrokenPipeError) as e:
        raise Closed(str(e)) from e
    if not got:
        raise Closed("closed without an answer")
    while b"\r\n\r\n" not in got:
        more = s.recv(65536)
        if not more:
            raise ValueError("closed in the head")
        got += more
    head, body = got.split(b"\r\n\r\n", 1)
    lines = head.decode().split("\r\n")
    if lines[0].split(" ")[1] != "200":
        raise ValueError(lines[0])
    fields = dict(line.lower().split(": ", 1) for line in lines[1:])
    length = int(fields["content-length"])
    while len(body) < length:
        more = s.recv(65536)
        if not more:
            raise ValueError("closed in the body")
        body += more
    if len(body) != length:
        raise ValueError("more than a body")
    return body.decode(), fields.get("connection") == "close"


class Load:
    def __init__(self, args):
        self.args = args
        self.lock = threading.Lock()
        self.enough = threading.Event()
        self.requests = self.failed = self.reconnected = 0
        self.by = collections.Counter()
        self.also = collections.Counter()
        self.errors = collections.Counter()
        self.request = (
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: "
            + ("keep-alive" if args.keep_alive else "close")
            + "\r\n\r\n"
        ).encode()

    def ask(self, s):
        """One request; the connection that can be used again, or None."""
        used = s is not None
        try:
            s = s or connect(self.args.port)
            body, last = answer(s, self.request)
        except Closed:
            s.close()
            if not used:
                raise
            with self.lock:
                self.reconnected += 1
            s = connect(self.args.port)
            body, last = answer(s, self.request)
        words = body.split()
        with self.lock:
            self.by[words[0]] += 1
            self.also[words[1]] += 1
        if self.args.keep_alive and not last:
            return s
        s.close()
        return None

    def over(self):
        with self.lock:
            if self.enough.is_set() and self.requests >= self.args.least:
                return True
            self.requests += 1
            n = self.requests
        if n % 100 == 0 and self.args.count:
            with open(self.args.count, "w", encoding="ascii") as f:
                f.write(f"{n}\n")
        return False

    def work(self):
        s = None
        while not self.over():
            try:
                s = self.ask(s)
            except (OSError, ValueError, LookupError, Closed) as e:
                s = None
                with self.lock:
                    self.failed += 1
                    self.errors[f"{type(e).__name__}: {e}"] += 1
            time.sleep(PAUSE_S)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep-alive", action="store_true")
    parser.add_argument("--least", type=int, default=0)
    parser.add_argument("--count")
    parser.add_argument("port", type=int)
    load = Load(parser.parse_args())
    signal.signal(signal.SIGTERM, lambda *_: load.enough.set())
    threads = [threading.Thread(target=load.work) for _ in range(CONNECTIONS)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    names = "requests failed reconnected by also errors".split()
    print(json.dumps({name: getattr(load, name) for name in names}))


main()
