"""A receiver as its users write one, with the library of Standard Webhooks. The secret comes in as a line; the
address goes out as one, and then a line for each delivery."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook

webhook = None


def say(line):
    print(json.dumps(line), flush=True)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            say({"verified": webhook.verify(body, dict(self.headers))})
            self.send_response(204)
        except Exception as error:
            say({"refused": repr(error)})
            self.send_response(400)
        self.end_headers()

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
say({"url": f"http://127.0.0.1:{server.server_port}/"})
for secret in sys.stdin:
    webhook = Webhook(secret.strip())
    say({"secret": "known"})
