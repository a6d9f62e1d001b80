"""Each stand-in, pulled with the stock docker client, is held to its contract: the docstring of its file."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dockerlearn.engine.standins import busybox
from tests.live.conftest import Docker


def test_busybox_keeps_its_contract(docker: Docker) -> None:
    script = "for applet in " + " ".join(busybox.APPLETS) + "; do command -v $applet >/dev/null || echo $applet; done"
    assert docker("run", "--rm", "busybox:1.36", "sh", "-c", script) == ""
    assert docker("run", "--rm", "-i", "busybox:1.36", input="echo from $(id -un) in $PWD") == "from root in /"
    inspected = docker("image", "inspect", "busybox:1.36", "-f", "{{json .Config.Cmd}} {{json .Config.Entrypoint}}")
    assert inspected == '["sh"] null'
    serving = "echo page >/var/www/index.html; httpd -h /var/www; wget -q -O - http://127.0.0.1/; ps"
    assert docker("run", "--rm", "busybox:1.36", "sh", "-c", serving).startswith("page\n")
    docker("network", "create", "n")
    docker(
        "run",
        "-d",
        "--name",
        "web",
        "--network",
        "n",
        "busybox:1.36",
        "sh",
        "-c",
        "echo page >/index.html; exec httpd -f -h /",
    )
    asking = "nslookup web && ping -c 1 -W 2 web && timeout 5 wget -q -O - http://web/ && echo hello | nc -w 1 web 80"
    assert "page" in docker("run", "--rm", "--network", "n", "busybox:1.36", "sh", "-c", asking).splitlines()
    docker("rm", "-f", "web")
    docker("network", "rm", "n")
    assert docker("run", "--rm", "-u", "nobody", "busybox:1.36", "sh", "-c", "touch /tmp/x && ls /tmp") == "x"


def test_hello_world_keeps_its_contract(docker: Docker) -> None:
    done = docker.try_("run", "--name", "hello", "hello-world")
    try:
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Hello from Docker!")
        config = json.loads(docker("image", "inspect", "hello-world", "-f", "{{json .Config}}"))
        assert (config["Cmd"], config.get("Entrypoint"), config.get("User", "")) == (["/hello"], None, "")
        docker("save", "hello-world", "-o", str(docker.home / "saved"))
        assert files_in(docker.home / "saved") == {"hello"}
        assert docker.try_("run", "--rm", "hello-world", "sh").returncode == 127
        assert docker("image", "inspect", "hello-world", "-f", "{{len .RootFS.Layers}}") == "1"
    finally:
        docker("rm", "-f", "hello")
        docker("rmi", "hello-world")


def files_in(saved: Path) -> set[str]:
    """What is in the layers of a saved image."""
    with tarfile.open(saved) as archive:
        content = archive.extractfile("manifest.json")
        assert content is not None
        layers = [archive.extractfile(name) for name in json.load(content)[0]["Layers"]]
        return {name for layer in layers for name in tarfile.open(fileobj=layer).getnames()}


@pytest.fixture
def web(docker: Docker, nginx: str) -> Iterator[Callable[..., Docker]]:
    """Start nginx as ``web`` with further options of docker run."""

    def start(*options: str) -> Docker:
        docker("run", "-d", "--name", "web", *options, nginx)
        return docker

    yield start
    docker.try_("rm", "-f", "web")
    docker("rmi", nginx)


def page(docker: Docker, url: str = "http://127.0.0.1/") -> str:
    """What nginx serves, asked inside of its container, as soon as it listens."""
    asking = f"until wget -q -O /dev/null http://127.0.0.1/; do kill -0 1 && sleep 0.05; done; wget -q -O - {url}"
    return docker("exec", "web", "timeout", "20", "sh", "-c", asking)


def test_nginx_is_set_up_as_in_its_contract(web: Callable[..., Docker], nginx: str) -> None:
    docker = web("--sysctl", "net.ipv6.conf.all.disable_ipv6=0")
    config = json.loads(docker("image", "inspect", nginx, "-f", "{{json .Config}}"))
    assert config["Entrypoint"] == ["/docker-entrypoint.sh"]
    assert config["Cmd"] == ["nginx", "-g", "daemon off;"]
    assert list(config["ExposedPorts"]) == ["80/tcp"]
    assert config["StopSignal"] == "SIGQUIT"
    assert config["WorkingDir"] == "/"
    assert "<title>Welcome to nginx!</title>" in page(docker)
    assert "Welcome to nginx!" in page(docker, "http://[::1]/")
    assert "Welcome to nginx!" in docker("exec", "web", "cat", "/usr/share/nginx/html/index.html")
    assert int(docker("image", "inspect", nginx, "-f", "{{.Size}}")) < 20_000_000
    script = "for applet in " + " ".join(busybox.APPLETS) + "; do command -v $applet >/dev/null || echo $applet; done"
    assert docker("exec", "web", "sh", "-c", script) == ""


def test_nginx_logs_to_where_docker_logs_reads_and_runs_its_workers_as_nginx(web: Callable[..., Docker]) -> None:
    docker = web()
    page(docker, "http://127.0.0.1/index.html?seen")
    docker.try_("exec", "web", "wget", "-q", "-O", "-", "http://127.0.0.1/nothing-there")
    logs = docker.try_("logs", "web")
    assert '"GET /index.html?seen HTTP/1.1" 200' in logs.stdout
    assert "/nothing-there" in logs.stderr
    assert "No such file" in logs.stderr
    assert "/index.html?seen" not in logs.stderr
    workers = docker("exec", "web", "sh", "-c", "ps -o user,args | grep [w]orker").splitlines()
    assert workers
    assert {line.split()[0] for line in workers} == {"nginx"}
    assert docker("exec", "web", "id", "-u", "nginx") == "101"
    assert docker("exec", "web", "id", "-u") == "0"


def test_nginx_ends_with_0_when_it_is_stopped_and_reloads(web: Callable[..., Docker]) -> None:
    docker = web()
    page(docker)
    docker("exec", "web", "nginx", "-t")
    docker("exec", "web", "sh", "-c", "echo another >/usr/share/nginx/html/index.html && nginx -s reload")
    assert page(docker) == "another"
    docker("stop", "-t", "60", "web")
    assert docker("inspect", "web", "-f", "{{.State.ExitCode}}") == "0"
    assert "signal 3 (SIGQUIT) received" in docker.try_("logs", "web").stderr


def test_nginx_runs_read_only_with_room_for_what_it_writes(web: Callable[..., Docker]) -> None:
    docker = web("--read-only", "--tmpfs", "/var/cache/nginx", "--tmpfs", "/var/run")
    assert "Welcome to nginx!" in page(docker)
    docker("rm", "-f", "web")
    web("--read-only")
    assert docker("wait", "web") == "1"


def test_nginx_takes_a_page_a_site_and_a_start_script_that_are_copied_over(
    web: Callable[..., Docker], nginx: str, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text("a page of mine")
    (tmp_path / "site.conf").write_text("server { listen 80; listen 81; location / { root /site; index page.html; } }")
    (tmp_path / "go.sh").write_text("#!/bin/sh\necho from a script of mine\n")
    (tmp_path / "go.sh").chmod(0o755)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {nginx}\nCOPY page.html /site/\nCOPY site.conf /etc/nginx/conf.d/default.conf\n"
        "COPY go.sh /docker-entrypoint.d/50-go.sh\nRUN nginx -t\n"
    )
    docker = web("--entrypoint", "sleep")  # only to have the image here, which the fixture takes away again
    docker("rm", "-f", "web")
    docker("build", "-q", "-t", "site", str(tmp_path))
    docker("run", "-d", "--name", "web", "site")
    try:
        assert page(docker, "http://127.0.0.1:81/") == "a page of mine"
        assert "from a script of mine" in docker("logs", "web")
    finally:
        docker("rm", "-f", "web")
        docker("rmi", "site")
