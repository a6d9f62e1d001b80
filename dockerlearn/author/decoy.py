"""Somebody else who answers at a port of this machine, with what was answered there before."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

WAIT = 3.0
"""Seconds in which whoever had the port must have let go of it."""


class Decoy:
    """Remembers what is answered at a port of loopback, and once it is opened answers so itself."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._answer = _heard(port)
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Begin to answer. A port that stays taken is left to whoever has it."""
        until = time.monotonic() + WAIT
        while self._socket is None:
            listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listening.bind(("127.0.0.1", self.port))
                listening.listen()
                self._socket = listening
            except OSError:
                listening.close()
                if time.monotonic() > until:
                    return
                time.sleep(0.05)
        threading.Thread(target=self._serve, args=(self._socket,), daemon=True).start()

    def close(self) -> None:
        """End it."""
        if self._socket is not None:
            # Closing alone does not wake a thread that waits in accept.
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                asked, _ = listening.accept()
            except OSError:
                return
            with asked, suppress(OSError):
                asked.settimeout(WAIT)
                asked.recv(65_536)
                asked.sendall(self._answer)


def _heard(port: int) -> bytes:
    """What is answered there now, as it comes."""
    heard = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as asking:
            asking.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            while len(heard) < 1_048_576 and (part := asking.recv(65_536)):
                heard += part
    except OSError:
        pass
    return heard
