"""Podman's API as the engine of a run, in the run's own namespaces: what ``own_engine`` is for Docker's engines.

Podman is the distribution's (``PACKAGES``). Its storage, its configuration and its socket are in one folder in memory;
nothing of the machine's own Podman is read or written. Images come from the practice engine's read-only mirror, so that
a plain ``docker pull busybox:1.36`` gives a stand-in here as well.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dockerlearn.engine import mirror, processes, unix_http
from dockerlearn.engine.practice import Practice, PracticeStatus
from dockerlearn.engine.standins import catalogue

PACKAGES = ("podman", "netavark", "aardvark-dns", "catatonit")
"""netavark and aardvark-dns are its networks, and catatonit is what ``--init`` runs. ``runc`` comes with docker.io."""

_READY_SECONDS = 20.0

ORDINARY = (
    "tests/live/test_checks_live.py",
    "tests/live/test_nouns_live.py",
    "tests/live/test_first_run_live.py::test_from_its_first_step_to_its_last",
)
"""What the ordinary run is to make on Podman, too, less ``EXCLUDED``; its cell in ``tests.matrix`` runs all files."""

_CHEATS = "test_cheats_do_not_pass_as_running"
_WAYS = "test_unusual_right_ways_pass"
_STEP = "test_every_claim_about_a_step_holds"
_LOOKS = "test_what_only_looks_like_the_goal_does_not_pass"

EXCLUDED = {
    "Podman 4.3 refuses what docker commit of this client sends it (Decode(): EOF)": (
        f"{_CHEATS}[an image of one's own]",
        f"{_CHEATS}[an image of one's own under the published name]",
        f"{_WAYS}[image: built from another, files and layers]",
        f"{_WAYS}[image: runs what commit was told]",
        f"{_WAYS}[image: without a command]",
        f"{_WAYS}[image: a file in a volume of the image]",
        "test_nothing_is_left_of_looks_inside",
        "test_what_only_looks_right_does_not_pass[a copy made of the other's files]",
        f"{_LOOKS}[a commit under the name]",
        f"{_LOOKS}[the name put on a commit of it]",
        f"{_LOOKS}[a report without its readings]",
        f"{_LOOKS}[a page by hand, committed]",
        f"{_LOOKS}[the right files put in by hand]",
        f"{_LOOKS}[changed in a container, committed]",
    ),
    "its API has no docker update": (
        f"{_LOOKS}[by hand, and the policy afterwards]",
        f"{_LOOKS}[given up, and then by hand]",
        f"{_LOOKS}[always, until it was enough]",
    ),
    "docker rmi -f takes the containers along, so that this is a right way": (f"{_LOOKS}[the container only renamed]",),
    "docker cp writes into a tmpfs, so that this is a right way": (f"{_LOOKS}[a key below the memory]",),
    "the step is left out: before Podman 4.7 docker stop kills at once": (
        f"test_lifecycle_live.py::{_STEP}[first-process]",
        f"test_lifecycle_live.py::{_STEP}[silent]",
        f"test_dockerfile_live.py::{_STEP}[process-one]",
        f"test_fastapi_live.py::{_STEP}[stop]",
        f"{_LOOKS}[told by hand, and killed]",
        f"{_LOOKS}[ended by itself]",
    ),
    "the step is left out: what has happened is not told with an end": (f"test_lifecycle_live.py::{_STEP}[gone]",),
    "the step is left out: there is one file of a container's log": (f"test_lifecycle_live.py::{_STEP}[rotate]",),
    "the step is left out: ports below 1024 are root's": (f"test_multi_stage_live.py::{_STEP}[nobody]",),
    "the step is left out: a new volume is its first user's": (f"test_volumes_live.py::{_STEP}[owner]",),
    "it keeps nothing of a start that failed: not met either, in other words": (
        f"{_CHEATS}[its command does not exist]",
    ),
    "between two starts it says exited, not restarting: not met either, in other words": (
        f"{_CHEATS}[a restart loop]",
        f"{_CHEATS}[a slower restart loop]",
    ),
    "with control groups of version 1 it does not tell a kill for memory from another": (
        "test_an_out_of_memory_kill_is_told_as_that",
    ),
    "its DNS does not know a container's host name, so that this is no right way": (
        f"{_WAYS}[network: a host name is known there too]",
    ),
    "it fills a volume when a container first starts, so that this is no right way": (
        f"{_WAYS}[volume: filled from the image]",
    ),
    "it does not tell whether the output was attached: unknown": (
        f"{_WAYS}[container: a terminal and input]",
        f"{_WAYS}[container: in the background]",
    ),
    "it removes no network that a container has, running or not: nobody can come there": (
        "test_cheats_do_not_pass[network: stopped on one that is gone]",
        "test_cheats_do_not_pass[network: stopped on one of the same name before]",
    ),
    "it has no proxy before a port, so that the host refuses: not met either, in other words": (
        "test_cheats_do_not_pass[tcp: nobody listens behind the engine's proxy]",
    ),
    "it lists processes that have ended and that nobody has waited for": (
        "test_what_does_not_end_is_ended[sleep 500]",
        "test_what_does_not_end_is_ended[while :; do echo x; sleep 0.1; done]",
        "test_what_does_not_end_is_ended[sleep 501 & cat /dev/zero]",
    ),
    "it tells of a build in other words, and nothing of its stages, which clean lists": (
        "test_a_build_tells_what_its_stages_have_left",
        "test_a_build_that_cannot_be_read",
    ),
    "it tells of an exec neither the command nor the id that is waited for here": (
        "test_what_happens_is_told_as_it_happens",
        "test_what_happened_before_is_told_first",
    ),
}
"""Why some live tests are not for Podman, and which, by how their ids end; all others are."""

KNOWN = {
    r"Decode\(\): EOF": "Podman 4.3 refuses what docker commit of this client sends",
    r"docker update": "its API has no docker update",
    r"link is not supported": "it has no links",
    r"made and never started|never ran, and this engine does not keep": "it keeps nothing of a start that failed",
    r"`! docker run --rm": "docker run --rm ends with 0 there, whatever its program ended with",
    r"--filter ancestor=": "docker ps finds no container by its ancestor there",
    r"volumes/unnamed: the prediction": "--rm takes a volume without a name along that is only mounted",
    r"grep -q 'in use' said": "it says in other words that a volume is in use",
    r"build-cache/release: right way 1": "its cache takes no notice of another --build-arg that an ENV takes up",
    r"lifecycle/zombies: mistake 'killed one by one'": "it tells of an exec without its command",
    r"\[listening\]|\[none\]": "it removes no container whose network another uses, which the tests' tidying does",
    r"theirs/layers:first": "its builds did not reach the tests' index; they do now, but a run takes too long there",
    r"test_an_image_that_somebody_else_had": "its events come a moment after what they tell of, here too late",
    r"normalizing name|== \\{'[0-9a-f]{6}": "it prints the id of what was built without its algorithm",
    r"volumes/memory: mistake 'copied below the mount'": "docker cp writes into a tmpfs there",
    r"multi-stage/scratch: mistake 'a shell that is not there'": "it keeps nothing of a start that failed",
    r"read /proc/\d+/cgroup": "at times it cannot start what is quick to end",
    r"container dl-made": "left by the way that could not be gone, see above",
}
"""Why a test fails on Podman, by what is in its name or message: what its engine does otherwise, as was tried there.

Such a test is not left out, since the rest of what it claims is proven.
"""


def why_not(identifier: str) -> str | None:
    """Why a test is not for Podman; None when it is."""
    plain = identifier.replace("[podman]", "").replace(
        "[podman-", "["
    )  # as it is called where it is made for each engine
    ends = {why: [f"{mark}{name}" for name in names for mark in ("::", "/")] for why, names in EXCLUDED.items()}
    return next((why for why, those in ends.items() if plain.endswith(tuple(those))), None)


def known(test: str, why: str) -> str:
    """What of Podman's makes this test fail with this message; empty where that is not known."""
    return next((told for mark, told in KNOWN.items() if re.search(mark, f"{test}: {why}")), "")


def is_ordinary(identifier: str) -> bool:
    """Whether the ordinary run makes a test on Podman, too."""
    return any(identifier == one or identifier.startswith(f"{one}::") for one in ORDINARY)


# In some virtual machines Podman's own default for open files is more than a process may ask for, and ``crun``, which
# it prefers, refuses control groups of both versions at once. Events are in a file: there may be no journal here.
# ``docker rm -f`` asks to stop first and waits: ten seconds each would be most of the tests' time. Networks are files,
# by default in a folder below /etc that all Podmans of the machine share.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
stop_timeout = 3
init_path = "/usr/bin/catatonit"
events_logger = "file"
[network]
network_config_dir = "{folder}/networks"
"""

_REGISTRIES = """
unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:{port}"
insecure = true
"""

_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/root"
runroot = "{folder}/run"
"""


def provide(say: Callable[[str], None]) -> str | None:
    """Install what is missing of ``PACKAGES``; the value says why there can be no Podman, if so."""
    if shutil.which("podman") and all(_beside_podman(name) for name in PACKAGES[1:]):
        return None
    if shutil.which("apt-get") is None:
        return f"Podman is wanted here, and there is no apt-get to install {', '.join(PACKAGES)}."
    say(f"Podman is wanted: installing {', '.join(PACKAGES)}.")
    command = ["apt-get", "install", "--yes", "--no-install-recommends", "--no-remove", *PACKAGES]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=quiet, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-600:]}"


def _beside_podman(name: str) -> str | None:
    return shutil.which(name, path="/usr/lib/podman:/usr/libexec/podman:/usr/bin")


@contextmanager
def podman_engine() -> Iterator[tuple[Practice, PracticeStatus]]:
    """Serve Podman's API with stand-ins; take it away again, with all it has.

    The ``Practice`` is only the folder of the mirror's images: it is not up, and no test that starts or stops it is for
    this engine.
    """
    folder = Path(tempfile.mkdtemp(prefix="dl-podman-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "dl-podman", str(folder)], check=True)
    # Podman keeps its locks there, one file for all Podmans of a user: those of other runs would wait for ours.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "dl-podman", "/dev/shm"], check=True)
    practice, socket = Practice(folder / "engine"), folder / "s"
    store = practice.folder / "store"
    store.mkdir(parents=True)
    catalogue.make_cheap(store)
    started: list[subprocess.Popen[bytes]] = []
    try:
        with mirror.listen() as listener:
            inherited = str(listener.fileno())
            command = [sys.executable, "-P", "-m", "dockerlearn.engine.mirror", str(store), "--fd", inherited]
            with (folder / "mirror.log").open("wb") as log:
                started.append(
                    subprocess.Popen(command, pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stderr=log)
                )
            environment = os.environ | _configured(folder, int(listener.getsockname()[1]))
        command = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
        command += ["system", "service", "--time=0", f"unix://{socket}"]
        with (folder / "podman.log").open("wb") as log:
            # From there, since conmon leaves a file in the folder that Podman was started in.
            started.append(
                subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )
        _wait_ready(socket, started[-1], folder / "podman.log")
        version = str(unix_http.ask(str(socket), "/info", timeout=60).fields().get("ServerVersion") or "")
        yield (
            practice,
            PracticeStatus(
                up=True, address=f"unix://{socket}", stand_ins=True, engine_id=None, version=version, folder=folder
            ),
        )
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)
        for left in processes.naming([folder], ("conmon", "aardvark-dns", "podman")):
            processes.send(left, signal.SIGKILL)
        subprocess.run(["umount", "-l", "/dev/shm", str(folder)], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def address_for_builds() -> str:
    """Return an address of these namespaces that builds reach, and containers do.

    A build uses the host's network there, in which the gateway of the bridge is only while a container is on it.
    """
    address = "198.18.0.1"  # of a range for tests between machines, RFC 2544
    subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)
    return address


def _configured(folder: Path, port: int) -> dict[str, str]:
    """Write Podman's configuration; return the variables that name it."""
    told = {}
    for name, variable, text in (
        ("containers.conf", "CONTAINERS_CONF", _CONTAINERS.format(folder=folder)),
        ("registries.conf", "CONTAINERS_REGISTRIES_CONF", _REGISTRIES.format(port=port)),
        ("storage.conf", "CONTAINERS_STORAGE_CONF", _STORAGE.format(folder=folder)),
    ):
        (folder / name).write_text(text)
        told[variable] = str(folder / name)
    return told


def _wait_ready(socket: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not unix_http.pings(str(socket)):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"Podman's API did not come up: {log.read_text(errors='replace')[-1500:]}")
        time.sleep(0.02)
