"""What a dockerd changes in the kernel's packet filter, and how to take exactly that away again.

A dockerd that ends leaves its chains and rules behind. They cannot be undone by loading what was saved before it
started: somebody else may have added rules since. So the rules it caused are told from the others by what they name:
a chain of Docker's, one of its bridges, an address on such a bridge.

The pure part works on the text of ``iptables-save``.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

FAMILIES = ("iptables", "ip6tables")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# A user-defined network's bridge is named after the first twelve digits of the network's id.
DOCKER_BRIDGE = re.compile(r"br-[0-9a-f]{12}|docker_gwbridge")
_DEFAULT_BRIDGE = frozenset({"docker0"})


class Chain(msgspec.Struct):
    """A chain: its policy (``-`` for a user's) and its rules, as ``iptables-save`` writes them without ``-A NAME``."""

    policy: str
    rules: list[str]


Tables = dict[str, dict[str, Chain]]


def parse(text: str) -> Tables:
    """Read what ``iptables-save`` printed; counters and comments are dropped."""
    tables: Tables = {}
    chains: dict[str, Chain] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            chains = tables.setdefault(line[1:].strip(), {})
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            chains[name] = Chain(policy, [])
        elif line.startswith("-A "):
            name, _, rule = line[3:].partition(" ")
            chains.setdefault(name, Chain("-", [])).rules.append(rule)
    return tables


def render(tables: Tables) -> str:
    """Write tables as ``iptables-restore`` reads them."""
    lines: list[str] = []
    for table, chains in tables.items():
        lines.append(f"*{table}")
        lines += [f":{name} {chain.policy} [0:0]" for name, chain in chains.items()]
        lines += [f"-A {name} {rule}" for name, chain in chains.items() for rule in chain.rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n" if lines else ""


def significant(text: str) -> Tables:
    """The tables of a save that do something: an empty table that accepts everything is as good as none.

    The kernel keeps a table once it was used, so a restored state can show empty tables that were not there before.
    """
    return {
        table: chains
        for table, chains in parse(text).items()
        if any(chain.rules or chain.policy != "ACCEPT" for chain in chains.values())
    }


def restored(before: str, now: str, bridges: Iterable[str], *, policy: bool) -> Tables:
    """What the tables must be so that a dockerd with these ``bridges`` was never there.

    Rules of Docker's that stood there ``before`` come back if it removed them; other people's changes since then stay.
    ``policy``: also give the FORWARD chain its old policy back (dockerd makes it DROP when it turns forwarding on).
    """
    old, new = parse(before), parse(now)
    mine = frozenset(bridges)
    subnets, old_subnets = _subnets(new, mine), _subnets(old, _DEFAULT_BRIDGE)

    def docker_had(chain: str, rule: str) -> bool:
        return _is_docker_chain(chain) or _caused(rule, _DEFAULT_BRIDGE, old_subnets)

    result: Tables = {}
    for table in {**new, **old}:
        chains: dict[str, Chain] = {}
        for name in {**new.get(table, {}), **old.get(table, {})}:
            was, chain = old.get(table, {}).get(name), new.get(table, {}).get(name)
            if chain is None:
                if was is not None and _is_docker_chain(name):
                    chains[name] = was
                continue
            if was is None and _is_docker_chain(name):
                continue
            known = Counter(was.rules if was else ())
            kept = []
            for rule in chain.rules:
                if known[rule] > 0:
                    known[rule] -= 1
                    kept.append(rule)
                elif not (_is_docker_chain(name) or _caused(rule, mine, subnets)):
                    kept.append(rule)
            if was is not None and known.total() and all(docker_had(name, rule) for rule in known.elements()):
                others = [rule for rule in was.rules if not docker_had(name, rule)]
                if others == [rule for rule in kept if not docker_had(name, rule)]:
                    kept = list(was.rules)
            accept = policy and name == "FORWARD" and chain.policy == "DROP"
            chains[name] = Chain((was.policy if was else "ACCEPT") if accept else chain.policy, kept)
        if chains:
            result[table] = chains
    return result


def _is_docker_chain(name: str) -> bool:
    return name == "DOCKER" or name.startswith("DOCKER-")


def _after(words: list[str], *options: str) -> list[str]:
    return [words[index + 1] for index, word in enumerate(words[:-1]) if word in options]


def _names_bridge(words: list[str], bridges: frozenset[str]) -> bool:
    return any(name in bridges or DOCKER_BRIDGE.fullmatch(name) for name in _after(words, "-i", "-o"))


_Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def _subnets(tables: Tables, bridges: frozenset[str]) -> list[_Net]:
    """The address ranges behind the bridges, from the rules that give them a way out."""
    return [
        ipaddress.ip_network(source, strict=False)
        for chain in tables.get("nat", {}).values()
        for rule in chain.rules
        if (words := rule.split()) and "MASQUERADE" in words and _names_bridge(words, bridges)
        for source in _after(words, "-s")
    ]


def _caused(rule: str, bridges: frozenset[str], subnets: list[_Net]) -> bool:
    words = rule.split()
    if any(_is_docker_chain(target) for target in _after(words, "-j", "-g")) or _names_bridge(words, bridges):
        return True
    for address in _after(words, "-s", "-d"):
        net = ipaddress.ip_network(address, strict=False)
        if any(net.version == subnet.version and net.subnet_of(subnet) for subnet in subnets):  # type: ignore[arg-type]
            return True
    return False


def save() -> dict[str, str]:
    """The packet filter of this network namespace as text by family; a family that cannot be had is left out."""
    saved = {}
    for family in FAMILIES:
        program = shutil.which(f"{family}-save", path=_PATH)
        if program is None:
            continue
        done = subprocess.run([program], capture_output=True, text=True, check=False, timeout=30)
        if done.returncode == 0:
            saved[family] = done.stdout
    return saved


def restore(before: Mapping[str, str], bridges: Iterable[str], *, policy: bool) -> str | None:
    """Take away what a dockerd with these bridges caused since ``before``; returns what went wrong, if anything."""
    bridges = tuple(bridges)
    for family, now in save().items():
        wanted = restored(before.get(family, ""), now, bridges, policy=policy)
        if wanted == parse(now):
            continue
        program = shutil.which(f"{family}-restore", path=_PATH)
        if program is None:
            return f"{family}-restore is not there"
        done = subprocess.run(
            [program, "-w", "10"], input=render(wanted), capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            return done.stderr.strip()
    return None
