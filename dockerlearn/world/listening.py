"""On which addresses the processes of a container listen, as its kernel tells."""

from __future__ import annotations

import msgspec

_LISTENING = "0A"
_ANY = {"00000000", "0" * 32}


class Listener(msgspec.Struct, frozen=True):
    """A TCP port that is listened on inside a container; ``loopback``: only from inside it can be reached."""

    port: int
    loopback: bool


def listeners(table: str) -> frozenset[Listener]:
    """Read ``/proc/net/tcp`` and ``tcp6``, one after the other.

    Source: proc(5); an address is in hexadecimal, in groups of four bytes in the order of the machine. Docker's own
    name server, on 127.0.0.11 of containers on networks of their own, does not count.

    >>> listeners("  0: 0100007F:0050 00000000:0000 0A 0")
    frozenset({Listener(port=80, loopback=True)})
    """
    found = set()
    for line in table.splitlines():
        fields = line.split()
        if len(fields) < 4 or fields[3] != _LISTENING or ":" not in fields[1]:
            continue
        address, _, port = fields[1].partition(":")
        if address in {"0B00007F", "7F00000B"} or not _is_hexadecimal(address + port):
            continue
        found.add(Listener(int(port, 16), loopback=address not in _ANY and _is_loopback(address)))
    return frozenset(found)


def _is_hexadecimal(text: str) -> bool:
    return all(character in "0123456789ABCDEF" for character in text)


def _is_loopback(address: str) -> bool:
    # 127.x.y.z in either byte order; ::1; and 127.x.y.z written as an IPv6 address.
    if len(address) == 8:
        return address.endswith("7F") or address.startswith("7F")
    last = address[24:]
    one = address[:24] == "0" * 24 and last in {"01000000", "00000001"}
    mapped = address[16:24] in {"FFFF0000", "0000FFFF"}
    return one or (mapped and _is_loopback(last))
