"""What the run's own namespaces show, on other engines than the installed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SHOW = """
import sys
from pathlib import Path
from tests import own_engine
own_engine.show_plugins(Path(sys.argv[1]), Path(sys.argv[2]))
"""


_TOGETHER = """
import sys
from pathlib import Path
from tests import own_engine
folder = Path(sys.argv[1])
programs = {own_engine.PROGRAMS: str(folder / "bin")}
runs = [own_engine.Run("share-1", {"CODE": "0"})]
runs += [own_engine.Run(f"engine {code}", {"CODE": code, **programs}) for code in ("3", "0")]
script = 'which told || echo nothing of others; date +%s.%N; sleep 0.5; date +%s.%N; exit $CODE'
sys.exit(own_engine.run_inner_together(["sh", "-c", script], folder, runs, at_once=2))
"""


def test_runs_on_several_engines_are_named_told_apart_and_all_count(tmp_path: Path) -> None:
    """Each has its own programs; no more are made at once than was said; one that fails is not lost among others."""
    program = tmp_path / "bin" / "told"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", _TOGETHER, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 3, done
    here, other, third = done.stdout.split("\n--- ")
    assert here.startswith("nothing of others\n")
    assert other.startswith(f"engine 3 ---\n{program}\n")
    assert third.startswith(f"engine 0 ---\n{program}\n")
    times = [[float(line) for line in run.split("\n") if line.startswith("1")] for run in (here, other, third)]
    assert times[1][0] < times[0][1]  # these two at the same time
    assert times[2][0] >= min(times[0][1], times[1][1])


def test_a_client_has_the_plugins_as_long_as_the_namespace_lasts(tmp_path: Path) -> None:
    plugin = tmp_path / "plugins" / "docker-hello"
    plugin.parent.mkdir()
    words = '{"SchemaVersion": "0.1.0", "Vendor": "tests", "Version": "v1", "ShortDescription": "greets"}'
    plugin.write_text(f"#!/bin/sh\n[ $1 = docker-cli-plugin-metadata ] && echo '{words}' || echo hello from a plugin\n")
    plugin.chmod(0o755)
    script = '"$1" -c "$2" "$3" "$4" && env HOME=/nonexistent docker hello; ls /usr/libexec/docker/cli-plugins'
    command = ["unshare", "--mount", "sh", "-c", script, "sh", sys.executable, _SHOW, str(plugin.parent)]
    done = subprocess.run([*command, str(tmp_path / "layer")], capture_output=True, text=True, check=False)
    assert "hello from a plugin" in done.stdout, done
    assert "docker-hello" in done.stdout
    assert not Path("/usr/libexec/docker/cli-plugins/docker-hello").exists()
