"""The practice engine: a private dockerd, for whoever has no engine and for the tests.

Everything of it lives in one folder (``Paths.practice``)::

    engine.json      the record: what was started, and what the machine was like before
    daemon.json      its configuration, written anew at each start
    data/            its data root; kept until ``down(purge=True)``, as is
    config/          the key that engines before 23 have their id from, and would else put into ``/etc`` or the home
    store/           stand-in images, served by a mirror on loopback
    run/             socket, exec root and pid file, mode 0700; in a temporary folder when this path is too long
    dockerd.log      its own words since the last start

Root's is a plain dockerd. Beyond the folder it adds, in its network namespace, a bridge, packet filter rules and
forwarding. ``down`` takes all of that away again, also after a crash; ``up`` after a crash or a restart of the machine
does the same first. An ordinary user's is in namespaces of its own (``rootless``), and adds nothing outside of them.

A process is recognised by its command line, which names this folder, and by number and start time together.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec

from dockerlearn.engine.processes import Process
from dockerlearn.errors import PracticeFailed
from dockerlearn.text import one_line, safe

if TYPE_CHECKING:
    import ipaddress

Progress = Callable[[str], None]

RECORD = "engine.json"
DEFAULT_SOCKET = Path("/run/docker.sock")
PROBE_IMAGE = "busybox:1.36"

_SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
# A unix socket's path has at most 107 bytes; the longest that dockerd makes below run/ is 36 longer than it.
_LONGEST_RUN = 107 - len("/x/containerd/containerd-debug.sock.ttrpc")
_PROGRAMS = ("dockerd", "containerd", "docker-proxy", "runc", "rootlesskit", "docker-rootlesskit", "exe")
_SHIM_SOCKETS = Path("/run/containerd/s")
_SYSCTLS = ("net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding")
_READY_SECONDS = 60.0
_REGISTRY_SECONDS = 6.0
_STOP_SECONDS = 20.0
_KIT_SECONDS = 3.0
_FILTER_SECONDS = 5.0
_KILL_SECONDS = 10.0
_MIRROR_SECONDS = 10.0
_GRACE_SECONDS = 1.5
_LOCK_SECONDS = 180.0
_LOG_LINES = 8
_WITHOUT_KEY = 23


class PracticeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What the practice engine is like. ``address`` is what ``DOCKER_HOST`` would say; None when it is not up.

    ``stand_ins`` is True when pulls are answered with stand-in images. ``engine_id`` survives restarts.
    """

    up: bool
    address: str | None
    stand_ins: bool
    engine_id: str | None
    version: str | None
    folder: Path


class Before(msgspec.Struct):
    """What of the network is put back: the packet filter by family, sysctls by path, names of interfaces."""

    filters: dict[str, str] = {}
    sysctls: dict[str, str] = {}
    links: list[str] = []


class MirrorProcess(msgspec.Struct):
    """The registry mirror that was started."""

    process: Process
    port: int


class Record(msgspec.Struct, kw_only=True):
    """``engine.json``. It is written before anything is started, so that nothing started is ever without one.

    ``user`` is who started it; ``kit`` is the process that holds an ordinary user's engine and its namespaces.
    """

    format: int = 1
    boot: str
    network: str
    run: str
    bridge: str
    subnet: str
    before: Before
    dockerd: Process | None = None
    mirror: MirrorProcess | None = None
    address: str | None = None
    engine_id: str | None = None
    version: str | None = None
    user: int = 0
    kit: Process | None = None

    @property
    def socket(self) -> str:
        """The path of the engine's socket."""
        return f"{self.run}/s"

    @property
    def rootless(self) -> bool:
        """Whether it is an ordinary user's."""
        return self.user != 0


def read_record(folder: Path) -> Record | None:
    """The record in ``folder``, or None when there is none or it cannot be read."""
    try:
        return msgspec.json.decode((folder / RECORD).read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def address(folder: Path) -> str | None:
    """Where the practice engine of this folder listens, by its record alone; None when none was brought up.

    It may have died since: then connecting says so, and nobody is sent to another engine without a word.
    """
    record = read_record(folder)
    return record.address if record is not None else None


def address_if_up(folder: Path) -> str | None:
    """Like ``address``, but None as well when the engine of the record has ended."""
    from dockerlearn.engine import processes

    record = read_record(folder)
    if record is None or record.dockerd is None or not processes.is_alive(record.dockerd):
        return None
    return record.address


class Practice:
    """The practice engine of one folder.

    ``default_socket`` is where the machine's own engine would listen; ``daemon`` is more of dockerd's configuration.
    Two of these for one folder, in one process or in two, take turns.
    """

    def __init__(
        self,
        folder: Path,
        *,
        default_socket: Path = DEFAULT_SOCKET,
        environ: Mapping[str, str] = os.environ,
        daemon: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._default_socket = default_socket
        self._environ = environ
        self._daemon = daemon or {}

    @property
    def log(self) -> Path:
        """The file with dockerd's own words."""
        return self.folder / "dockerd.log"

    def status(self) -> PracticeStatus:
        """What it is like now."""
        record = read_record(self.folder)
        if record is None or record.address is None or not self._answers(record):
            return PracticeStatus(
                up=False, address=None, stand_ins=False, engine_id=None, version=None, folder=self.folder
            )
        return PracticeStatus(
            up=True,
            address=record.address,
            stand_ins=record.mirror is not None,
            engine_id=record.engine_id,
            version=record.version,
            folder=self.folder,
        )

    def up(self, *, progress: Progress | None = None, stand_ins: bool | None = None) -> PracticeStatus:
        """Start it, unless it runs; the value is its status when it answers.

        ``stand_ins``: True serves stand-in images for public names, False never, None only if no registry answers the
        engine. On an engine that runs already only True changes anything. Raises ``PracticeFailed``.
        """
        say = progress or _silent
        require_linux()
        if os.geteuid() != 0 and not self.status().up:
            require_pieces()
        with self._locked():
            record = read_record(self.folder)
            if record is not None and record.address is not None and self._answers(record):
                if (stand_ins or record.mirror is not None) and not self._mirror_runs(record):
                    self._serve_stand_ins(record, say)
                return self.status()
            self._require_possible()
            if record is not None:
                say("Clearing away what the last practice engine left behind.")
                self._take_down(record)
            record = self._prepare()
            try:
                self._start(record, say, stand_ins=stand_ins)
            except BaseException:
                with contextlib.suppress(PracticeFailed):
                    self._take_down(record)
                raise
            return self.status()

    def down(self, *, purge: bool = False) -> PracticeStatus:
        """Stop it and take away everything it brought; its images and containers are kept unless ``purge`` is set.

        Does nothing when there is none. Raises ``PracticeFailed`` when something of it would not go.
        """
        if not self.folder.exists():
            return self.status()
        with self._locked():
            record = read_record(self.folder)
            if record is not None:
                require_linux()
                self._require_own(record.user)
                self._take_down(record)
            if purge:
                mounted = _mounts_below([self.folder])
                if mounted:
                    raise PracticeFailed(f"{mounted[0]} is still mounted, so the practice engine's data was kept.")
                _remove([self.folder / "data", self.folder / "store", self.folder / "config"])
                for name in ("dockerd.log", "mirror.log", "lock"):
                    (self.folder / name).unlink(missing_ok=True)
                with contextlib.suppress(OSError):
                    self.folder.rmdir()
        return self.status()

    def unmade(self, references: Iterable[str]) -> tuple[str, ...]:
        """Those of ``references`` that a pull would not find here, and for which ``make`` can make a stand-in.

        None while the images come from a registry: then there is nothing to make.
        """
        from dockerlearn.engine.standins import catalogue

        record = read_record(self.folder)
        if record is None or record.mirror is None:
            return ()
        store = self.folder / "store"
        return tuple(
            reference
            for reference in references
            if catalogue.recipe(reference) is not None and not catalogue.is_made(reference, store)
        )

    def make(self, reference: str, *, progress: Progress | None = None) -> None:
        """Make a stand-in, so that a pull finds it from now on. Raises ``PracticeFailed``."""
        from dockerlearn.engine.standins import catalogue

        recipe = catalogue.recipe(reference)
        if recipe is None:
            raise PracticeFailed(f"There is no stand-in for {one_line(reference)}.")
        store = self.folder / "store"
        store.mkdir(parents=True, exist_ok=True)
        recipe.build(store, progress or _silent)

    # What has to be so before anything is touched.

    def _require_own(self, user: int) -> None:
        """Refuse what is another user's. Root can end anybody's, and could start none with another's files."""
        if os.geteuid() in (0, user):
            return
        raise PracticeFailed(
            f"The practice engine in {self.folder} is another user's, whose number is {user}.",
            "sudo dockerlearn engine down" if user == 0 else None,
        )

    def _require_possible(self) -> None:
        data = self.folder / "data"
        owner = data.stat().st_uid if data.exists() else os.geteuid()
        if owner != os.geteuid():
            raise PracticeFailed(
                f"The images and containers in {data} are those of another user's practice engine (number {owner}).",
                "dockerlearn engine down --purge    # as that user; it removes them",
            )
        if os.geteuid() != 0:
            return
        missing = [program for program in ("dockerd", "containerd", "iptables") if _which(program) is None]
        if missing:
            raise PracticeFailed(
                f"The practice engine needs {' and '.join(missing)}, which this machine does not have.",
                "apt-get install --no-install-recommends docker.io iptables",
            )
        if not any(" - cgroup" in line for line in _mountinfo()):
            raise PracticeFailed(
                "Control groups are not mounted here, and no container can be started without them.",
                "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            )
        if not any(line.split()[4] == "/" for line in _mountinfo()):
            # dockerd changes into an image's root by pivot_root, and says of a failure only that a pull failed.
            raise PracticeFailed(
                "This is a chroot whose root is no mount of its own, and an engine cannot unpack images in one.",
                "mount --bind FOLDER FOLDER   (outside, before chroot FOLDER)",
            )
        if _is_chroot():
            # docker exec enters a container's mount namespace, and from a chroot it comes out outside of both.
            raise PracticeFailed(
                "This is a chroot, and docker exec would lead out of it, not into a container.",
                "pivot_root . OLD   (in a mount namespace of its own, in place of chroot)",
            )
        other = self._other_engine()
        if other is not None:
            raise PracticeFailed(
                f"Another engine runs here already ({other}), so use that one: two dockerds in one network namespace "
                "rewrite each other's packet filter rules."
            )

    def _other_engine(self) -> str | None:
        """An engine in this network namespace that is not ours, in words."""
        from dockerlearn.engine import processes, unix_http

        here = processes.network_namespace()
        own = {process.pid for process in self._processes()}
        for pid in processes.every():
            line = processes.command_line(pid)
            if not line or line[0].rpartition("/")[2] != "dockerd" or pid in own:
                continue
            if processes.look(pid) is not None and processes.network_namespace(pid) == here:
                return f"dockerd, process {pid}"
        peer = _listener(self._default_socket)
        if peer is None or (peer > 0 and processes.network_namespace(peer) != here):
            return None
        return f"at {self._default_socket}" if unix_http.pings(str(self._default_socket)) else None

    # Starting.

    def _prepare(self) -> Record:
        """Write down what is about to be started and what the network is like, before anything is done to it."""
        import hashlib
        import tempfile
        import zlib

        from dockerlearn.engine import bridge, packet_filter, processes

        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:8]
        network = bridge.free_range(bridge.routed(), prefer=zlib.crc32(os.fsencode(self.folder)))
        if network is None:
            raise PracticeFailed("Every private address range has a route here, so none is left for containers.")
        run = self.folder / "run"
        if len(os.fsencode(run)) > _LONGEST_RUN:
            places = ("/run", self._environ.get("XDG_RUNTIME_DIR"), "/tmp")  # noqa: S108 - a folder of our own in it
            base = next((place for place in places if place and os.access(place, os.W_OK)), None)
            run = Path(tempfile.mkdtemp(prefix="dl-", dir=base))
        else:
            run.mkdir(mode=0o700, exist_ok=True)
            run.chmod(0o700)
        user = os.geteuid()
        before = Before()
        if user == 0:
            before = Before(
                filters=packet_filter.save(),
                sysctls={key: value for key in _SYSCTLS if (value := _sysctl(key)) is not None},
                links=bridge.links(),
            )
        record = Record(
            boot=processes.boot_id(),
            network=processes.network_namespace(),
            run=str(run),
            bridge=f"dl{name}",
            subnet=str(network),
            before=before,
            user=user,
        )
        self._write(record)
        return record

    def _start(self, record: Record, say: Progress, *, stand_ins: bool | None) -> None:
        import ipaddress

        from dockerlearn.engine import bridge, processes, rootless

        subnet = ipaddress.IPv4Network(record.subnet)
        if not record.rootless:
            try:
                bridge.create(record.bridge, ipaddress.IPv4Interface(f"{subnet[1]}/24"))
            except OSError as error:
                raise PracticeFailed(f"The kernel made no network bridge for the practice engine: {error}.") from error
            if stand_ins:
                self._start_mirror(record, say)
        self._configure(record, subnet)
        (self.folder / "data").mkdir(mode=0o711, exist_ok=True)
        self.log.write_bytes(b"")
        say("Starting the practice engine.")
        dockerd = [
            str(_which("dockerd")),
            "--config-file", str(self.folder / "daemon.json"),
            "--data-root", str(self.folder / "data"),
            "--exec-root", f"{record.run}/x",
        ]  # fmt: skip
        if record.rootless:
            state = Path(record.run) / "r"
            dockerd = rootless.command(dockerd, state, _search_path(), offline=not bridge.leads_out())
        record.dockerd = processes.spawn(dockerd, self._environment(record), self.log)
        record.kit = record.dockerd if record.rootless else None
        self._write(record)
        self._wait_ready(record)
        record.address = f"unix://{record.socket}"
        self._write(record)
        if stand_ins and record.rootless:
            # Only now there is a network to serve them in.
            self._serve_stand_ins(record, say)
        elif stand_ins is None and not self._registry_answers(record):
            say("No registry answers from here.")
            self._serve_stand_ins(record, say)

    def _environment(self, record: Record) -> dict[str, str]:
        kept = {key: value for key, value in self._environ.items() if not key.startswith(("DOCKER", "CONTAINERD"))}
        # A containerd in trouble writes its stacks to the temporary folder.
        temporary = Path(record.run) / "t"
        temporary.mkdir(exist_ok=True)
        kept |= {"PATH": f"{kept.get('PATH', '')}:{_SBIN}".lstrip(":"), "TMPDIR": str(temporary)}
        if record.rootless:
            from dockerlearn.engine import rootless

            return rootless.environment(kept, Path(record.run), self.folder / "config")
        return kept

    def _configure(self, record: Record, subnet: ipaddress.IPv4Network) -> None:
        halves = list(subnet.subnets(prefixlen_diff=1))
        config: dict[str, object] = {
            **self._daemon,
            "hosts": [f"unix://{record.socket}"],
            "pidfile": f"{record.run}/p",
            # The bridge has the first 256 addresses of the range; learners' networks get those of its other half.
            "default-address-pools": [{"base": str(halves[1]), "size": 24}],
            "log-level": "warn",
        }
        if (version := _dockerd_version()) and version < _WITHOUT_KEY:
            (self.folder / "config").mkdir(mode=0o700, exist_ok=True)
            config["deprecated-key-path"] = str(self.folder / "config" / "key.json")
        if record.rootless:
            from dockerlearn.engine import rootless

            config |= {"bip": f"{subnet[1]}/24", **rootless.options(self._environ)}
        else:
            config["bridge"] = record.bridge
        if record.mirror is not None:
            config["registry-mirrors"] = [_mirror_url(record.mirror.port)]
        _write_whole(self.folder / "daemon.json", msgspec.json.format(msgspec.json.encode(config), indent=1))

    def _wait_ready(self, record: Record) -> None:
        import http.client
        import time

        from dockerlearn.engine import processes, unix_http

        assert record.dockerd is not None  # noqa: S101  # set by the caller just before
        deadline = time.monotonic() + _READY_SECONDS
        while not unix_http.pings(record.socket):
            if not processes.is_alive(record.dockerd):
                raise PracticeFailed(f"The practice engine ended while it started. {self._last_words()}")
            if time.monotonic() > deadline:
                raise PracticeFailed(
                    f"The practice engine did not answer within {_READY_SECONDS:.0f} seconds. {self._last_words()}"
                )
            time.sleep(0.02)
        try:
            info = unix_http.ask(record.socket, "/info", timeout=20).fields()
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise PracticeFailed(f"The practice engine does not say what it is: {error}.") from error
        record.engine_id, record.version = str(info.get("ID", "")), str(info.get("ServerVersion", ""))
        if record.rootless:
            started = [process for process in self._processes(record) if _program(process.pid) == "dockerd"]
            if not started:
                raise PracticeFailed(f"The practice engine ended when it had just started. {self._last_words()}")
            record.dockerd = started[0]

    def _last_words(self) -> str:
        return _last_words(self.log)

    # Stand-ins.

    def _registry_answers(self, record: Record) -> bool:
        """Whether the engine can learn about a public image; a rate limit counts as no, since no pull would work."""
        import http.client

        from dockerlearn.engine import bridge, unix_http

        if record.rootless and not bridge.leads_out():
            # From its own network there is always a way, and only silence tells that it leads nowhere.
            return False
        try:
            return unix_http.ask(record.socket, f"/distribution/{PROBE_IMAGE}/json", timeout=_REGISTRY_SECONDS).ok
        except (OSError, http.client.HTTPException):
            return False

    def _serve_stand_ins(self, record: Record, say: Progress) -> None:
        """Start the mirror for an engine that runs, and have it use it."""
        import http.client
        import ipaddress
        import signal
        import time

        from dockerlearn.engine import processes, unix_http

        self._start_mirror(record, say)
        assert record.mirror is not None  # noqa: S101  # what was just started
        assert record.dockerd is not None  # noqa: S101  # it answers
        self._configure(record, ipaddress.IPv4Network(record.subnet))
        url = _mirror_url(record.mirror.port)
        processes.send(record.dockerd, signal.SIGHUP)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                info = unix_http.ask(record.socket, "/info").fields()
                registry = info.get("RegistryConfig")
                mirrors = registry.get("Mirrors") if isinstance(registry, dict) else None
                if any(str(mirror).rstrip("/") == url for mirror in mirrors or ()):
                    return
            time.sleep(0.02)
        raise PracticeFailed(f"The practice engine did not take up the mirror with the stand-ins. {self._last_words()}")

    def _start_mirror(self, record: Record, say: Progress) -> None:
        from dockerlearn.engine import mirror, processes
        from dockerlearn.engine.standins import catalogue

        say("Making stand-in images: busybox comes from this machine's own packages.")
        store = self.folder / "store"
        store.mkdir(exist_ok=True)
        catalogue.make_cheap(store)
        if record.mirror is not None:
            self._stop_mirror()
        program = [sys.executable, "-P", "-m", "dockerlearn.engine.mirror", str(store)]
        environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": f"{self._environ.get('PATH', '')}:{_SBIN}"}
        log = self.folder / "mirror.log"
        if record.rootless:
            record.mirror = self._start_mirror_inside(record, program, environment, log)
        else:
            with mirror.listen() as listener:
                end = listener.fileno()
                process = processes.spawn([*program, "--fd", str(end)], environment, log, keep=(end,))
                record.mirror = MirrorProcess(process, int(listener.getsockname()[1]))
        self._write(record)

    def _start_mirror_inside(
        self, record: Record, program: list[str], environment: dict[str, str], log: Path
    ) -> MirrorProcess:
        """Start the mirror in the network namespace of an ordinary user's engine, whose loopback is its own."""
        import select

        from dockerlearn.engine import processes, rootless

        assert record.dockerd is not None  # noqa: S101  # it answers
        reading, writing = os.pipe()
        try:
            try:
                inside = rootless.joined([*program, "--tell", str(writing)], record.dockerd)
                process = processes.spawn(inside, environment, log, keep=(writing,))
            finally:
                os.close(writing)
            ready = select.select([reading], [], [], _MIRROR_SECONDS)[0]
            port = os.read(reading, 16) if ready else b""
        finally:
            os.close(reading)
        if not port.strip().isdigit():
            raise PracticeFailed(f"The mirror with the stand-ins did not start. {_last_words(log)}")
        return MirrorProcess(process, int(port))

    def _mirror_runs(self, record: Record) -> bool:
        from dockerlearn.engine import processes

        return record.mirror is not None and processes.is_alive(record.mirror.process)

    # Stopping.

    def _take_down(self, record: Record) -> None:
        """End the processes of this folder and undo what they did; safe to repeat at any point."""
        import signal

        from dockerlearn.engine import processes

        mine = [process for process in self._processes(record) if _program(process.pid) == "dockerd"]
        for process in mine:
            processes.send(process, signal.SIGTERM)
        if processes.wait_gone(mine, _GRACE_SECONDS):
            # dockerd gives every container ten seconds to end, and most in lessons never do by themselves.
            for process in self._in_containers(self._shims(record)):
                processes.send(process, signal.SIGKILL)
        processes.wait_gone(mine, _STOP_SECONDS)
        if mine and record.kit is not None:
            # It ends when its dockerd has ended, and puts its namespaces in order.
            processes.wait_gone([record.kit], _KIT_SECONDS)
        self._kill(record)
        self._stop_mirror()
        for container in self._containers() if not record.rootless else ():
            # A shim that was killed leaves its socket behind, outside of our folder; a rootless one's /run is its own.
            _shim_socket(record.run, container).unlink(missing_ok=True)
        for folder in _mounts_below([self.folder, Path(record.run)]):
            _unmount(folder)
        # Another start of the machine, or another network namespace, has nothing of what is undone here.
        here = (record.boot, record.network) == (processes.boot_id(), processes.network_namespace())
        if here and not record.rootless:
            _undo_network(record)
        _remove([Path(record.run)])
        for name in (RECORD, "daemon.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _kill(self, record: Record) -> None:
        """End what is left, by force, and what that started meanwhile."""
        import signal
        import time

        from dockerlearn.engine import processes

        deadline = time.monotonic() + _KILL_SECONDS
        while True:
            kits = [record.kit] if record.kit is not None and processes.is_alive(record.kit) else []
            left = {*self._processes(record), *self._in_containers(self._shims(record)), *kits}
            left |= set(processes.descendants(kits))
            if not left:
                return
            if time.monotonic() > deadline:
                raise PracticeFailed(
                    f"Process {min(left, key=lambda one: one.pid).pid} of the practice engine does not end."
                )
            for process in left:
                processes.send(process, signal.SIGKILL)
            processes.wait_gone(left, 1)

    def _stop_mirror(self) -> None:
        import signal

        from dockerlearn.engine import processes

        store = str(self.folder / "store")
        mine = [
            process
            for pid in processes.every()
            if (line := processes.command_line(pid)) and "dockerlearn.engine.mirror" in line and store in line
            if (process := processes.look(pid)) is not None
        ]
        for process in mine:
            processes.send(process, signal.SIGTERM)
        for process in processes.wait_gone(mine, 3):
            processes.send(process, signal.SIGKILL)
        processes.wait_gone(mine, 3)

    def _processes(self, record: Record | None = None) -> list[Process]:
        from dockerlearn.engine import processes

        folders = [self.folder / "data", self.folder / "run"]
        if record is not None:
            folders.append(Path(record.run))
        return processes.naming(folders, _PROGRAMS)

    def _shims(self, record: Record) -> list[Process]:
        return [process for process in self._processes(record) if _program(process.pid).startswith("containerd-shim")]

    def _in_containers(self, shims: list[Process]) -> list[Process]:
        """The processes in this engine's containers: below a shim, or, where the shim died, told by a container's id.

        That is in the name of their control group; where an engine has none, in the mounts that a container gets.
        """
        from dockerlearn.engine import processes

        containers = self._containers()
        found = {
            *processes.descendants(shims),
            *processes.in_cgroups(containers),
            *processes.with_mounts_of(containers),
        }
        return list(found)

    def _containers(self) -> list[str]:
        """The ids of the containers, by their folders."""
        try:
            return [entry.name for entry in (self.folder / "data" / "containers").iterdir()]
        except OSError:
            return []

    def _answers(self, record: Record) -> bool:
        from dockerlearn.engine import processes, unix_http

        return (
            record.dockerd is not None
            and processes.is_alive(record.dockerd)
            and str(self.folder / "data") in processes.command_line(record.dockerd.pid)
            and unix_http.pings(record.socket)
        )

    # The folder.

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        import time

        deadline = time.monotonic() + _LOCK_SECONDS
        while (lock := self._take_lock()) is None:
            if time.monotonic() > deadline:
                raise PracticeFailed(
                    f"Another command has been busy with the practice engine for {_LOCK_SECONDS:.0f} seconds."
                )
            time.sleep(0.05)
        with lock:
            yield

    def _take_lock(self) -> TextIO | None:
        """The lock, which closing it gives back; None when somebody else has it."""
        import fcntl

        path = self.folder / "lock"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = path.open("w")
        except OSError as error:
            raise PracticeFailed(f"{self.folder} cannot be used: {error.strerror}.") from error
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who purges removes the file with the rest; a lock on a file that is not there any more locks nobody out.
            if os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                return lock
        lock.close()
        return None

    def _write(self, record: Record) -> None:
        _write_whole(self.folder / RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1))


def _last_words(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    if not lines:
        return f"It said nothing ({log})."
    return f"Its last words ({log}):\n" + "\n".join(f"  {safe(line)}" for line in lines[-_LOG_LINES:])


def _silent(_: str) -> None:
    """Report to nobody."""


def require_linux() -> None:
    """Raise ``PracticeFailed`` on systems on which there can be no practice engine."""
    if not sys.platform.startswith("linux"):
        raise PracticeFailed("The practice engine needs Linux; here, Docker Desktop or Colima brings an engine.")


def require_pieces() -> None:
    """Raise ``PracticeFailed``, with the command for an administrator, where an ordinary user can start none yet."""
    from dockerlearn.engine import install, rootless
    from dockerlearn.engine.system import System

    ground = rootless.Ground.here(_search_path())
    rootless.require(ground, install.for_administrator, System.here().as_root_together)


def can_start() -> bool:
    """Whether this user can have a practice engine here: root, who can install what is missing, or with all there."""
    from dockerlearn.engine import rootless

    return sys.platform.startswith("linux") and (os.geteuid() == 0 or rootless.is_ready(_search_path()))


def _remove(folders: Sequence[Path]) -> None:
    import shutil

    if os.geteuid() != 0:
        from dockerlearn.engine import rootless

        rootless.remove(folders, _search_path())
        return
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _search_path() -> str:
    return f"{os.environ.get('PATH', '')}:{_SBIN}"


def _which(program: str) -> str | None:
    import shutil

    return shutil.which(program, path=_search_path())


def _dockerd_version() -> int | None:
    """The first number of the version of dockerd; None where it does not tell."""
    import re
    import subprocess

    try:
        done = subprocess.run(
            [str(_which("dockerd")), "--version"], capture_output=True, text=True, check=False, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"version (\d+)\.", done.stdout)
    return int(found[1]) if found else None


def _program(pid: int) -> str:
    from dockerlearn.engine import processes

    line = processes.command_line(pid)
    return line[0].rpartition("/")[2] if line else ""


def _mirror_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, also when the machine stops in the middle."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content + b"\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _listener(path: Path) -> int | None:
    """Who listens at a socket: a process number, 0 for one that cannot be seen from here, None for nobody."""
    import socket
    import struct

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(path))
            pid: int = struct.unpack("=iII", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        except OSError:
            return None
        return pid


def _shim_socket(run: str, container: str) -> Path:
    """Where a container's shim listens: named by a hash of whom it answers to (containerd's ``shim.SocketAddress``)."""
    import hashlib

    spoken = f"{run}/x/containerd/containerd.sock/moby/{container}"
    return _SHIM_SOCKETS / hashlib.sha256(spoken.encode()).hexdigest()


def _is_chroot() -> bool:
    """Whether this process sees another root than its mount namespace has; False where that cannot be told."""
    import subprocess

    try:
        real = subprocess.run(
            ["nsenter", "--mount=/proc/self/ns/mnt", "cat", "/proc/self/mountinfo"],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout.splitlines()  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False
    return _root_mount(real) != _root_mount(_mountinfo())


def _root_mount(mountinfo: Sequence[str]) -> str | None:
    """The id of the mount that is the root, which is the last one there."""
    roots = [line.split()[0] for line in mountinfo if line.split()[4] == "/"]
    return roots[-1] if roots else None


def _mountinfo() -> list[str]:
    return Path("/proc/thread-self/mountinfo").read_text().splitlines()


def _mounts_below(folders: list[Path]) -> list[str]:
    """The mount points at or below ``folders``, the deepest first."""
    inside = [str(folder) for folder in folders]
    points = [_unescaped(line.split()[4]) for line in _mountinfo()]
    mine = [point for point in points if any(point == top or point.startswith(f"{top}/") for top in inside)]
    return sorted(mine, key=lambda point: -point.count("/"))


def _unescaped(point: str) -> str:
    import re

    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)


def _unmount(point: str) -> None:
    import subprocess

    for options in ([], ["-l"]):
        done = subprocess.run(
            ["umount", *options, "--", point], capture_output=True, text=True, check=False, timeout=30
        )
        if done.returncode == 0:
            return
    raise PracticeFailed(f"{point} of the practice engine cannot be unmounted: {safe(done.stderr).strip()}")


def _sysctl(key: str) -> str | None:
    try:
        return (Path("/proc/sys") / key).read_text().strip()
    except OSError:
        return None


def _wait_for_filters() -> None:
    """Wait for the program that sets packet filter rules: one that a dockerd began outlives it, and sets its rule."""
    from dockerlearn.engine import packet_filter, processes

    here = processes.network_namespace()
    running = [
        process
        for pid in processes.every()
        if _program(pid) in packet_filter.FAMILIES
        and processes.network_namespace(pid) == here
        and (process := processes.look(pid)) is not None
    ]
    processes.wait_gone(running, _FILTER_SECONDS)


def _undo_network(record: Record) -> None:
    from dockerlearn.engine import bridge, packet_filter

    _wait_for_filters()
    # Networks that learners made have bridges of their own, which a dockerd leaves behind when it ends.
    known = set(record.before.links)
    made = [
        name
        for name in bridge.links()
        if name == record.bridge or (name not in known and packet_filter.DOCKER_BRIDGE.fullmatch(name))
    ]
    forwarding = record.before.sysctls.get(_SYSCTLS[0]) == "0"
    trouble = packet_filter.restore(record.before.filters, {record.bridge, *made}, policy=forwarding)
    if trouble is not None:
        raise PracticeFailed(f"The packet filter rules of the practice engine were not removed: {safe(trouble)}")
    try:
        for name in made:
            bridge.remove(name)
        for key, value in record.before.sysctls.items():
            if _sysctl(key) != value:
                (Path("/proc/sys") / key).write_text(value)
    except OSError as error:
        raise PracticeFailed(f"The network of the practice engine was not put back: {error}.") from error
