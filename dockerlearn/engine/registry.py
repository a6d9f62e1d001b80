"""Whether a registry can be reached from this machine, and how many pulls it still gives.

One image is asked for by HEAD, which counts as no pull. Who wants a token is asked for one without a login, as the
docker client does. The registry's address is the engine's own word (``/info``), never ours.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from email.utils import parsedate_to_datetime
from time import time

import msgspec

from dockerlearn.engine import references
from dockerlearn.engine.endpoint import is_loopback
from dockerlearn.text import one_line

SECONDS = 6.0
_ACCEPT = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_LARGEST = 65_536


class RegistrySaid(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking. ``problem`` is empty when it has the image; ``kind`` sorts problems for their remedies.

    ``limit`` and ``remaining`` are pulls per ``window`` seconds, None where it does not tell. ``clock`` is how many
    seconds its clock is ahead of this machine's.
    """

    address: str
    kind: str = ""  # "", "name", "refused", "silent", "certificate", "limit", "missing", "other"
    problem: str = ""
    limit: int | None = None
    remaining: int | None = None
    window: int | None = None
    clock: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the image can be had."""
        return not self.problem


def base_of(index: str) -> str | None:
    """Return where the registry of an index address is; None when the engine names none.

    >>> base_of("https://index.example/v1/"), base_of("")
    ('https://index.example', None)
    """
    parts = urllib.parse.urlsplit(index)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else None


def ask(base: str, reference: str, *, seconds: float = SECONDS) -> RegistrySaid:
    """Ask a registry for an image of the public registry; ``seconds`` is the time-out of each of three requests."""
    repository, _, tag = references.normalise(reference).partition("/")[2].rpartition(":")
    url = f"{base.rstrip('/')}/v2/{repository}/manifests/{tag}"
    address = one_line(urllib.parse.urlsplit(base).netloc)
    try:
        status, headers = _head(url, None, seconds)
        if status == 401:
            token = _token(headers.get("WWW-Authenticate") or "", repository, seconds)
            if token is not None:
                status, headers = _head(url, token, seconds)
    except (OSError, ValueError, http.client.HTTPException) as error:
        kind, words = _problem(error, seconds)
        return RegistrySaid(address=address, kind=kind, problem=words)
    limit, window = _rate(headers.get("RateLimit-Limit"))
    remaining, _ = _rate(headers.get("RateLimit-Remaining"))
    kind, problem = "", ""
    if status == 429:
        kind, problem = "limit", "it gives no more pulls to this address for now"
    elif status == 404:
        kind, problem = "missing", f"it has no {reference}"
    elif status >= 300:
        kind, problem = "other", f"it answers with status {status}"
    return RegistrySaid(
        address=address,
        kind=kind,
        problem=problem,
        limit=limit,
        remaining=remaining,
        window=window,
        clock=_clock(headers.get("Date")),
    )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _open(request: urllib.request.Request, seconds: float) -> tuple[int, Message, bytes]:
    if not request.full_url.startswith(("http://", "https://")):
        raise ValueError(f"{one_line(request.full_url, 60)} is no address of a registry")
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_loopback(urllib.parse.urlsplit(request.full_url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))  # urllib would send even this through HTTP_PROXY
    opener = urllib.request.build_opener(*handlers)
    try:
        with opener.open(request, timeout=seconds) as answer:
            return answer.status, answer.headers, answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, b""


def _head(url: str, token: str | None, seconds: float) -> tuple[int, Message]:
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": _ACCEPT})  # noqa: S310  # _open looks at the scheme
    if token is not None:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    status, headers, _ = _open(request, seconds)
    return status, headers


def _token(challenge: str, repository: str, seconds: float) -> str | None:
    """Get a token for pulling without a login; None when none is offered."""
    fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    if not challenge.lower().startswith("bearer ") or not fields.get("realm", "").startswith(("http://", "https://")):
        return None
    query = urllib.parse.urlencode(
        {
            "service": fields.get("service", ""),
            "scope": f"repository:{repository}:pull",
        }
    )
    request = urllib.request.Request(f"{fields['realm']}?{query}")  # noqa: S310  # _open looks at the scheme
    status, _, body = _open(request, seconds)
    try:
        told = json.loads(body) if status == 200 else {}
    except ValueError:
        return None
    token = (told.get("token") or told.get("access_token")) if isinstance(told, dict) else None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else None


def _rate(header: str | None) -> tuple[int | None, int | None]:
    """Read ``100;w=21600``: pulls, and the seconds they are for."""
    found = re.fullmatch(r"(\d{1,9})(?:;w=(\d{1,9}))?", (header or "").strip())
    if found is None:
        return None, None
    return int(found[1]), int(found[2]) if found[2] else None


def _clock(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date or "").timestamp() - time()
    except ValueError:
        return None


def _problem(error: Exception, seconds: float) -> tuple[str, str]:
    import socket

    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return "certificate", f"its certificate does not hold: {one_line(reason.verify_message or str(reason))}"
    if isinstance(reason, socket.gaierror):
        return "name", "its name is not known here"
    if isinstance(reason, TimeoutError):
        return "silent", f"it does not answer within {seconds:g} s"
    if isinstance(reason, ConnectionRefusedError):
        return "refused", "nobody listens there"
    return "other", one_line(str(getattr(reason, "strerror", None) or reason)) or type(error).__name__
