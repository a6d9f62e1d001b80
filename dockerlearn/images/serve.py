"""Serves the lessons' images, and nothing else, to engines that name this machine as their mirror.

What is served is always an archive: one that was given, or one that is made of the engine's images when it begins. So
what an engine or a learner does meanwhile changes nothing of what others get, and every byte has a checksum.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.mirror import LOOPBACK, Mirror
from dockerlearn.errors import ArchiveError, UsageError
from dockerlearn.images.archive import Archive
from dockerlearn.images.outcome import Outcome
from dockerlearn.images.shelf import Shelf
from dockerlearn.text import one_line

_NOWHERE = ("192.0.2.1", "2001:db8::1")  # addresses of documentation, to which nothing is sent


class Served(msgspec.Struct, frozen=True):
    """A mirror that listens; ``url`` is how an engine reaches it."""

    url: str
    outcomes: tuple[Outcome, ...]

    @property
    def option(self) -> str:
        """What dockerd is started with to pull from it."""
        return f"--registry-mirror={self.url}"

    @property
    def setting(self) -> dict[str, list[str]]:
        """What its configuration says instead."""
        return {"registry-mirrors": [self.url]}

    @property
    def daemon_json(self) -> str:
        """The same as it is written."""
        return json.dumps(self.setting)


@contextlib.contextmanager
def serving(
    archive: Archive, declared: Sequence[str], *, address: str, port: int
) -> Iterator[tuple[Served, Callable[[], None]]]:
    """Listen at ``address`` and serve from a thread; given is also what waits for its end, which is an interrupt.

    Of the archive, those of the names ``declared`` are served. Raises ``UsageError`` when it cannot listen there, and
    when stand-ins would leave this machine; ``ArchiveError`` when there is nothing to serve.
    """
    shelf = Shelf(archive, [references.normalise(reference) for reference in declared])
    if not shelf.images:
        raise ArchiveError("There is none of the lessons' images in it, so there is nothing to serve.")
    where = _address(address)
    if not where.is_loopback and (made := [image for image in shelf.images if image.stand_in]):
        raise UsageError(
            f"{references.short(made[0].reference)} is a stand-in, and other machines would take it for the real one: "
            "stand-ins are served on this machine only.",
            "dockerlearn images serve    # on loopback",
        )
    try:
        server = Mirror(shelf, address=str(where), port=port)
    except OSError as error:
        raise _no_port(str(where), port, error) from None
    with server:
        bound = int(server.server_address[1])
        served = Served(f"http://{_reached(where)}:{bound}", tuple(_outcomes(archive, shelf)))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            yield served, thread.join
        finally:
            server.shutdown()


def _outcomes(archive: Archive, shelf: Shelf) -> Iterator[Outcome]:
    for image in archive.images:
        name = one_line(references.short(image.reference))
        if image in shelf.images:
            yield Outcome(name, "served", size=image.size, stand_in=image.stand_in)
        else:
            yield Outcome(name, "undeclared", "no lesson uses an image of this name, so it is not served")


def _address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(LOOPBACK if address == "localhost" else address)
    except ValueError:
        raise UsageError(
            f"{one_line(address)} is no address of this machine: --address takes one in numbers.",
            "dockerlearn images serve --address 0.0.0.0    # all of them",
        ) from None


def _reached(where: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """Return the host of the address that others use: of all addresses, the one that this machine speaks from."""
    shown = str(where)
    if where.is_unspecified:
        family = socket.AF_INET if where.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            try:
                asked.connect((_NOWHERE[where.version == 6], 9))  # a datagram's socket sends nothing by that
                shown = str(asked.getsockname()[0])
            except OSError:
                shown = socket.gethostname()
    return f"[{shown}]" if ":" in shown else shown


def _no_port(address: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"Port {port} of {address} is taken by another program.", "dockerlearn images serve --port PORT"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(f"{address} is no address of this machine.", "ip -brief address    # lists them")
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(f"Port {port} needs root.", "dockerlearn images serve --port PORT    # one above 1023")
    return UsageError(f"Nothing can listen at {address}, port {port}: {one_line(error.strerror or str(error))}.")
