"""Which names are the course's, and which a lesson declares."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dockerlearn.course import explain, names
from dockerlearn.course.models import Lesson
from dockerlearn.course.packs import open_pack
from dockerlearn.course.tree import Tree

GOOD = Path(__file__).parent / "packs" / "good"


def test_a_lesson_declares_what_all_its_parts_name() -> None:
    pack = open_pack(GOOD)
    first, second = (names.declared(pack.lesson(slug)) for slug in pack.lessons)
    # dl-kettle: setup and check; dl-try: a proof; dl-cup: setup and where an answer is read.
    assert first.containers == {"dl-kettle", "dl-try", "dl-cup"}
    assert first.images == frozenset()
    assert second.containers == frozenset()
    assert second.images == {
        "docker.io/library/dl-base:v1",
        "docker.io/library/dl-copy:abcd",
        "docker.io/library/dl-stove:latest",
    }


def test_mistakes_http_and_same_as_declare_too_and_foreign_names_never() -> None:
    tree: Tree = {
        "title": "T",
        "level": "expert",
        "summary": "S",
        "minutes": "1",
        "steps": [
            {
                "id": "a",
                "title": "A",
                "check": [
                    {"http": "dl-web:80"},
                    {"container": "postgres", "image": "dl-app"},
                    {"image": "nginx", "same_as": "localhost:5000/dl-same", "not_same_as": "dl-other:v2"},
                ],
                "mistakes": [{"name": "m", "when": [{"container": "dl-wrong"}], "say": "s", "try": "t"}],
            },
            {"id": "b", "title": "B", "answer": {"from": {"container": "dl-read", "field": "ip"}}},
        ],
    }
    lesson = msgspec.convert(explain.tagged(tree, Lesson), Lesson, strict=False)
    declared = names.declared(lesson)
    assert declared.containers == {"dl-web", "dl-wrong", "dl-read"}
    assert declared.images == {
        "docker.io/library/dl-app:latest",
        "localhost:5000/dl-same:latest",
        "docker.io/library/dl-other:v2",
    }


def test_networks_volumes_and_those_on_them_declare_too() -> None:
    check: list[Tree] = [
        {"network": "dl-net", "attached": {"dl-web": "any", "other": "none"}},
        {"network": "bridge", "attached": "none"},
        {"volume": "dl-data", "used_by": ["dl-db"]},
        {"volume": "dl-more", "used_by": "any"},
        {"tcp": "dl-cache:6379"},
        {"exec": "dl-box", "command": "true"},
        {"containers": {"image": "dl-job:v1"}, "count": "2"},
        {
            "container": "dl-all",
            "networks": {"dl-front": "any", "bridge": "none"},
            "mounts": {
                "/a": "dl-vol",
                "/b": "./site",
                "/c": {"name": "dl-named"},
                "/d": "any",
                "/e": {"name": "x"},
            },
        },
        {"container": "dl-words", "networks": "dl-back", "mounts": "none"},
        {"image": "dl-app:v1", "smaller_than": "dl-big", "layers_shared_with": {"dl-base": "any"}},
    ]
    step: Tree = {"id": "a", "title": "A", "task": "t", "hints": ["h"], "solution": "s", "check": check}
    tree: Tree = {"title": "T", "level": "expert", "summary": "S", "minutes": "1", "steps": [step]}
    lesson = msgspec.convert(explain.tagged(tree, Lesson), Lesson, strict=False)
    declared = names.declared(lesson)
    assert declared.networks == {"dl-net", "dl-front", "dl-back"}
    assert declared.volumes == {"dl-data", "dl-more", "dl-vol", "dl-named"}
    assert declared.containers == {"dl-web", "dl-db", "dl-cache", "dl-box", "dl-all", "dl-words"}
    images = {"dl-job:v1", "dl-app:v1", "dl-big:latest", "dl-base:latest"}
    assert declared.images == {f"docker.io/library/{name}" for name in images}
