"""Records what docker clients print at the slips of ``tests/slips.py``, into ``tests/recorded/slips-VERSION.json``.

``sudo python -m tests.record_slips FOLDER…``: the folders with the clients; each is asked for its version. A folder
``DOCKER_CONFIG`` with plugins beside the client is used.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import own_engine
from tests.slips import CLEAN, SETUP, SLIPS

RECORDED = Path(__file__).parent / "recorded"


class Typist:
    """Types lines into bash, with one docker client on one engine, in a folder of its own."""

    def __init__(self, client: Path, host: str, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": f"{client}:/usr/bin:/bin:/usr/sbin:/sbin",
            "DOCKER_HOST": host,
            "HOME": str(folder),
            "DOCKER_CONFIG": str(client / "DOCKER_CONFIG"),
            "LANG": "C.UTF-8",
        }

    def __call__(self, line: str, seconds: float = 30) -> tuple[int, str]:
        """Type a line; how it ended, and what it printed on both streams."""
        done = subprocess.run(
            ["bash", "-c", 'eval "$1"', "bash", line],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    @property
    def version(self) -> str:
        """The client's version."""
        return self("docker version --format '{{.Client.Version}}'")[1].split()[0]

    def begin(self) -> None:
        """Bring the world into place, from whatever it is."""
        self(CLEAN)
        self(f"rm -rf {self.folder}/*")
        code, printed = self(SETUP)
        if code:
            raise RuntimeError(printed)


def main(clients: list[Path]) -> None:
    """Record all slips with all clients."""
    with own_engine.own_engine() as (_, status), tempfile.TemporaryDirectory() as scratch:
        for client in clients:
            folder = Path(scratch) / "typed"
            folder.mkdir(exist_ok=True)
            typist = Typist(client, str(status.address), folder)
            said = {}
            typist.begin()
            for slip in SLIPS:
                code, printed = typist(slip.line)
                typist("docker rm -f dl-x")
                said[slip.line] = [code, printed.replace(str(folder), "/work")]
            typist(CLEAN)
            text = json.dumps(said, indent=1, ensure_ascii=False)
            (RECORDED / f"slips-{'.'.join(typist.version.split('.')[:2])}.json").write_text(text + "\n")


if __name__ == "__main__":
    if not own_engine.is_inner():
        own_engine.become_inner([sys.executable, "-m", "tests.record_slips", *sys.argv[1:]], Path.cwd())
    own_engine.begin()
    main([Path(argument) for argument in sys.argv[1:]])
