"""Servers that take messages and throw them away, each a process of its own on a free port."""

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SMTP_SINK = shutil.which("smtp-sink", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def which() -> str:
    return "smtp-sink of postfix" if SMTP_SINK else "own sink (apt install postfix brings a faster one)"


@contextmanager
def smtp(*, delay: float = 0.0) -> Iterator[int]:
    """Postfix's smtp-sink where it is installed and nothing is to be delayed, else a small one of our own.

    delay: seconds before each reply to a final dot.
    """
    port = free_port()
    if SMTP_SINK and not delay:
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        command = [SMTP_SINK, *user, f"127.0.0.1:{port}", "1000"]
    else:
        command = [sys.executable, "-m", "config.bench.sinks", "smtp", "--port", str(port), "--delay", str(delay)]
    with process(command, port):
        yield port


@contextmanager
def mailgun() -> Iterator[str]:
    """A stub of Mailgun's API that takes every call; its address."""
    port = free_port()
    with process([sys.executable, "-m", "config.bench.sinks", "http", "--port", str(port)], port):
        yield f"http://127.0.0.1:{port}/v3"


@contextmanager
def process(command: list[str], port: int) -> Iterator[None]:
    server = subprocess.Popen(command)
    try:
        until_it_listens(port)
        yield
    finally:
        server.terminate()
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_it_listens(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError("the server does not listen")


class Taken:
    """Moments (time.time) at which messages were taken: for a sink that runs as a thread of the benchmark."""

    def __init__(self) -> None:
        self.at: list[float] = []


async def serve_smtp(port: int, delay: float, taken: Taken | None = None) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 sink\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                writer.write(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n")
            elif verb == b"DATA":
                writer.write(b"354 go\r\n")
                try:
                    await reader.readuntil(b"\r\n.\r\n")
                except asyncio.IncompleteReadError:  # whoever stops in the middle of a window closes
                    break
                await asyncio.sleep(delay)
                if taken:
                    taken.at.append(time.time())
                writer.write(b"250 taken\r\n")
            else:
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                break
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, limit=2**20)
    async with server:
        await server.serve_forever()


async def serve_http(port: int) -> None:
    answer = json.dumps({"id": "<bench@mg.example>", "message": "Queued. Thank you."}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n".encode()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(asked.partition(b"content-length:")[2].split()[0]))
                writer.write(head + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port, limit=2**24)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["smtp", "http"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0)
    given = parser.parse_args()
    asyncio.run(serve_smtp(given.port, given.delay) if given.kind == "smtp" else serve_http(given.port))


if __name__ == "__main__":
    main()
