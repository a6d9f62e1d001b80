"""The rules of quality: for each a lesson of which it says no, and one like it of which it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dockerlearn.author.lint import lint
from dockerlearn.author.target import Target
from dockerlearn.course.packs import course_folder
from tests.cli_support import Learner

PACK = """format: 1
id: tea
title: Tea
lessons: [tea]
images: {busybox: busybox:1.36, nginx: "nginx:1.27"}
"""
LESSON = """title: Tea
level: foundation
summary: Make tea.
minutes: 5
vars: {token: {random: 6}}
concept:
  what: Hot water.
  picture: |
    pot --> cup
steps:
  - id: pour
    title: Pour it
    learn: |
      A pot pours. Like so:

          docker run IMAGE
    predict:
      ask: What is in the cup?
      choices:
        - {text: Tea, right: true, say: It was poured.}
        - {text: Coffee, say: Nobody made any of it.}
        - {text: Nothing, say: It was poured before.}
      proof:
        run: docker run -d --name dl-try @{image.busybox} sleep 60
        check: [{container: dl-try}]
    task: Run a container named `dl-cup`.
    check: [{container: dl-cup, running: true, image: busybox}]
    hints: [Which command makes one?, "`docker run -d --name dl-cup @{image.busybox} sleep 60`"]
    solution: docker run -d --name dl-cup @{image.busybox} sleep 60
    accepts:
      - |
        docker create --name dl-cup @{image.busybox} sleep 60
        docker start dl-cup
    mistakes:
      - name: it ended
        when: [{container: dl-cup, status: exited}]
        say: Its command came to an end.
        try: docker run -d --name dl-cup @{image.busybox} true
      - name: another name
        when: [{container: dl-cups, running: true}]
        say: It is called dl-cups.
        try: docker run -d --name dl-cups @{image.busybox} sleep 60
  - id: word
    title: Find the word
    task: Which word did it print?
    answer: {equals: "word @{token}"}
    hints: [A log knows., "`docker logs dl-cup`"]
    solution: docker logs dl-cup
  - id: which
    title: Which one?
    question:
      ask: Which one is hot?
      choices:
        - {text: This one, say: It stood there for long.}
        - {text: That one, right: true, say: Yes.}
"""


def found(folder: Path, *changes: tuple[str, str], pack: tuple[str, str] = ("", "")) -> list[tuple[str | None, str]]:
    """Change the lesson, lint the pack, and return rule and path of each problem."""
    text = LESSON
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (folder / "tea").mkdir(exist_ok=True)
    (folder / "tea" / "lesson.yaml").write_text(text)
    (folder / "pack.yaml").write_text(PACK.replace(*pack) if pack[0] else PACK)
    return [(problem.rule, problem.path) for problem in lint(Target(folder)).problems]


def test_a_good_lesson_has_nothing_to_object_to(tmp_path: Path) -> None:
    assert found(tmp_path) == []


def test_the_course_has_nothing_to_object_to() -> None:
    assert lint(Target(course_folder())).problems == ()


MISTAKE = "        when: [{container: dl-cup, status: exited}]\n"
SAY = "        say: Its command came to an end.\n"
HINT = "    hints: [Which command makes one?, "

TASK = "    task: Run a container named `dl-cup`.\n"

SAYS_NO: dict[str, tuple[str, str, str, str]] = {
    "something untested that the check does not have": (
        TASK, f"{TASK}    untested: [{{field: 'check[0].user', why: Nobody sets one here.}}]\n",
        "untested", "steps[0].untested[0].field",
    ),
    "something untested that cannot be loosened": (
        TASK, f"{TASK}    untested: [{{field: 'check[0]', why: It is the only one.}}]\n",
        "untested", "steps[0].untested[0].field",
    ),
    "something untested twice": (
        TASK,
        (
            f"{TASK}    untested:\n      - {{field: 'check[0].image', why: Nobody would use another.}}\n"
            "      - {field: 'check[0].image', why: Nobody has another one.}\n"
        ),
        "untested", "steps[0].untested[1].field",
    ),
    "a cheat where nothing is checked": (
        "    task: Which word did it print?\n",
        "    task: Which word did it print?\n    cheats: [{name: c, try: docker ps}]\n",
        "mistake-unseen", "steps[1].cheats[0]",
    ),
    "a cheat that sh cannot read": (
        TASK, f"{TASK}    cheats: [{{name: c, try: 'docker ps \"'}}]\n", "script", "steps[0].cheats[0].try",
    ),
    "something untested without a reason": (
        TASK, f"{TASK}    untested: [{{field: 'check[0].image', why: never mind}}]\n",
        "untested", "steps[0].untested[0].why",
    ),
    "something untested where nothing is checked": (
        "    task: Which word did it print?\n",
        "    task: Which word did it print?\n    untested: [{field: 'check[0]', why: There is no check.}]\n",
        "untested", "steps[1].untested[0].field",
    ),
    "the first hint is the solution": (
        HINT, '    hints: ["docker run -d --name dl-cup @{image.busybox} sleep 60", ',
        "first-hint", "steps[0].hints[0]",
    ),
    "the first hint is nearly the solution": (
        HINT, '    hints: ["`docker run -d --name dl-cup IMAGE sleep 60`", ', "first-hint", "steps[0].hints[0]",
    ),
    "the first hint has it in a block": (
        HINT,
        '    hints: ["Like this:\\n\\n    docker run -d --name dl-cup @{image.busybox} sleep 60", ',
        "first-hint", "steps[0].hints[0]",
    ),
    "the first hint is another right way": (
        HINT, '    hints: ["`docker create --name dl-cup @{image.busybox} sleep 60`", ',
        "first-hint", "steps[0].hints[0]",
    ),
    "the first hint looks where looking is all": (
        "hints: [A log knows., ", 'hints: ["`docker logs dl-cup`", ', "first-hint", "steps[1].hints[0]",
    ),
    "the first hint execs where that is all": (
        ("    hints: [Which command makes one?, \"`docker run -d --name dl-cup @{image.busybox} sleep 60`\"]\n"
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60"),
        "    hints: [\"`docker exec dl-cup touch /a`\"]\n    solution: docker exec dl-cup touch /a",
        "first-hint", "steps[0].hints[0]",
    ),
    "the first hint holds the answer": (
        "hints: [A log knows., ", 'hints: ["It is Word @{token}.", ', "first-hint", "steps[1].hints[0]",
    ),
    "a solution with a plugin that is not needed": (
        "    solution: docker logs dl-cup\n",
        "    solution: |\n      cd pot\n      docker compose logs\n",
        "needs", "steps[1].solution",
    ),
    "a right way with a plugin that is not needed": (
        "        docker start dl-cup\n", "        docker buildx prune\n", "needs", "steps[0].accepts[0]",
    ),
    "an id that is a place": ("- id: pour", "- id: step-1", "stable-ids", "steps[0].id"),
    "an id that is a number": ("- id: pour", "- id: '1'", "stable-ids", "steps[0].id"),
    "two choices with one text": ("{text: Coffee,", "{text: 'tea ',", "choices", "steps[0].predict.choices[1].text"),
    "two wrong choices with one answer": (
        "say: Nobody made any of it.", "say: It was poured  before.", "choices", "steps[0].predict.choices[2].say",
    ),
    "a wrong choice without a reason": (
        "say: It stood there for long.", "say: Not quite.", "choices", "steps[2].question.choices[0].say",
    ),
    "a check of nothing but events": (
        "[{container: dl-cup, running: true, image: busybox}]", "[{event: pulled, image: busybox}]",
        "event-only", "steps[0].check",
    ),
    "a pattern without words": (
        "running: true, image: busybox}]", "running: true, logs: {contains: tea, not: {matches: '^cof+ee'}}}]",
        "means", "steps[0].check[0].logs.not.matches",
    ),
    "a mistake that is the goal": (
        MISTAKE, "        when: [{container: dl-cup, running: true, image: busybox, logs: none}]\n",
        "mistake-unseen", "steps[0].mistakes[0].when",
    ),
    "a mistake that is gone and there": (
        MISTAKE, "        when: [{container: dl-cup, absent: true}, {http: dl-cup:80}]\n",
        "mistake-unseen", "steps[0].mistakes[0].when",
    ),
    "a mistake that is gone and exited": (
        MISTAKE, "        when: [{container: dl-cup, absent: true, status: exited}]\n",
        "mistake-unseen", "steps[0].mistakes[0].when",
    ),
    "a mistake that another one covers": (
        "        when: [{container: dl-cups, running: true}]\n",
        "        when: [{container: dl-cup, status: exited, exit_code: 0}]\n",
        "mistake-unseen", "steps[0].mistakes[1].when",
    ),
    "a mistake about a name that nothing makes": (
        MISTAKE, "        when: [{container: dl-pucs, status: exited}]\n",
        "mistake-unseen", "steps[0].mistakes[0].when[0].container",
    ),
    "a mistake where nothing is checked": (
        "    solution: docker logs dl-cup\n",
        (
            "    solution: docker logs dl-cup\n    mistakes:\n"
            "      - {name: m, when: [{container: dl-cup, status: paused}], say: It is cold., try: docker ps}\n"
        ),
        "mistake-unseen", "steps[1].mistakes[0].when",
    ),
    "an image in a solution": (
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60",
        "    solution: docker run -d --name dl-cup redis:7 sleep 60", "images", "steps[0].solution",
    ),
    "an image in a right way": (
        "docker create --name dl-cup @{image.busybox} sleep 60", "docker create --name dl-cup redis:7 sleep 60",
        "images", "steps[0].accepts[0]",
    ),
    "an image in a build of a proof": (
        "run: docker run -d --name dl-try @{image.busybox} sleep 60",
        "run: printf 'FROM alpine:3\\nCMD [\"sleep\"]\\n' | docker build -t dl-try -",
        "images", "steps[0].predict.proof.run",
    ),
    "no tag in a solution": (
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60",
        "    solution: docker run -d --name dl-cup busybox sleep 60", "latest", "steps[0].solution",
    ),
    "a title that is too long": (
        "title: Pour it", f"title: {'Pour it ' * 9}", "width", "steps[0].title",
    ),
    "a picture that is too wide": ("    pot --> cup", f"    pot {'-' * 80} cup", "width", "concept.picture"),
    "a line of code that is too wide": (
        "          docker run IMAGE", f"          docker run {'--env A=b ' * 8}IMAGE", "width", "steps[0].learn",
    ),
    "a fenced line that is too wide": (
        SAY, f"        say: |\n          So:\n\n          ```\n          {'docker ' * 12}\n          ```\n",
        "width", "steps[0].mistakes[0].say",
    ),
    "a script that sh cannot read": (
        "    solution: docker logs dl-cup", "    solution: docker logs \"dl-cup", "script", "steps[1].solution",
    ),
    "a try that sh cannot read": (
        "try: docker run -d --name dl-cup @{image.busybox} true", "try: if docker run; then", "script",
        "steps[0].mistakes[0].try",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAYS_NO)
def test_it_says_no(tmp_path: Path, case: str) -> None:
    before, after, rule, path = SAYS_NO[case]
    told = found(tmp_path, (before, after))
    # The format has no events yet; that the loader objects too changes nothing.
    assert [pair for pair in told if pair[0] is not None] == [(rule, path)]


def test_a_step_without_a_mistake(tmp_path: Path) -> None:
    start = LESSON.index("    mistakes:\n")
    end = LESSON.index("  - id: word")
    assert found(tmp_path, (LESSON[start:end], "")) == [("mistakes", "steps[0]")]


SAYS_NOTHING: dict[str, tuple[str, str]] = {
    "something untested with its reason": (
        TASK, f"{TASK}    untested: [{{field: 'check[0].image', why: Nobody would use another.}}]\n",
    ),
    "a hint with part of the command": (HINT, '    hints: ["`docker run --help` lists its options.", '),
    "a hint that shows where to look": (
        ("    hints: [Which command makes one?, \"`docker run -d --name dl-cup @{image.busybox} sleep 60`\"]\n"
        "    solution: docker run"),
        ("    hints: [\"`docker inspect dl-cup` and `docker exec dl-cup ls /`\"]\n"
        "    solution: |\n      docker inspect dl-cup\n      docker exec dl-cup ls /\n      docker run"),
    ),
    "a plugin that is needed": (
        "    solution: docker logs dl-cup\n", "    needs: [compose]\n    solution: docker compose logs\n",
    ),
    "a plugin that is only spoken of": (
        "    solution: docker logs dl-cup\n", "    solution: docker logs dl-cup  # not docker compose logs\n",
    ),
    "words around a pattern": (
        "running: true, image: busybox}]",
        "running: true, logs: {contains: tea, not: {matches: '^cof+ee'}, means: tea and no coffee}}]",
    ),
    "a pattern in what a mistake looks like": (MISTAKE, MISTAKE.replace("exited}", "exited, logs: {matches: a+}}")),
    "a hint with two words of it": (HINT, '    hints: ["`docker run`", '),
    "an id with a number in it": ("- id: pour", "- id: pour-2-cups"),
    "an own image": (
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60",
        "    solution: docker run -d --name dl-cup dl-tea sleep 60",
    ),
    "the image in full": (
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60",
        "    solution: docker run -d --name dl-cup docker.io/library/busybox:1.36 sleep 60",
    ),
    "an image that the shell finds": (
        "    solution: docker run -d --name dl-cup @{image.busybox} sleep 60",
        "    solution: docker run -d --name dl-cup \"$(docker images -q busybox)\" sleep 60",
    ),
    "a stage of its own": (
        "run: docker run -d --name dl-try @{image.busybox} sleep 60",
        "run: printf 'FROM @{image.busybox} AS a\\nFROM a\\nFROM scratch\\n' | docker build -t dl-try -",
    ),
    "a wrong image in a mistake": (
        "try: docker run -d --name dl-cup @{image.busybox} true", "try: docker run -d --name dl-cup busybox true",
    ),
    "a wide line that is wrapped": (SAY, f"        say: {'It is over. ' * 20}\n"),
    "a mistake that asks for less than the goal": (
        MISTAKE, "        when: [{container: dl-cup, running: true, command: [sleep, '1']}]\n",
    ),
    "a mistake about something that is gone": (MISTAKE, "        when: [{container: dl-pot, absent: true}]\n"),
    "a mistake that goes on to another thing": (
        "        when: [{container: dl-cups, running: true}]\n",
        "        when: [{container: dl-cup, exit_code: 0}, {container: dl-cups, running: true}]\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAYS_NOTHING)
def test_it_says_nothing(tmp_path: Path, case: str) -> None:
    assert found(tmp_path, SAYS_NOTHING[case]) == []


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("Dockerfile", "FROM @{image.nginx}\nCOPY --from=build /a /a\n", []),
        ("Dockerfile", "FROM --platform=linux/amd64 alpine:3 AS build\nFROM build\n", [("images", "files/Dockerfile")]),
        ("Dockerfile.web", "FROM nginx\n", [("latest", "files/Dockerfile.web")]),
        ("compose.yaml", "services:\n  a:\n    image: redis:7\n", [("images", "files/compose.yaml")]),
        ("compose.yaml", 'services:\n  a:\n    image: "@{image.nginx}"\n  b:\n    image: dl-b\n', []),
        ("notes", "FROM alpine:3\n", []),
    ],
)
def test_images_in_what_is_given_to_the_learner(
    tmp_path: Path, file: str, text: str, told: list[tuple[str, str]]
) -> None:
    (tmp_path / "tea" / "files").mkdir(parents=True)
    (tmp_path / "tea" / "files" / file).write_text(text)
    assert found(tmp_path) == told


@pytest.mark.parametrize(("places", "told"), [((2, 2, 2), True), ((2, 1, 2), False), ((2, 2), False)])
def test_a_right_choice_that_stands_at_one_place_always(tmp_path: Path, places: tuple[int, ...], told: bool) -> None:
    """Those that are there stand at places 1 and 2."""
    steps = ""
    for name, right in zip("abc", places, strict=False):
        choices = ", ".join(
            f"{{text: T{place}, say: For this reason {place}, right: {str(place == right).lower()}}}"
            for place in (1, 2)
        )
        steps += f"  - {{id: {name}, title: T, question: {{ask: Which?, choices: [{choices}]}}}}\n"
    last = "        - {text: That one, right: true, say: Yes.}\n"
    assert found(tmp_path, (last, last + steps)) == ([("choices", "steps")] if told else [])


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", [("mistake-unseen", "steps[0].mistakes[0].when")]),
        (", exit_code: 0", [("mistake-unseen", "steps[0].mistakes[0].when")]),
        (", exit_code: 1", []),
        (", output: none", []),
    ],
)
def test_that_a_command_ends_with_0_goes_without_saying(
    tmp_path: Path, asked: str, told: list[tuple[str, str]]
) -> None:
    """A mistake in which the same command ends otherwise is one."""
    goal = ("[{container: dl-cup, running: true, image: busybox}]", "[{exec: dl-cup, command: [ls, /cup]}]")
    assert found(tmp_path, goal, (MISTAKE, f"        when: [{{exec: dl-cup, command: [ls, /cup]{asked}}}]\n")) == told


def test_a_pack_image_without_a_tag(tmp_path: Path) -> None:
    assert found(tmp_path, pack=('"nginx:1.27"', "nginx")) == [("latest", "images.nginx")]
    assert found(tmp_path, pack=('"nginx:1.27"', "{reference: nginx, why: w}")) == [("latest", "images.nginx")]
    assert found(tmp_path, pack=('"nginx:1.27"', '"nginx:latest"')) == []
    digest = '"nginx@sha256:' + "0" * 64 + '"'
    assert found(tmp_path, pack=('"nginx:1.27"', digest)) == []


def test_a_lesson_that_is_called_by_its_place(tmp_path: Path) -> None:
    (tmp_path / "lesson-2").mkdir()
    (tmp_path / "lesson-2" / "lesson.yaml").write_text(LESSON)
    assert found(tmp_path, pack=("[tea]", "[tea, lesson-2]")) == [("stable-ids", "lessons[1]")]


def test_rules_are_told_beside_what_does_not_fit_the_format(tmp_path: Path) -> None:
    told = found(tmp_path, ("minutes: 5", "minutes: soon"), ("- id: pour", "- id: step-1"))
    assert told == [(None, "minutes"), ("stable-ids", "steps[0].id")]


def test_an_id_that_an_earlier_version_had_must_stay(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier", tmp_path / "now"
    for folder in (earlier, now):
        folder.mkdir()
        found(folder)
    learner = Learner(tmp_path)
    learner("author", "lint", str(now), "--since", str(earlier), code=0)
    found(now, ("- id: word", "- id: find-it"))
    told = learner("author", "lint", str(now), "--since", str(earlier), "--json", code=2).json["problems"]
    assert [(problem["rule"], problem["message"]) for problem in told] == [
        ("stable-ids", "the step word of the earlier version is gone")
    ]
    (earlier / "pack.yaml").write_text(PACK.replace("[tea]", "[coffee, tea]"))
    told = learner("author", "lint", str(now), "--since", str(earlier), "--json", code=2).json["problems"]
    assert "the lesson coffee of the earlier version is gone" in {problem["message"] for problem in told}
    learner("author", "lint", str(now), "--since", str(tmp_path / "nowhere"), code=2)


def test_whatever_a_lesson_holds_lint_says_what_is_wrong(tmp_path: Path) -> None:
    """Characters that mean something to YAML, sh, docker or us, put where they do not belong."""
    import random

    rng = random.Random(1)
    pieces = [
        "'",
        '"',
        "{",
        "}",
        "[",
        "]",
        ":",
        "- ",
        "\n",
        "\t",
        "@{",
        "`",
        "$(",
        "\\",
        "<<EOF",
        "\x00",
        "é",
        "FROM ",
        "  ",
    ]
    found(tmp_path)
    file = tmp_path / "tea" / "lesson.yaml"
    for _ in range(150):
        text = LESSON
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice(pieces) + text[at + rng.choice([0, 0, 1, 20]) :]
        file.write_text(text)
        for problem in lint(Target(tmp_path)).problems:
            assert problem.line >= 1
            assert problem.message


def test_where_a_problem_stands(tmp_path: Path) -> None:
    found(tmp_path, (HINT, '    hints: ["docker run -d --name dl-cup @{image.busybox} sleep 60", '))
    (problem,) = lint(Target(tmp_path)).problems
    line = (tmp_path / "tea" / "lesson.yaml").read_text().splitlines()[problem.line - 1]
    assert line[problem.column - 1 :].startswith('"docker run -d')
    assert problem.file.endswith("tea/lesson.yaml")
