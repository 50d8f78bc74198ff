"""The service at one end of a link: ``service.py HOST PORT API_KEY``; ends with its input.

Its model gives every picture back as it is. Prints lines of JSON, each with its ``event``:
``listening``; ``prompt``, when pictures come under another prompt or in another session than the
one before; ``sessions``, how many there are, for each line of the input.
"""

from __future__ import annotations

import json
import sys

import parhelion as ph

WIDTH, HEIGHT, FPS = 640, 352, 25


def tell(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


def main() -> None:
    host, port, api_key = sys.argv[1:]
    seen: list[tuple[str, str]] = []
    server = ph.LocalServer(host, int(port), api_key=api_key)

    @server.model("identity", fps=FPS, width=WIDTH, height=HEIGHT)
    def identity(frame, context):
        now = context.session_id, context.prompt
        if now not in seen[-1:]:
            seen.append(now)
            tell("prompt", session=context.session_id, text=context.prompt)
        return frame

    with server:
        tell("listening", url=server.url)
        for _ in sys.stdin:
            tell("sessions", count=server.active_sessions)


if __name__ == "__main__":
    main()
