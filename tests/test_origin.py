"""Where an image has its public name from, by the events of Docker's engines and of Podman."""

from __future__ import annotations

from dockerlearn.engine.snapshots import EventSnapshot, event_from_message
from dockerlearn.world.origin import was_named_here

NAME = "busybox:1.36"
PULLED, BUILT, OTHER = (f"sha256:{letter * 64}" for letter in "abc")


def events(*told: tuple[str, str, str]) -> list[EventSnapshot]:
    return [
        event_from_message({"Type": "image", "Action": action, "time": number, "Actor": {
            "ID": identifier, "Attributes": {"name": name}}})
        for number, (action, identifier, name) in enumerate(told)
    ]  # fmt: skip


def test_a_build_of_buildkit_is_told_after_its_tag() -> None:
    """As 28.5 tells it with overlay2; the name had been on another image before, and was given back."""
    before = [
        ("pull", NAME, "busybox"),
        ("tag", OTHER, NAME),
        ("tag", PULLED, NAME),
    ]
    built = [("tag", BUILT, NAME), ("create", BUILT, BUILT)]
    assert was_named_here(events(*before, *built), BUILT, NAME)
    assert was_named_here(events(before[0], *built), BUILT, NAME)
    assert not was_named_here(events(*before), PULLED, NAME)
    assert not was_named_here(events(before[0]), PULLED, NAME)


def test_a_build_that_was_given_the_name_later_or_never() -> None:
    built = [("pull", NAME, "busybox"), ("tag", BUILT, "dl-x:v1"), ("create", BUILT, BUILT)]
    assert not was_named_here(events(*built), BUILT, NAME)
    assert was_named_here(events(*built, ("tag", BUILT, NAME)), BUILT, NAME)
    assert was_named_here(events(("tag", OTHER, NAME), *built[1:], ("tag", BUILT, NAME)), BUILT, NAME)


def test_a_pull_after_a_build_under_the_name() -> None:
    told = [("tag", BUILT, NAME), ("create", BUILT, BUILT), ("pull", NAME, "busybox")]
    assert not was_named_here(events(*told), BUILT, NAME)


def test_an_image_from_an_archive_may_be_given_its_name_back() -> None:
    told = [("load", PULLED, PULLED), ("tag", OTHER, NAME), ("tag", PULLED, NAME)]
    assert not was_named_here(events(*told), PULLED, NAME)
    assert was_named_here(events(*told), OTHER, NAME)


def test_a_build_of_which_the_tag_alone_is_told() -> None:
    """As 26.1 tells it with overlay2; the name had been on a third one, which was not taken for this one's."""
    told = [("pull", NAME, "busybox"), ("tag", OTHER, NAME), ("tag", PULLED, NAME), ("tag", BUILT, NAME)]
    assert was_named_here(events(*told), BUILT, NAME, was_not_pulled=True)
    assert not was_named_here(events(*told[1:]), BUILT, NAME, was_not_pulled=True)
    assert not was_named_here(events(*told), BUILT, NAME)


def test_a_build_of_which_nothing_is_told() -> None:
    """Engine 20.10 tells nothing of BuildKit; what was pulled has a digest there, and what has none was not pulled."""
    pulled = [("pull", NAME, "busybox"), ("tag", PULLED, "dl-tools:v1")]
    loaded, tagged = ("load", BUILT, BUILT), ("tag", OTHER, NAME)

    def built(*told: tuple[str, str, str], was_not_pulled: bool = True) -> bool:
        return was_named_here(events(*told), BUILT, NAME, was_not_pulled=was_not_pulled)

    assert built(*pulled)
    assert built(*pulled, ("tag", BUILT, "dl-x:v1"))
    assert built(tagged)
    assert built(loaded, *pulled)
    assert not built(*pulled, was_not_pulled=False)
    assert not built(*pulled, loaded)
    assert not built(*pulled, ("load", OTHER, OTHER), loaded)
    assert not built(*pulled, ("untag", BUILT, BUILT))  # the digest is a name, and may have been taken
    assert not built(("tag", PULLED, "dl-tools:v1"))  # what was before is forgotten
    assert not built()


class TestOnPodman:
    """Podman has a digest under each name; its events tell what was built and tagged here."""

    def named_here(self, *told: tuple[str, str, str]) -> bool:
        return was_named_here(events(*told), f"sha256:{MINE}", "busybox:1.36")

    def test_a_build_under_the_published_name(self) -> None:
        assert self.named_here(("build", "", MINE))

    def test_a_build_that_was_given_it_afterwards(self) -> None:
        assert self.named_here(("build", "", MINE), ("tag", MINE, PUBLIC))

    def test_a_commit_that_was_given_it(self) -> None:
        assert self.named_here(("tag", MINE, PUBLIC))

    def test_a_pull(self) -> None:
        assert not self.named_here(("build", "", "b" * 64), ("pull", "", PUBLIC))

    def test_a_pull_after_a_build_of_the_very_same(self) -> None:
        assert not self.named_here(("build", "", MINE), ("pull", "", PUBLIC))


MINE = "a" * 64
PUBLIC = "docker.io/library/busybox:1.36"
