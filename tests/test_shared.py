"""Networks and volumes: brought into place, known to the ledger, cleaned; and those of others left alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from dockerlearn.engine.snapshots import ContainerSnapshot
from dockerlearn.errors import EngineRejected, NameTaken, SetupFailed, WorkspaceError
from dockerlearn.setup import clean, ledger
from dockerlearn.setup.ledger import NONCE_LABEL
from dockerlearn.setup.spec import Declared, SetupContainer, SetupMount, SetupNetwork, SetupVolume
from dockerlearn.world import probes
from tests.setup_bench import Bench, Killed, container, no_container

NET = SetupNetwork(network="dl-net")
VOL = SetupVolume(volume="dl-data", files={"note": "hello"})
NO_NET = SetupNetwork(network="dl-net", absent=True)
NO_VOL = SetupVolume(volume="dl-data", absent=True)
NAMES = Declared(networks=frozenset({"dl-net"}), volumes=frozenset({"dl-data"}), containers=frozenset({"dl-web"}))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def kinds(bench: Bench) -> list[tuple[str, str]]:
    return sorted((entry.kind, entry.name) for entry in bench.store.entries() if entry.object_id)


def plan(bench: Bench) -> list[tuple[str, str, str]]:
    return [(item.kind, item.name, item.action) for item in clean.plan(bench.engine, bench.store).items]


def carry_out(bench: Bench) -> list[tuple[str, str]]:
    report = clean.carry_out(clean.plan(bench.engine, bench.store), bench.engine, bench.store)
    return [(done.item.name, done.did) for done in report.done]


def note(bench: Bench) -> bytes | None:
    return bench.engine.volume_files["dl-data"]["/note"].content


class TestBringing:
    def test_made_once_and_known(self, bench: Bench) -> None:
        report = bench.bring(NET, VOL)
        assert [(one.subject, one.did) for one in report.actions] == [
            ("network dl-net", "made"), ("volume dl-data", "made"),
        ]  # fmt: skip
        assert note(bench) == b"hello"
        assert kinds(bench) == [("network", "dl-net"), ("volume", "dl-data")]
        assert bench.engine.by_name == {}
        bench.writes()
        assert bench.bring(NET, SetupVolume(volume="dl-data")).actions == ()
        assert bench.writes() == []
        assert bench.bring(VOL).actions == ()

    def test_internal_is_brought_about(self, bench: Bench) -> None:
        bench.bring(NET)
        bench.bring(SetupNetwork(network="dl-net", internal=True))
        assert bench.engine.networks_by_name["dl-net"].internal
        assert kinds(bench) == [("network", "dl-net")]

    def test_contents_are_brought_about(self, bench: Bench) -> None:
        bench.bring(VOL)
        bench.engine.volume_files["dl-data"]["/note"] = msgspec.structs.replace(
            bench.engine.volume_files["dl-data"]["/note"], content=b"other"
        )
        bench.bring(VOL)
        assert note(bench) == b"hello"

    def test_absent_and_fresh(self, bench: Bench) -> None:
        assert bench.bring(NO_NET, NO_VOL).actions == ()
        bench.bring(NET, VOL)
        first = bench.engine.networks_by_name["dl-net"].id
        bench.bring(SetupNetwork(network="dl-net", fresh=True), SetupVolume(volume="dl-data", fresh=True))
        assert bench.engine.networks_by_name["dl-net"].id != first
        assert "dl-data" not in bench.engine.volume_files
        bench.bring(NO_NET, NO_VOL)
        assert list(bench.engine.networks_by_name) == ["bridge"]
        assert bench.engine.volumes_by_name == {}
        assert bench.store.entries() == ()

    def test_somebody_elses_is_never_reused_nor_removed(self, bench: Bench) -> None:
        theirs = bench.engine.add_network("dl-net"), bench.engine.add_volume("dl-data")
        for item in (NET, NO_NET, VOL, NO_VOL):
            with pytest.raises(NameTaken):
                bench.bring(item)
        with pytest.raises(SetupFailed, match="no network dl-net"):
            bench.bring(container(networks=["dl-net"]))
        with pytest.raises(SetupFailed, match="no volume dl-data"):
            bench.bring(container(mounts={"/data": "dl-data"}))
        assert (bench.engine.networks_by_name["dl-net"], bench.engine.volumes_by_name["dl-data"]) == theirs
        assert bench.store.entries() == ()

    def test_what_is_used_is_not_taken_away(self, bench: Bench) -> None:
        bench.bring(NET, VOL, container(networks=["dl-net"], mounts={"/data": "dl-data"}))
        with pytest.raises(SetupFailed, match="dl-web is on it"):
            bench.bring(NO_NET)
        with pytest.raises(SetupFailed, match="dl-web has it"):
            bench.bring(NO_VOL)
        bench.bring(no_container(), NO_NET, NO_VOL)
        assert bench.store.entries() == ()

    def test_only_own_names(self, bench: Bench) -> None:
        for item in (
            SetupNetwork(network="net"),
            SetupVolume(volume="data"),
            container(networks=["host"]),
            container(mounts={"/data": "data"}),
        ):
            with pytest.raises(SetupFailed, match="may only use"):
                bench.bring(item)
        assert bench.writes() == []

    @pytest.mark.parametrize("dies_at", range(1, 11))
    @pytest.mark.parametrize("after", [False, True])
    def test_killed_at_any_moment_nothing_is_lost(self, bench: Bench, dies_at: int, after: bool) -> None:
        more = SetupNetwork(network="dl-more")
        items = (NET, more, VOL, container(networks={"dl-net": ["db"], "dl-more": []}, mounts={"/data": "dl-data"}))
        bench.engine.dies_at, bench.engine.after = dies_at, after
        try:
            bench.bring(*items)
        except Killed:
            bench.reopen()
        bench.engine.dies_at = None
        bench.bring(*items)
        assert note(bench) == b"hello"
        carry_out(bench)
        assert bench.engine.by_name == {}
        assert bench.engine.volumes_by_name == {}
        assert list(bench.engine.networks_by_name) == ["bridge"]


class TestContainers:
    def test_networks_and_mounts(self, bench: Bench) -> None:
        other = SetupNetwork(network="dl-back")
        item = container(
            networks={"dl-net": ["db"], "dl-back": []},
            mounts={"/data/": "dl-data", "/site": SetupMount(source="./site", read_only=True)},
        )
        bench.bring(NET, other, VOL, item)
        there = bench.engine.by_name["dl-web"]
        assert {(one.network, "db" in one.names) for one in there.networks} == {("dl-net", True), ("dl-back", False)}
        folder = bench.workspace.resolve() / "site"
        assert folder.is_dir()
        assert {(one.target, one.kind, one.name or one.source, one.read_only) for one in there.mounts} == {
            ("/data", "volume", "dl-data", False), ("/site", "bind", str(folder), True),
        }  # fmt: skip
        bench.writes()
        assert bench.bring(NET, other, item).actions == ()
        assert bench.writes() == []

    def test_made_anew_where_it_is_not_so(self, bench: Bench) -> None:
        bench.bring(NET, VOL, container())
        first = bench.engine.by_name["dl-web"].id
        bench.bring(container(networks=["dl-net"]))
        second = bench.engine.by_name["dl-web"].id
        bench.bring(container(networks=["dl-net"], mounts={"/data": SetupMount(volume="dl-data", read_only=True)}))
        third = bench.engine.by_name["dl-web"].id
        assert len({first, second, third}) == 3

    def test_a_link_in_the_workspace_is_not_mounted(self, bench: Bench, tmp_path: Path) -> None:
        bench.bring(container(mounts={"/site": "./site"}))
        (bench.workspace / "secret").symlink_to(tmp_path)
        with pytest.raises(WorkspaceError, match="Links are not followed"):
            bench.bring(container("dl-other", mounts={"/site": "./secret"}))
        with pytest.raises(WorkspaceError, match="Links are not followed"):
            bench.bring(container("dl-other", mounts={"/site": "./secret/folder"}))
        assert "dl-other" not in bench.engine.by_name

    @pytest.mark.parametrize(
        "mounts",
        [
            {"/a": "../x"}, {"/a": "./../x"}, {"/a": "./x/../../y"}, {"a": "dl-data"}, {"/": "dl-data"}, {"/a": "."},
            {"/a": {"source": "/etc"}}, {"/a": {"source": "~/x"}}, {"/a": {}},
            {"/a": {"volume": "dl-data", "source": "./x"}}, {"/a": {"volume": "dl-data", "driver": "nfs"}},
        ],
    )  # fmt: skip
    def test_nothing_else_can_be_mounted(self, mounts: dict[str, object]) -> None:
        raw = {"noun": "container", "container": "dl-web", "image": "busybox", "mounts": mounts}
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(raw, SetupContainer, strict=False)

    @pytest.mark.parametrize(
        ("noun", "field"), [("network", "driver"), ("network", "subnet"), ("volume", "driver"), ("volume", "options")]
    )
    def test_nothing_else_can_be_said_of_them(self, noun: str, field: str) -> None:
        model = {"network": SetupNetwork, "volume": SetupVolume}[noun]
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"noun": noun, noun: "dl-x", field: "x"}, model, strict=False)

    @pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a"])
    def test_files_are_at_the_top_of_a_volume(self, name: str) -> None:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({"noun": "volume", "volume": "dl-x", "files": {name: ""}}, SetupVolume, strict=False)


class TestLedger:
    def test_what_the_learner_makes_under_declared_names(self, bench: Bench) -> None:
        bench.engine.create_network("dl-net")
        bench.engine.create_volume("dl-data")
        bench.engine.create_network("dl-other")
        ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
        assert kinds(bench) == [("network", "dl-net"), ("volume", "dl-data")]
        assert ledger.taken(bench.engine, bench.store, NAMES) == ()
        assert carry_out(bench) == [("dl-net", "removed"), ("dl-data", "removed")]
        assert list(bench.engine.networks_by_name) == ["bridge", "dl-other"]

    def test_what_was_there_before_is_not_the_courses(self, bench: Bench) -> None:
        bench.engine.add_network("dl-net")
        bench.engine.add_volume("dl-data")
        assert ledger.observe(bench.engine, bench.store, bench.attempt, NAMES) == ()
        taken = ledger.taken(bench.engine, bench.store, NAMES)
        assert [(one.kind, one.name) for one in taken] == [("network", "dl-net"), ("volume", "dl-data")]
        assert "dl-data (volume)" in str(ledger.name_taken(taken))
        assert "dl-data-mine" in taken[1].remedy
        assert plan(bench) == []

    def test_one_made_by_somebody_after_ours_was_removed_is_theirs(self, bench: Bench) -> None:
        bench.bring(NET, VOL)
        bench.engine.remove_network("dl-net")
        bench.engine.remove_volume("dl-data")
        theirs = bench.engine.add_network("dl-net", id="f" * 64), bench.engine.add_volume("dl-data")
        assert carry_out(bench) == []
        assert (bench.engine.networks_by_name["dl-net"], bench.engine.volumes_by_name["dl-data"]) == theirs

    def test_a_volume_that_went_away_is_struck_out(self, bench: Bench) -> None:
        bench.engine.create_volume("dl-data")
        ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
        bench.engine.remove_volume("dl-data")
        ledger.observe(bench.engine, bench.store, bench.attempt, NAMES)
        assert kinds(bench) == []

    def test_own_containers(self, bench: Bench) -> None:
        bench.bring(NET, container())
        assert ledger.own_containers(bench.store, bench.attempt) == {bench.engine.by_name["dl-web"].id}


class TestClean:
    def test_everything_goes_and_containers_first(self, bench: Bench) -> None:
        bench.bring(NET, VOL, container(networks=["dl-net"], mounts={"/data": "dl-data"}))
        assert plan(bench) == [
            ("container", "dl-web", "remove"), ("network", "dl-net", "remove"), ("volume", "dl-data", "remove"),
        ]  # fmt: skip
        assert [did for _, did in carry_out(bench)] == ["removed"] * 3
        assert bench.store.entries() == ()

    def test_what_foreign_containers_use_stays_with_its_reason(self, bench: Bench) -> None:
        bench.bring(NET, VOL, container(networks=["dl-net"], mounts={"/data": "dl-data"}))
        ours = bench.engine.by_name["dl-web"]
        later = bench.engine.clock + timedelta(seconds=1)
        bench.engine.add(
            "theirs", networks=ours.networks, mounts=ours.mounts, created=later, status="exited", running=False
        )
        items = clean.plan(bench.engine, bench.store).items
        assert [(item.name, item.action, item.reason) for item in items] == [
            ("dl-web", "remove", ""), ("dl-net", "leave", "theirs is on it"), ("dl-data", "leave", "theirs has it"),
        ]  # fmt: skip
        assert [item.remedy for item in items[1:]] == ["docker network disconnect dl-net theirs", "docker rm theirs"]
        assert carry_out(bench) == [("dl-web", "removed"), ("dl-net", "left"), ("dl-data", "left")]
        assert "theirs" in bench.engine.by_name
        assert {"dl-net", "dl-data"} <= {*bench.engine.networks_by_name, *bench.engine.volumes_by_name}

    def test_somebody_who_came_after_the_plan_is_seen(self, bench: Bench) -> None:
        bench.bring(NET, VOL)
        made = clean.plan(bench.engine, bench.store)
        network = bench.engine.networks_by_name["dl-net"]
        bench.bring(container(networks=["dl-net"], mounts={"/data": "dl-data"}))
        report = clean.carry_out(made, bench.engine, bench.store)
        assert [(done.did, done.reason) for done in report.done] == [
            ("left", "dl-web is on it"), ("left", "dl-web has it"),
        ]  # fmt: skip
        assert bench.engine.networks_by_name["dl-net"] == network

    @pytest.mark.parametrize("alone", [False, True])
    def test_helpers_of_another_tutor_are_waited_for(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, *, alone: bool
    ) -> None:
        """One that looks just now has a container with the volume, which nobody is to be told of."""
        bench.bring(VOL, container(mounts={"/data": "dl-data"}))
        ours = bench.engine.by_name["dl-web"]
        later = bench.engine.clock + timedelta(seconds=1)
        helper = bench.engine.add(
            "optimistic_rubin", mounts=ours.mounts, image_id=ours.image_id, created=later, hostname=probes.HELPER
        )
        if alone:
            bench.engine.remove_container(ours.id)
        looks: list[str] = []
        look = bench.engine.container

        def going(name: str) -> ContainerSnapshot | None:
            looks.extend(name for _ in range(name == helper.id))
            if len(looks) > 3:
                bench.engine.by_name.pop(helper.name, None)
            return look(name)

        monkeypatch.setattr(bench.engine, "container", going)
        assert carry_out(bench) == [("dl-web", "removed")] * (not alone) + [("dl-data", "removed")]
        assert len(looks) > 3

    def test_a_helper_that_comes_between_look_and_removal_is_waited_for(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.bring(VOL)
        remove = bench.engine.remove_volume
        refusals = ["volume is in use", "volume is in use"]

        def refused(name: str) -> bool:
            if refusals:
                raise EngineRejected(refusals.pop(), 409)
            return remove(name)

        monkeypatch.setattr(bench.engine, "remove_volume", refused)
        assert carry_out(bench) == [("dl-data", "removed")]
        bench.bring(VOL)
        refusals += ["volume is in use"] * 3
        assert carry_out(bench) == [("dl-data", "left")]

    def test_who_only_says_that_it_is_a_helper_keeps_what_it_has(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(probes, "_GONE_SECONDS", 0.1)
        bench.bring(VOL, container(mounts={"/data": "dl-data"}))
        mounts = bench.engine.by_name["dl-web"].mounts
        bench.engine.add("false_friend", mounts=mounts, hostname=probes.HELPER)
        bench.engine.add("dl_mine", mounts=mounts)
        assert carry_out(bench) == [("dl-web", "removed"), ("dl-data", "left")]

    def test_another_volume_under_the_name_is_left(self, bench: Bench) -> None:
        bench.bring(VOL)
        made = clean.plan(bench.engine, bench.store)
        theirs = bench.engine.add_volume("dl-data")
        report = clean.carry_out(made, bench.engine, bench.store)
        assert [done.did for done in report.done] == ["left"]
        assert bench.engine.volumes_by_name["dl-data"] == theirs
        assert NONCE_LABEL not in theirs.labels
