#!/usr/bin/env python3
"""Receives the webhooks of `codec serve`, checks their signatures, and passes events on.

    export CODEC_WEBHOOK_SECRET=whsec_...
    python3 webhook_receiver.py --port 9000 --only room.joined -- ./send-sms.sh
    codec serve --webhook http://127.0.0.1:9000/

Without a command, each event is printed as a line of JSON. With a command, the event is its standard
input, so that a script of three lines can call an SMS or push gateway. If the command fails, the server
gets status 503 and repeats the event later. Needs only Python's standard library.
"""

import argparse
import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import time
from collections import OrderedDict

# A request whose timestamp is older, or farther in the future, may be a replay.
TOLERANCE_S = 300
MAX_BODY_BYTES = 1 << 20
# Ids of events that were handled: the server repeats one if its answer was lost.
MAX_IDS = 10_000


class Invalid(Exception):
    """A request that is not from the server."""


def verify(secret, headers, body, now):
    """Returns the id of a request that `secret` has signed (Standard Webhooks 1.0.0)."""
    try:
        identity, sent = headers["webhook-id"], headers["webhook-timestamp"]
        signatures = headers["webhook-signature"].split()
        age = abs(now - int(sent))
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Invalid("missing or invalid headers") from None
    if not identity or age > TOLERANCE_S:
        raise Invalid("the timestamp is too old or in the future")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{identity}.{sent}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = [one[3:].encode() for one in signatures if one.startswith("v1,")]
    if not any([hmac.compare_digest(expected, one) for one in given]):
        raise Invalid("the signature is wrong")
    return identity


def pass_on(event, command):
    """Prints an event, or runs the command with it; returns whether that succeeded."""
    line = json.dumps(event)
    if not command:
        print(line, flush=True)
        return True
    return subprocess.run(command, input=f"{line}\n", text=True, timeout=8, check=False).returncode == 0


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers 204 for an event that was passed on, 401 for a forged one, 503 to get it again."""

    timeout = 10
    handled = OrderedDict()

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            return self.answer(413)
        body = self.rfile.read(int(length))
        try:
            identity = verify(self.server.secret, self.headers, body, time.time())
        except Invalid as error:
            print(f"rejected: {error}", file=sys.stderr, flush=True)
            return self.answer(401)
        if identity in self.handled:
            return self.answer(204)
        event = json.loads(body)
        wanted = not self.server.only or event["type"] in self.server.only
        try:
            passed = not wanted or pass_on(event, self.server.command)
        except (OSError, subprocess.TimeoutExpired) as error:
            print(f"failed: {error}", file=sys.stderr, flush=True)
            passed = False
        if not passed:
            return self.answer(503)
        self.handled[identity] = None
        if len(self.handled) > MAX_IDS:
            self.handled.popitem(last=False)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=9000, help="port on 127.0.0.1; 0: any")
    parser.add_argument("--only", action="append", help="type of events to pass on; may be repeated")
    parser.add_argument("command", nargs="*", help="command that gets each event as standard input")
    options = parser.parse_args()
    secret = os.environ.get("CODEC_WEBHOOK_SECRET", "").strip()
    if not secret.startswith("whsec_"):
        sys.exit("set CODEC_WEBHOOK_SECRET to the secret of the server")
    # One thread: events are handled in order.
    server = http.server.HTTPServer(("127.0.0.1", options.port), Receiver)
    server.secret, server.only, server.command = secret, options.only, options.command
    print(f"listening on http://127.0.0.1:{server.server_port}/", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
