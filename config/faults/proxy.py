"""A TCP proxy before PostgreSQL that can lose an answer: the server has committed, and nobody hears of it."""

import socket
import threading
from contextlib import suppress


class Proxy:
    """Forwards to a Unix socket. After `lose_answer_to(marker)` the answer to the next statement with it is lost."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.lost = 0
        self._marker = b""
        self._lock = threading.Lock()

    def __enter__(self) -> "Proxy":
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def lose_answer_to(self, marker: bytes) -> None:
        with self._lock:
            self._marker = marker

    def _takes(self, data: bytes) -> bool:
        with self._lock:
            if self._marker and self._marker in data:
                self._marker = b""
                return True
            return False

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self.target)
            except OSError:
                client.close()
                continue
            cut = threading.Event()
            threading.Thread(target=self._to_server, args=(client, server, cut), daemon=True).start()
            threading.Thread(target=self._to_client, args=(server, client, cut), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if self._takes(data):
                    cut.set()
                server.sendall(data)
        _end(client, server)

    def _to_client(self, server: socket.socket, client: socket.socket, cut: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if cut.is_set():  # an answer means that the server has committed
                    self.lost += 1
                    break
                client.sendall(data)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
