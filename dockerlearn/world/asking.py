"""What is asked from inside a container, and how what comes back is read.

A shell script asks as a program in the container would: the C library (``getent``, or busybox's ``wget``, which tells
whom it connects to) says where a name leads, because ``nslookup`` knows nothing of ``/etc/hosts``; then ``bash`` or
busybox's ``nc`` connects to the first address. ``wget`` and ``curl`` are not used for more: they follow redirects.
"""

from __future__ import annotations

import io
import math
import re

import msgspec

from dockerlearn.world.http import LIMIT, HttpAnswer, HttpFailure, read_answer
from dockerlearn.world.knock import Closed

SECONDS = 6.0
"""Seconds for all of it. A name server that does not answer takes most of them."""

MOST = LIMIT + 32_768
"""Bytes of an answer that are read, its headers included."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?")

_CONNECTED = b"dockerlearn: connected\n"

# $0 the name; $1 the port, or nothing; $2 what is sent, or nothing; $3 how many bytes are read; $4 the seconds after
# which it ends by itself, should whoever asked be killed. wget connects to port 1 in order to say where: nobody listens
# there, and nothing is sent. nslookup adds the other addresses of the same name.
SCRIPT = r"""
unable() { echo unable; exit 0; }
if command -v getent >/dev/null 2>&1; then
  list=$(getent ahosts "$0" 2>/dev/null)
  case $? in 0) ;; 2) echo nowhere; exit 0 ;; *) unable ;; esac
  first=${list%%[!0-9A-Fa-f:.]*}
  echo "first $first"
  echo "$list"
elif command -v wget >/dev/null 2>&1; then
  said=$(timeout 2 wget -Y off -O /dev/null "http://$0:1/" 2>&1)
  case "$? $said" in
    *"Connecting to "*" ("*":1)"*)
      first=${said#*" ("}; first=${first%%":1)"*}; first=${first#"["}; first=${first%"]"} ;;
    *"bad address"*) echo nowhere; exit 0 ;;
    "124 "* | "143 "*) echo silence; exit 0 ;;
    *) unable ;;
  esac
  echo "first $first"
  nslookup -timeout=1 -retry=1 "$0" 2>/dev/null
else
  unable
fi
[ -n "$1" ] || exit 0
limit=
if command -v timeout >/dev/null 2>&1; then limit="timeout $4"; fi
if command -v bash >/dev/null 2>&1; then
  echo asking
  exec $limit bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1
    echo "dockerlearn: connected"
    [ -n "$2" ] || exit 0; printf %s "$2" >&3; exec head -c "$3" <&3 2>/dev/null' "$first" "$1" "$2" "$3" 2>&1
fi
command -v nc >/dev/null 2>&1 || unable
echo asking
exec $limit nc -w 2 "$first" "$1" -e sh -c 'echo "dockerlearn: connected" >&2
  [ -n "$0" ] || exit 0; printf %s "$0"; exec head -c "$1" >&2 2>/dev/null' "$2" "$3" 2>&1
"""


class Question(msgspec.Struct, frozen=True):
    """Where a name leads; with ``port``, whether something accepts there; with ``path``, what it answers to a GET."""

    name: str
    port: int | None = None
    path: str | None = None

    @property
    def command(self) -> list[str]:
        """What is run where it is asked."""
        request = "" if self.path is None else f"GET {self.path} HTTP/1.1\r\nHost: {self.name}:{self.port}\r\n"
        sent = f"{request}Accept-Encoding: identity\r\nConnection: close\r\n\r\n" if request else ""
        return ["sh", "-c", SCRIPT, self.name, str(self.port or ""), sent, str(MOST), str(math.ceil(SECONDS) + 2)]


class Asked(msgspec.Struct, frozen=True):
    """What came back. ``addresses`` are where the name leads, none if nowhere; the first is the one that was tried.

    ``silent`` when it leads nowhere because no name server answered in time. ``closed`` says why there was no
    connection, None when there was one or no port was asked for.
    """

    addresses: tuple[str, ...]
    closed: Closed | None = None
    silent: bool = False
    answer: HttpAnswer | HttpFailure | None = None

    @property
    def reply(self) -> HttpAnswer | HttpFailure:
        """What a GET was answered with, or why it was not."""
        if self.closed is not None:
            return HttpFailure("refused" if self.closed.hung_up else "timeout", self.closed.text, self.closed.may_come)
        return self.answer or HttpFailure("reset", "there was no answer", may_come=True)


def read(question: Question, output: bytes, *, late: bool) -> Asked | None:
    """Read what the script printed; None when it could not ask. ``late`` when it was ended before its end."""
    told, connected, rest = output.partition(_CONNECTED)
    lines = told.decode("utf-8", "replace").splitlines()
    first = next((line.removeprefix("first ") for line in lines if line.startswith("first ")), None)
    if first is None:
        silent = late or "silence" in lines
        return Asked((), silent=silent) if silent or "nowhere" in lines else None
    addresses = _addresses(first, lines)
    if not addresses:
        return None
    if question.port is None:
        return Asked(addresses)
    if connected:
        return Asked(addresses, answer=None if question.path is None else _answer(rest, late=late))
    closed = _closed("\n".join(lines[lines.index("asking") + 1 :]) if "asking" in lines else "", late=late)
    return None if closed is None else Asked(addresses, closed)


def is_name(text: str) -> bool:
    """Whether a text can be the name of a host; one that begins with a dash would be an option.

    >>> is_name("dl-db.example"), is_name("-e"), is_name("a b")
    (True, False, False)
    """
    return bool(_NAME.fullmatch(text))


def plain(address: str) -> str:
    """One spelling of an address; an IPv4 address that is written as IPv6 is the IPv4 address. Anything else is empty.

    >>> plain("::ffff:172.18.0.2"), plain("FD00:0::2"), plain("STREAM")
    ('172.18.0.2', 'fd00::2', '')
    """
    import ipaddress  # 2 ms that every command would pay

    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def is_loopback(address: str) -> bool:
    """Whether an address, as ``plain`` spells it, is one that leads to the asker itself.

    >>> is_loopback("127.0.0.11"), is_loopback("::1"), is_loopback("172.18.0.2")
    (True, True, False)
    """
    return address.startswith("127.") or address == "::1"


def _addresses(first: str, lines: list[str]) -> tuple[str, ...]:
    tried = plain(first)
    others: list[str] = []
    named = False
    for line in lines:
        words = line.split()
        named = named or line.startswith("Name:")  # before it, nslookup tells the name server's own address
        if words and (found := plain(words[0])):
            others.append(found)  # getent: ADDRESS STREAM NAME
        elif named and line.startswith("Address"):
            others += [found for word in words[1:] if (found := plain(word))]
    # What /etc/hosts or a search domain says is not what nslookup says, and goes before it.
    return tuple(dict.fromkeys([tried, *others] if tried in others else [tried])) if tried else ()


def _closed(said: str, *, late: bool) -> Closed | None:
    if re.search("refused", said, re.I):
        return Closed("the connection was refused", may_come=True, hung_up=True)
    if re.search("unreachable|no route", said, re.I):
        return Closed("there is no way to it", may_come=True)
    if late or re.search("timed out|timeout", said, re.I):
        return Closed("nothing answered in time", may_come=True)
    return None


def _answer(raw: bytes, *, late: bool) -> HttpAnswer | HttpFailure:
    if late:
        return HttpFailure("timeout", f"there was no whole answer within {SECONDS:g} s", may_come=True)
    return read_answer(io.BytesIO(raw))
