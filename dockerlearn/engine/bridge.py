"""A network bridge and a free address range for the practice engine, in the network namespace of the calling thread.

Made with the kernel's own calls, since the program ``ip`` is not part of a minimal Debian. Constants are those of
``linux/sockios.h`` and ``linux/if.h``; everything here needs root and raises ``OSError`` with the kernel's reason.
"""

from __future__ import annotations

import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _SET_ADDRESS, _SET_NETMASK = 0x8913, 0x8914, 0x8916, 0x891C
_ADD_BRIDGE, _DELETE_BRIDGE = 0x89A0, 0x89A1
_UP = 0x1
_ROUTES = Path("/proc/thread-self/net/route")
_ROUTES_6 = Path("/proc/thread-self/net/ipv6_route")


def links() -> list[str]:
    """The names of the network interfaces."""
    return [name for _, name in socket.if_nameindex()]


def create(name: str, address: ipaddress.IPv4Interface) -> None:
    """Make a bridge, give it its address and bring it up."""
    with _control() as control:
        fcntl.ioctl(control, _ADD_BRIDGE, _name(name))
        fcntl.ioctl(control, _SET_ADDRESS, _with_address(name, address.ip))
        fcntl.ioctl(control, _SET_NETMASK, _with_address(name, address.netmask))
    _set_up(name, up=True)


def remove(name: str) -> None:
    """Remove a bridge; a bridge that is up cannot be removed, so it is taken down first."""
    _set_up(name, up=False)
    with _control() as control:
        fcntl.ioctl(control, _DELETE_BRIDGE, _name(name))


def loopback_up() -> None:
    """Bring the loopback interface up; it is down in a new network namespace."""
    _set_up("lo", up=True)


def routed() -> list[ipaddress.IPv4Network]:
    """The address ranges that this machine has a route to, the default route aside."""
    ranges = []
    for line in _ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        # Eight hexadecimal digits in the machine's byte order.
        destination, mask = (socket.inet_ntoa(struct.pack("=I", int(fields[at], 16))) for at in (1, 7))
        if mask != "0.0.0.0":  # noqa: S104  # no address to bind to
            ranges.append(ipaddress.IPv4Network(f"{destination}/{mask}", strict=False))
    return ranges


def leads_out() -> bool:
    """Whether this network namespace has a default route; True where that cannot be told."""
    try:
        for line in _ROUTES.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] == fields[7] == "00000000":
                return True
        # The kernel keeps one on the loopback interface that says "unreachable".
        six = _ROUTES_6.read_text().splitlines() if _ROUTES_6.exists() else []
        return any(fields[:2] == ["0" * 32, "00"] and fields[-1] != "lo" for fields in map(str.split, six))
    except (OSError, IndexError):
        return True


def free_range(taken: Iterable[ipaddress.IPv4Network], prefer: int = 0) -> ipaddress.IPv4Network | None:
    """A private range of 65,536 addresses that overlaps none of ``taken``; ``prefer`` says where to begin looking."""
    taken = list(taken)
    candidates: Sequence[str] = [f"10.{200 + (prefer + offset) % 55}.0.0/16" for offset in range(55)]
    candidates = [*candidates, *(f"172.{second}.0.0/16" for second in range(31, 17, -1)), "192.168.0.0/16"]
    for candidate in candidates:
        network = ipaddress.IPv4Network(candidate)
        if not any(network.overlaps(other) for other in taken):
            return network
    return None


def _control() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


def _name(name: str) -> bytes:
    encoded = name.encode()
    if not 0 < len(encoded) < 16:
        raise ValueError(f"not the name of an interface: {name!r}")
    return encoded.ljust(16, b"\0")


def _with_address(name: str, address: ipaddress.IPv4Address) -> bytes:
    return _name(name) + struct.pack("=HH4s8x", socket.AF_INET, 0, address.packed) + bytes(8)


def _set_up(name: str, *, up: bool) -> None:
    with _control() as control:
        request = fcntl.ioctl(control, _GET_FLAGS, _name(name) + bytes(24))
        (flags,) = struct.unpack_from("=H", request, 16)
        flags = flags | _UP if up else flags & ~_UP
        fcntl.ioctl(control, _SET_FLAGS, _name(name) + struct.pack("=H", flags) + bytes(22))
