"""An ordinary user: in a mount namespace with an ``/etc`` of its own, so that none is ever made on this machine.

The namespace is held by a process; what is run for the user enters it. Network and processes are those of the test.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dockerlearn.engine import processes

NAME, NUMBER, FIRST_ID = "dl-ann", 4321, 300_000
_ROOT = Path(__file__).parents[2]

_HOLD = """
set -e
base=$1 home=$2; shift 2
mount -t overlay -o "lowerdir=/etc,upperdir=$base/upper,workdir=$base/work" dl-etc /etc
echo "dl-ann:x:4321:4321::$home:/bin/sh" >> /etc/passwd
echo "dl-ann:x:4321:" >> /etc/group
for kind in uid gid; do echo "dl-ann:300000:65536" >> /etc/sub$kind; done
mknod "$base/tun" c 10 200
chmod 0666 "$base/tun"
mount --bind "$base/tun" /dev/net/tun
# What the user runs may be in a folder of root's alone.
number=0
for place; do
  number=$((number + 1))
  mkdir "$base/$number"
  mount --rbind "$place" "$base/$number"
done
for folder in $COVER; do mount -t tmpfs -o mode=755 dl-cover "$folder"; done
number=0
for place; do
  number=$((number + 1))
  mkdir -p "$place"
  mount --rbind "$base/$number" "$place"
done
echo ready
exec sleep infinity
"""


class Ordinary:
    """The user. ``environment`` is what a login would give, and where the course keeps its things."""

    def __init__(self, base: Path, holder: int) -> None:
        self.home = base / "home"
        self._holder = holder
        self.engine = self.home / "dl" / "engine"
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(_ROOT),
            "DOCKERLEARN_HOME": str(self.home / "dl"),
            "DOCKERLEARN_WORKSPACE": str(self.home / "work"),
            "DOCKER_CONFIG": str(self.home / "docker"),
            "NO_COLOR": "1",
        }

    def command(self, *arguments: str, more: Mapping[str, str] | None = None) -> list[str]:
        """Return what runs a program as this user."""
        told = [f"{name}={value}" for name, value in {**self.environment, **(more or {})}.items()]
        become = ["setpriv", f"--reuid={NUMBER}", f"--regid={NUMBER}", "--clear-groups", "--inh-caps=-all", "--"]
        return [*self._inside(), *become, "env", "-i", *told, "sh", "-c", 'cd && exec "$@"', "sh", *arguments]

    def __call__(
        self, *arguments: str, more: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user."""
        return subprocess.run(
            self.command(*arguments, more=more),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip

    def learn(self, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command of dockerlearn's as this user."""
        return self(sys.executable, "-m", "dockerlearn", *arguments, more=more)

    def docker(self, *arguments: str) -> str:
        """Run the stock client on the practice engine as this user; what it prints."""
        done = self("docker", *arguments, more={"DOCKER_HOST": f"unix://{self.engine}/run/s"})
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def as_root(self, script: str) -> str:
        """Run a script as root where this user is."""
        done = subprocess.run(
            [*self._inside(), "sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (script, done.stderr)
        return done.stdout

    def _inside(self) -> list[str]:
        return ["nsenter", f"--mount=/proc/{self._holder}/ns/mnt", "--"]

    def processes(self) -> list[str]:
        """The command lines of this user's processes, and of those of users inside its containers."""
        found = []
        for pid in processes.every():
            try:
                owner = Path(f"/proc/{pid}").stat().st_uid
            except OSError:
                continue
            if _is_theirs(owner) and processes.look(pid) is not None:
                found.append(" ".join(processes.command_line(pid))[:200])
        return found

    def files(self) -> list[str]:
        """This user's files outside of the home, and all that are in it."""
        found = [str(path) for path in self.home.rglob("*")]
        for place in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
            for path in Path(place).glob("*"):
                try:
                    owner = path.lstat().st_uid
                except OSError:
                    continue
                if _is_theirs(owner):
                    found.append(str(path))
        return sorted(found)


def _is_theirs(user: int) -> bool:
    return user == NUMBER or FIRST_ID <= user < FIRST_ID + 65_536


@contextmanager
def ordinary_user() -> Iterator[Ordinary]:
    """A user who lacks nothing: subordinate ids, and the device open to all."""
    base = Path(tempfile.mkdtemp(prefix="dl-ann-"))
    # Its home is in memory, and a file system of its own: an overlay can lie on that wherever the tests run.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "dl-ann", str(base)], check=True)
    for name in ("upper", "work", "home"):
        (base / name).mkdir()
    os.chown(base / "home", NUMBER, NUMBER)
    places = [str(place) for place in dict.fromkeys((sys.base_prefix, sys.prefix, str(_ROOT)))]
    holder = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", _HOLD, "sh", str(base), f"{base}/home", *places],
        env={**os.environ, "COVER": " ".join(map(str, _closed(places)))},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        user = Ordinary(base, holder.pid)
        yield user
        user.learn("engine", "down", "--purge", "--yes")
    finally:
        holder.kill()
        holder.wait()
        subprocess.run(["umount", "-l", str(base)], check=True)
        shutil.rmtree(base, ignore_errors=True)


def _closed(places: list[str]) -> list[Path]:
    """The topmost folders on the way to ``places`` that an ordinary user may not enter."""
    found: list[Path] = []
    for place in places:
        for folder in reversed(Path(place).parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                found.append(folder)
                break
    return list(dict.fromkeys(found))
