"""So many POSTs a second to the form of inquiries and to the sign-in, until a line comes in; then counts by status.

A program of its own and as small as can be, so that whoever floods takes little of the machine that is measured:
raw sockets, each kept open, one request after the other.
"""

import selectors
import socket
import sys
import time
from collections import Counter

LINES = 16
TOKEN = "a" * 32  # whoever writes cookie and field alike passes for a page of ours


def main() -> None:
    port, slug, per_second = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    wanted = [_request(f"/inquiry/{slug}/", "address=nobody%40nowhere.example"),
              _request("/account/login/", f"csrfmiddlewaretoken={TOKEN}&login=known%40relaypost.example&password=wrong",
                       f"Cookie: csrf={TOKEN}\r\n")]  # fmt: skip
    counts: Counter[str] = Counter()
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    free = [_line(port) for _ in range(LINES)]
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * per_second)
        while sent < due and free:
            line = free.pop()
            line.sendall(wanted[sent % 2])
            waiting.register(line, selectors.EVENT_READ)
            sent += 1
        if not free:
            free.append(_line(port))  # whoever floods does not wait for answers
        for key, _ in waiting.select(timeout=0.002):
            if key.fileobj is sys.stdin:
                sys.stdout.write("".join(f"{status} {count}\n" for status, count in counts.items()))
                return
            line = key.fileobj  # type: ignore[assignment]
            waiting.unregister(line)
            answer = line.recv(65536)
            counts[answer[9:12].decode() or "0"] += 1
            line.close()  # an answer longer than this is not waited for
            free.append(_line(port))


def _line(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))


def _request(path: str, body: str, more: str = "") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost:8000\r\nSec-Fetch-Site: same-origin\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"{more}Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


if __name__ == "__main__":
    main()
