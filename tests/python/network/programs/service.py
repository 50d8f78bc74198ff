"""The service at one end of a link: ``service.py HOST PORT API_KEY``; ends with its input.

Its model gives every picture back as it is. Prints one line of JSON when it listens.
"""

from __future__ import annotations

import json
import sys

import parhelion as ph

WIDTH, HEIGHT, FPS = 640, 352, 25


def main() -> None:
    host, port, api_key = sys.argv[1:]
    server = ph.LocalServer(host, int(port), api_key=api_key)

    @server.model("identity", fps=FPS, width=WIDTH, height=HEIGHT)
    def identity(frame, context):
        return frame

    with server:
        print(json.dumps({"event": "listening", "url": server.url}), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
