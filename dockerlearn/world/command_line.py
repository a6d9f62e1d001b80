"""A typed line, cut into commands and words as a shell cuts it, each with its place in the line.

Only what is needed to say what was meant: nothing is expanded and nothing is run. What a shell would expand
(``$HOME``, ``$(…)``, ``*``) stays in the word as it was typed.
"""

from __future__ import annotations

import msgspec

LONGEST = 4096
"""Characters of a line that are looked at; a longer one is a script that was pasted, and is not advised on."""


class Word(msgspec.Struct, frozen=True):
    """A word without its quotes, where it stands in the line, and whether any of it was quoted.

    ``bare`` is what of it stood outside single quotes, where a shell expands ``$NAME``.
    """

    text: str
    start: int
    end: int
    quoted: bool = False
    bare: str = ""


class Command(msgspec.Struct, frozen=True):
    """A command of the line: its words, and the operator (``&&``, ``|``, ``;``, …) that follows it, or nothing.

    ``redirects`` are the words after ``>``, ``>>`` and ``<``.
    """

    words: tuple[Word, ...]
    operator: str = ""
    redirects: tuple[tuple[str, Word], ...] = ()


class Line(msgspec.Struct, frozen=True):
    """A typed line. ``open_quote`` is the quote that is not closed, and where it begins; ``commands`` end before it."""

    text: str
    commands: tuple[Command, ...] = ()
    open_quote: tuple[str, int] | None = None

    def of(self, command: Command) -> str:
        """The text of one command, redirections included.

        >>> line = read("docker ps && docker rm  dl-web")
        >>> line.of(line.commands[1])
        'docker rm  dl-web'
        """
        ends = [word.end for word in command.words] + [word.end for _, word in command.redirects]
        return self.text[command.words[0].start : max(ends)]

    def changed(self, command: Command, *edits: tuple[int, int, str]) -> str:
        """Return the text of one command with pieces replaced: where each begins and ends in the line, and by what.

        What is replaced by nothing takes the space before it with it.
        """
        begin = command.words[0].start
        text = self.of(command)
        for start, end, new in sorted(edits, reverse=True):
            before = text[: start - begin]
            text = (before if new else before.rstrip()) + new + text[end - begin :]
        return text


_OPERATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "\n", "(", ")")
_REDIRECTS = (">>", ">|", ">&", "<<", ">", "<")


def read(text: str) -> Line:
    """Cut a line into commands and words.

    >>> [word.text for word in read("docker run -d --name 'dl web' img").commands[0].words]
    ['docker', 'run', '-d', '--name', 'dl web', 'img']
    """
    return _Reader(text[: LONGEST + 1]).read() if len(text) <= LONGEST else Line(text)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.commands: list[Command] = []
        self.words: list[Word] = []
        self.redirects: list[tuple[str, Word]] = []
        self.redirect = ""

    def read(self) -> Line:
        text = self.text
        while self.at < len(text):
            here = text[self.at]
            if here in " \t\r":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif here == "#":
                self.at = (text.find("\n", self.at) + 1 or len(text) + 1) - 1
            elif operator := next((one for one in _OPERATORS if text.startswith(one, self.at)), ""):
                self.at += len(operator)
                self._end(operator)
            elif redirect := next((one for one in _REDIRECTS if text.startswith(one, self.at)), ""):
                self.at += len(redirect)
                self.redirect = redirect
            else:
                try:
                    word = self._word()
                except _Open as left:
                    return Line(text, tuple(self.commands), (left.quote, left.at))
                if word.text.isdigit() and text[self.at : self.at + 1] in {">", "<"} and not word.quoted:
                    continue  # the number of a stream, as in 2>
                if self.redirect:
                    self.redirects.append((self.redirect, word))
                    self.redirect = ""
                else:
                    self.words.append(word)
        self._end("")
        return Line(text, tuple(self.commands))

    def _end(self, operator: str) -> None:
        if self.words:
            self.commands.append(Command(tuple(self.words), operator, tuple(self.redirects)))
        self.words, self.redirects, self.redirect = [], [], ""

    def _word(self) -> Word:
        text, start = self.text, self.at
        kept: list[str] = []
        bare: list[str] = []
        quoted = False
        while self.at < len(text):
            here = text[self.at]
            if here in " \t\r\n;|&<>()":
                break
            if here == "\\":
                kept.append(text[self.at + 1 : self.at + 2].strip("\n"))  # a line that goes on
                self.at += 2
            elif here == "'":
                quoted = True
                end = self._closing("'", self.at)
                kept.append(text[self.at + 1 : end])
                self.at = end + 1
            elif here == '"':
                quoted = True
                end = self._closing('"', self.at)
                inner = text[self.at + 1 : end]
                kept.append(inner.replace('\\"', '"').replace("\\$", "$"))
                bare.append(inner.replace("\\$", ""))
                self.at = end + 1
            elif text.startswith("$(", self.at):
                end = self._substituted(self.at)
                kept.append(text[self.at : end])
                bare.append(text[self.at : end])
                self.at = end
            else:
                kept.append(here)
                bare.append(here)
                self.at += 1
        return Word("".join(kept), start, min(self.at, len(text)), quoted, "".join(bare))

    def _closing(self, quote: str, start: int) -> int:
        at = start + 1
        while at < len(self.text):
            if self.text[at] == "\\" and quote == '"':
                at += 1
            elif self.text[at] == quote:
                return at
            at += 1
        raise _Open(quote, start)

    def _substituted(self, start: int) -> int:
        depth, at = 0, start + 1
        while at < len(self.text):
            here = self.text[at]
            if here in "'\"":
                at = self._closing(here, at)
            depth += {"(": 1, ")": -1}.get(here, 0)
            at += 1
            if depth == 0:
                return at
        raise _Open("$(", start)


class _Open(Exception):  # a way out of the reader
    def __init__(self, quote: str, at: int) -> None:
        super().__init__(quote)
        self.quote = quote
        self.at = at
