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
