"""A connection to a published port, and nothing more."""

from __future__ import annotations

import msgspec

SETTLES = 0.2
"""Seconds in which the engine's proxy hangs up when nobody listens behind it."""


class Closed(msgspec.Struct, frozen=True):
    """No connection, and why; ``may_come``: waiting may help; ``hung_up``: it was refused or broken off."""

    text: str
    may_come: bool
    hung_up: bool = False


def knock(host: str, port: int, deadline: float = 2.0) -> Closed | None:
    """Connect, wait a moment whether the connection is kept, and hang up. Never raises."""
    import socket

    try:
        with socket.create_connection((host, port), timeout=deadline) as connection:
            connection.settimeout(SETTLES)
            try:
                said = connection.recv(1)
            except TimeoutError:
                return None  # it is kept
            return None if said else Closed("the connection was closed at once", may_come=True, hung_up=True)
    except ConnectionRefusedError:
        return Closed("the connection was refused", may_come=True, hung_up=True)
    except ConnectionResetError:
        return Closed("the connection was closed at once", may_come=True, hung_up=True)
    except TimeoutError:
        return Closed(f"nothing answered within {deadline:g} s", may_come=True)
    except OSError as error:
        return Closed(error.strerror or str(error), may_come=True)
