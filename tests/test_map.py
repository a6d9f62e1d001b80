"""The picture of an engine: what is taken, what is different, and how it is drawn."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import msgspec
import pytest

from dockerlearn.cli.app import run
from dockerlearn.cli.wiring import Wiring
from dockerlearn.engine.snapshots import Binding, ContainerSnapshot, Health, Membership, Mount
from dockerlearn.session.picture import Album
from dockerlearn.text import cells
from dockerlearn.ui.map import map_lines, map_svg
from dockerlearn.ui.style import Style
from dockerlearn.ui.view import View
from dockerlearn.world.picture import Picture, Subjects, about, comparable, compare, take, with_gone
from dockerlearn.world.probes import HELPER
from tests.cli_support import Learner
from tests.fake_engine import HELPER_OF_ANOTHER, FakeEngine, make_id, make_image, make_network

BUSYBOX = make_image("docker.io/library/busybox:1.36")
SHOP = make_image("docker.io/library/dl-shop:v1", layers=(*BUSYBOX.layers, "sha256:own"), size=2_100_000)
NET = make_id("network", "dl-net")
WEB = make_id("container", "dl-web")


@pytest.fixture
def engine() -> FakeEngine:
    engine = FakeEngine(BUSYBOX, SHOP, make_image("docker.io/library/theirs:1"))
    engine.add_network("dl-net", internal=True)
    engine.add_volume("dl-data")
    engine.add_volume("theirs")
    engine.add(
        "dl-web",
        image_id=SHOP.id,
        image_ref="dl-shop:v1",
        networks=(Membership("dl-net", NET, "172.18.0.2", frozenset({"web", "dl-web", WEB[:12]})),),
        published={"80/tcp": (Binding("0.0.0.0", 8080), Binding("::", 8080)), "81/tcp": (Binding("127.0.0.1", 81),)},
        mounts=(
            Mount("volume", "/x", "/data", read_only=False, name="dl-data"),
            Mount("bind", "/home/me/menu", "/menu", read_only=True),
            Mount("tmpfs", "", "/tmp", read_only=False),
        ),
    )  # fmt: skip
    engine.add("dl-done", status="exited", running=False, exit_code=3)
    engine.add("theirs")
    return engine


def picture(engine: FakeEngine) -> Picture:
    own = [one.id for one in engine.by_name.values() if one.name.startswith("dl-")]
    return take(
        engine, Subjects(containers=own, images=[SHOP.id], volumes=["dl-data"], references=["busybox:1.36", "nginx:1"])
    )


def test_what_is_taken(engine: FakeEngine) -> None:
    seen = picture(engine)
    assert [one.name for one in seen.containers] == ["dl-done", "dl-web"]
    done, web = seen.containers
    assert (done.state, web.state) == ("exited 3", "running")
    assert web.ports == ("8080 → 80/tcp", "127.0.0.1:81 → 81/tcp")
    assert web.places[0].names == ("web",)
    assert [(m.kind, m.source, m.target, m.read_only) for m in web.mounts] == [
        ("volume", "dl-data", "/data", False), ("bind", "/home/me/menu", "/menu", True), ("tmpfs", "", "/tmp", False),
    ]  # fmt: skip
    assert {network.name for network in seen.networks} == {"bridge", "dl-net"}
    assert [(volume.name, volume.users) for volume in seen.volumes] == [("dl-data", ("dl-web",))]
    assert {image.names for image in seen.images} == {("busybox:1.36",), ("dl-shop:v1",)}
    assert seen.foreign == {"container": 1, "image": 1, "network": 0, "volume": 1}


def test_helpers_of_our_own_are_hidden(engine: FakeEngine) -> None:
    engine.add("dl-probe", hostname=HELPER)
    engine.add("dl-asker", mounts=HELPER_OF_ANOTHER)
    assert {"dl-probe", "dl-asker"} & {one.name for one in picture(engine).containers} == set()


def test_health_is_part_of_the_state(engine: FakeEngine) -> None:
    engine.change("dl-web", health=Health("unhealthy", 3, "", 1, 30))
    assert picture(engine).containers[1].state == "running unhealthy"


def test_drawing(engine: FakeEngine) -> None:
    text = "\n".join(map_lines(picture(engine), Style()))
    assert text == DRAWN


DRAWN = f"""\
bridge  (network, bridge)
└─ dl-done  exited 3  busybox:1.36
dl-net  (network, bridge, internal)
└─ dl-web  running  dl-shop:v1  172.18.0.2  as web
      host port 8080 → 80/tcp
      host port 127.0.0.1:81 → 81/tcp
      volume dl-data → /data
      folder /home/me/menu → /menu (read only)
      tmpfs /tmp
volumes
└─ dl-data  in dl-web
images
├─ busybox:1.36  {BUSYBOX.id[7:19]}  2.0 MB  1 layer
└─ dl-shop:v1    {SHOP.id[7:19]}  2.1 MB  2 layers, 1 shared with busybox:1.36
and 1 container, 1 image, 1 volume that are not the course's"""


def test_what_is_different_is_marked(engine: FakeEngine) -> None:
    before = picture(engine)
    engine.change("dl-web", status="exited", running=False, exit_code=0)
    del engine.by_name["dl-done"]
    engine.add("dl-new")
    engine.images[BUSYBOX.id] = msgspec.structs.replace(BUSYBOX, tags=(*BUSYBOX.tags, "docker.io/library/dl-tools:v1"))
    del engine.volumes_by_name["dl-data"]
    engine.networks_by_name["dl-two"] = make_network("dl-two")
    engine.change("dl-new", networks=(Membership("dl-two", make_id("network", "dl-two"), None, frozenset()),))
    now = picture(engine)
    lines = map_lines(now, Style(), before)
    marked = {line.split("←")[1].strip() + " " + line.split()[1] for line in lines if "←" in line and line[0] in "├└"}
    assert marked == {"changed dl-web", "gone dl-done", "new dl-new", "new dl-tools:v1", "gone dl-data"}
    assert "dl-two  (network, bridge)  ← new" in lines
    assert [line for line in lines if "dl-done" in line] == ["└─ dl-done  ← gone"]
    assert [line for line in lines if "dl-data" in line and "volume" not in line] == ["└─ dl-data  ← gone"]
    assert any("same image" in line for line in lines)
    assert map_lines(now, Style(), now) == map_lines(now, Style())


def test_another_engine_is_not_compared(engine: FakeEngine) -> None:
    before = msgspec.structs.replace(picture(FakeEngine(BUSYBOX)), engine_id="ANOTHER")
    now = picture(engine)
    assert compare(before, now) == {}
    assert comparable(engine, before, now) is None
    assert with_gone(before, now) == now


def test_a_network_that_every_engine_has_is_never_new(engine: FakeEngine) -> None:
    now = picture(engine)
    del engine.by_name["dl-done"]
    assert "bridge" not in {network.name for network in picture(engine).networks}
    assert compare(picture(engine), now) == {("container", make_id("container", "dl-done")): "new"}


def test_what_only_left_the_picture_is_not_gone(engine: FakeEngine) -> None:
    before = picture(engine)
    del engine.by_name["dl-done"]  # the only one on the bridge, which stays where it is
    engine.images.pop(SHOP.id)
    engine.change("dl-web", networks=())  # dl-net is there, and has nobody of the course on it
    now = picture(engine)
    assert compare(before, now)["network", NET] == "gone"
    last = comparable(engine, before, now)
    assert "network" not in {kind for kind, _ in compare(last, now)}
    del engine.networks_by_name["dl-net"]
    assert compare(comparable(engine, before, now), now)["network", NET] == "gone"
    lines = map_lines(now, Style(), last)
    assert lines[lines.index("removed") + 1] == "└─ dl-done  ← gone"
    assert not any("bridge" in line for line in lines if line.endswith("gone"))
    assert any("dl-shop:v1" in line for line in lines if line.endswith("gone"))
    assert comparable(engine, None, now) is None


def test_a_volume_that_only_left_the_picture_is_not_gone(engine: FakeEngine) -> None:
    engine.change("dl-done", mounts=(Mount("volume", "/y", "/theirs", read_only=False, name="theirs"),))
    before = picture(engine)
    engine.change("dl-done", mounts=())
    now = picture(engine)
    assert ("volume", "theirs") not in compare(comparable(engine, before, now), now)
    del engine.volumes_by_name["theirs"]
    assert compare(comparable(engine, before, now), now)["volume", "theirs"] == "gone"


def test_an_image_that_lost_a_name_is_not_gone_itself(engine: FakeEngine) -> None:
    engine.images[SHOP.id] = msgspec.structs.replace(SHOP, tags=(*SHOP.tags, "docker.io/library/dl-old:v1"))
    before = picture(engine)
    engine.images[SHOP.id] = SHOP
    now = picture(engine)
    assert compare(before, now) == {("image", "dl-old:v1"): "gone"}


@pytest.mark.parametrize("width", [30, 40, 80, 100])
def test_nothing_is_wider_than_the_terminal(engine: FakeEngine, width: int) -> None:
    engine.add("dl-" + "x" * 200, networks=engine.by_name["dl-web"].networks)
    before = picture(FakeEngine(BUSYBOX))
    for line in map_lines(picture(engine), Style(width=width), before):
        assert cells(line) <= width, line


def test_what_is_about_some_names_has_what_they_hang_on_and_what_is_different(engine: FakeEngine) -> None:
    before = picture(engine)
    _, now, left = about(before, before, Subjects(containers=["dl-web"]))
    assert [one.name for one in now.containers] == ["dl-web"]
    assert {one.name for one in now.networks} == {"dl-net"}
    assert [one.name for one in now.volumes] == ["dl-data"]
    assert [image.names for image in now.images] == [("dl-shop:v1",)]
    # dl-done, and the image of busybox; of the networks that every engine has nobody asks.
    assert left == 2
    engine.add("dl-new", image_id=BUSYBOX.id)
    del engine.by_name["dl-done"]
    was, now, left = about(before, picture(engine), Subjects(volumes=["dl-data"]))
    assert [one.name for one in now.containers] == ["dl-new"]
    assert [one.name for one in was.containers] == ["dl-done"]
    assert compare(was, now)["container", next(one.id for one in was.containers)] == "gone"
    assert left == 3


def test_without_unicode_and_with_hostile_names(engine: FakeEngine) -> None:
    engine.change(
        "dl-web",
        mounts=(Mount("bind", "/a\x1b[2J\nb\u202e", "/menu", read_only=False),),
    )
    lines = map_lines(picture(engine), Style(unicode=False))
    assert all(line.isascii() for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert "| " in "".join(lines) or "`- " in "".join(lines)


def test_colour_only_adds(engine: FakeEngine) -> None:
    import re

    before = picture(FakeEngine(BUSYBOX))
    plain = map_lines(picture(engine), Style(), before)
    coloured = map_lines(picture(engine), Style(colour=True), before)
    assert [re.sub("\x1b\\[[0-9;]*m", "", line) for line in coloured] == plain
    assert coloured != plain


def test_an_empty_engine() -> None:
    empty = take(FakeEngine(), Subjects())
    assert map_lines(empty, Style()) == ["Nothing of the course's is on this engine."]


def test_svg_is_well_formed_and_loads_nothing(engine: FakeEngine) -> None:
    engine.add("dl-<&>", networks=())
    text = map_svg(picture(engine))
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "dl-&lt;&amp;&gt;" in text


def test_svg_is_as_wide_as_it_is_told(engine: FakeEngine) -> None:
    engine.add("dl-far", mounts=(Mount("bind", "/home/me/" + "far/" * 25, "/far", read_only=True),))
    assert "→ /far (read only)" not in map_svg(picture(engine), width=80)
    assert "→ /far (read only)" in map_svg(picture(engine), width=200)


def test_the_album_keeps_the_last_picture(engine: FakeEngine, tmp_path: Path) -> None:
    album = Album(tmp_path / "new")
    seen = picture(engine)
    assert album.last(seen.engine_id) is None
    album.keep(seen)
    assert album.last(seen.engine_id) == seen
    assert album.last("ANOTHER") is None
    (tmp_path / "new" / "map.json").write_text("{")
    assert album.last(seen.engine_id) is None


def test_an_album_that_cannot_be_kept_is_no_failure(engine: FakeEngine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Album(tmp_path / "file").keep(picture(engine))


def test_a_container_on_two_networks_is_told_once(engine: FakeEngine) -> None:
    web: ContainerSnapshot = engine.by_name["dl-web"]
    engine.change(
        "dl-web",
        networks=(*web.networks, Membership("bridge", make_id("network", "bridge"), "172.17.0.9", frozenset())),
    )
    text = "\n".join(map_lines(picture(engine), Style()))
    assert text.count("host port 8080") == 1
    assert "dl-web   (see above)  172.18.0.2  as web" in text or "dl-web  (see above)  172.18.0.2  as web" in text


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    learner = Learner(tmp_path)
    learner("start", "one/cup", code=0)
    return learner


def test_the_command_draws_and_marks_what_is_new_since_the_last_look(learner: Learner) -> None:
    assert "dl-cup" not in learner("map", code=0).out
    learner.make_cup()
    shown = learner("map", code=0).out
    assert any("dl-cup" in line and line.endswith("← new") for line in shown.splitlines())
    assert "←" not in learner("map", code=0).out


def test_its_json(learner: Learner) -> None:
    learner.make_cup()
    learner.engine.add("theirs")
    told = learner("map", "--json", code=0).json
    assert set(told) == {"engine", "containers", "images", "networks", "volumes", "foreign"}
    assert [one["name"] for one in told["containers"]] == ["dl-cup"]
    assert set(told["containers"][0]) == {"id", "name", "state", "image", "networks", "ports", "mounts", "change"}
    assert set(told["images"][0]) == {"id", "names", "size", "layers", "changes"}
    assert set(told["networks"][0]) == {"id", "name", "driver", "internal", "change"}
    assert told["foreign"]["container"] == 1
    learner.engine.by_name.clear()
    again = learner("map", "--json", code=0).json
    assert [(one["name"], one["change"]) for one in again["containers"]] == [("dl-cup", "gone")]


def test_it_is_as_wide_as_the_terminal(learner: Learner, tmp_path: Path) -> None:
    learner.make_cup(mounts=(Mount("bind", "/home/me/" + "far/" * 25, "/far", read_only=True),))
    for columns, whole in (("80", False), ("200", True)):
        there = {**learner.environ, "COLUMNS": columns}
        view = View.of_process(there)
        view.out, view.err = io.StringIO(), io.StringIO()
        for words in (["map"], ["map", "--svg", str(tmp_path / "m.svg")]):
            assert run(words, Wiring(view, environ=there, engine=learner.connect, sleep=learner.sleep)) == 0
        assert ("→ /far (read only)" in view.out.getvalue()) is whole
        assert ("→ /far (read only)" in (tmp_path / "m.svg").read_text()) is whole


def test_it_writes_a_file(learner: Learner, tmp_path: Path) -> None:
    learner.make_cup()
    assert learner("map", "--svg", str(tmp_path / "m.svg"), code=0).out == ""
    assert "dl-cup" in (tmp_path / "m.svg").read_text()
    assert "m.svg cannot be written" in learner("map", "--svg", str(tmp_path / "no" / "m.svg"), code=3).told


def test_watching_draws_again_when_something_changes_and_is_silent_when_not(learner: Learner) -> None:
    turns = iter(["nothing", "made", "nothing", "end"])

    def pause(_: float) -> None:
        turn = next(turns)
        if turn == "made":
            learner.make_cup()
        if turn == "end":
            raise KeyboardInterrupt

    learner.sleep = pause
    shown = learner("map", "--watch", code=130).out
    assert shown.count("images\n") == 2
    assert shown.count("dl-cup") == 1


def test_one_foreign_thing_is_one() -> None:
    engine = FakeEngine()
    engine.add("theirs", networks=())
    assert map_lines(take(engine, Subjects()), Style())[-1] == "and 1 container that is not the course's"
