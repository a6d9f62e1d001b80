"""A stand-in for ``hello-world``: one static program that prints a greeting and ends; no compiler is needed for it.

The contract, which is what lessons may rely on and what the tests hold it to:

- the command is ``/hello``, there is no entrypoint, no variable, no user; it takes no arguments;
- it prints a text whose first line is "Hello from Docker!" on standard output, and ends with 0;
- there is nothing else in the image: no shell, no other file, one layer, a few kilobytes.

Not in the contract: the rest of the text. Made for the processors of ``MACHINES`` only.
"""

from __future__ import annotations

import platform
import struct
from collections.abc import Sequence
from pathlib import Path

from dockerlearn.engine.standins import store
from dockerlearn.engine.standins.store import Layer, StandIn
from dockerlearn.engine.standins.tree import Tree
from dockerlearn.errors import PracticeFailed

REPOSITORY = "library/hello-world"
TAGS = ("latest",)
MACHINES = {"x86_64": 62, "aarch64": 183}
"""Processors as ``uname -m`` names them, with the numbers that ELF has for them."""

_ADDRESS = 0x400000  # where the kernel puts the file in memory
_HEADERS = 64 + 56  # the bytes of the file's header and of its one program header
_PAGE = 0x10000  # the largest page size of these processors


def build(folder: Path, *, machine: str | None = None, tags: Sequence[str] = TAGS) -> StandIn:
    """Make the image in the store at ``folder``. Raises ``PracticeFailed`` on other processors."""
    tree = Tree()
    tree.file("hello", program(GREETING.encode(), machine or platform.machine()), 0o755)
    layer = Layer(tree.layer(), "stand-in for hello-world")
    return store.write(folder, REPOSITORY, tags, [layer], {"Cmd": ["/hello"]})


def program(text: bytes, machine: str) -> bytes:
    """Return an ELF program that writes ``text`` (at most 4096 bytes, which a pipe takes at once) and ends with 0."""
    if machine not in MACHINES:
        raise PracticeFailed(f"There is no stand-in of hello-world for the processor {machine}.")
    code = _x86_64(len(text)) if machine == "x86_64" else _aarch64(len(text))
    size = _HEADERS + len(code) + len(text)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",  # 64 bits, little-endian, version 1
        2, MACHINES[machine], 1,  # a program at fixed addresses
        _ADDRESS + _HEADERS,  # its first instruction
        64, 0, 0, 64, 56, 1, 64, 0, 0,  # one program header, after 64 bytes; no sections
    )  # fmt: skip
    # Load the whole file, readable and executable (5).
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _ADDRESS, _ADDRESS, size, size, _PAGE)
    return header + segment + code + text


def _x86_64(length: int) -> bytes:
    ending = bytes.fromhex("0f05 b83c000000 31ff 0f05")  # syscall; eax = 60, exit; edi = 0; syscall
    return b"".join(
        (
            bytes.fromhex("b801000000 bf01000000"),  # eax = 1, write; edi = 1, standard output
            bytes.fromhex("488d35") + struct.pack("<I", 5 + len(ending)),  # rsi = the text, which follows the code
            b"\xba" + struct.pack("<I", length),  # edx = its length
            ending,
        )
    )


def _aarch64(length: int) -> bytes:
    def put(register: int, value: int) -> int:
        return 0xD2800000 | value << 5 | register

    call = 0xD4000001
    # From the second instruction to the text, which follows the eighth: seven instructions of four bytes.
    address = 0x10000000 | (7 * 4 >> 2) << 5 | 1
    write = (put(0, 1), address, put(2, length), put(8, 64), call)
    return struct.pack("<8I", *write, put(0, 0), put(8, 93), call)


GREETING = """\
Hello from Docker!
You see this because the whole way works:

 1. The docker client asked the engine for a container of the image hello-world.
 2. The engine had no such image, so it pulled it from the registry.
 3. The engine made a container of it and started the one program inside.
 4. The program wrote these lines; the engine passed them to the client, and the client to your terminal.

The program has ended, and so has its container. See it with:
 docker ps -a

(This image is a stand-in that dockerlearn made on this machine.)
"""
