"""Draws the picture of an engine as text: containers in their networks, ports, volumes, images with shared layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dockerlearn.text import cells, one_line
from dockerlearn.ui.style import Style
from dockerlearn.world.picture import Change, Container, Image, Kind, Picture, compare, with_gone

_MARKS: Mapping[Change, tuple[str, str]] = {
    "new": ("← new", "good"),
    "gone": ("← gone", "bad"),
    "changed": ("← changed", "bold"),
}


def map_lines(now: Picture, style: Style, before: Picture | None = None) -> list[str]:
    """Return the picture in at most ``style.width`` columns, with what is different from ``before`` marked."""
    drawing = _Drawing(with_gone(before, now), compare(before, now), style)
    return [style.symbols(line) for line in drawing.lines()]


class _Drawing:
    def __init__(self, picture: Picture, changes: Mapping[tuple[Kind, str], Change], style: Style) -> None:
        self.picture = picture
        self.changes = changes
        self.style = style
        self.told: set[str] = set()

    def lines(self) -> Iterator[str]:
        picture = self.picture
        if not (picture.containers or picture.images or picture.networks or picture.volumes):
            yield "Nothing of the course's is on this engine."
        for network in picture.networks:
            kind = f"network, {network.driver}{', internal' if network.internal else ''}"
            yield self._marked(f"{one_line(network.name)}  ({kind})", "network", network.id, head=True)
            members = [one for one in picture.containers if any(place.network == network.name for place in one.places)]
            yield from self._containers(members, network.name)
        loose = [one for one in picture.containers if one.id not in self.told]
        gone = [one for one in loose if self.changes.get(("container", one.id)) == "gone"]
        for heading, some in (("on no network", [one for one in loose if one not in gone]), ("removed", gone)):
            if some:
                yield self.style.paint("bold", heading)
                yield from self._containers(some, "")
        yield from self._volumes()
        yield from self._images()
        yield from self._foreign()

    def _containers(self, members: list[Container], network: str) -> Iterator[str]:
        width = max((cells(one_line(one.name)) for one in members), default=0)
        for place, one in enumerate(members):
            last = place == len(members) - 1
            here = next((spot for spot in one.places if spot.network == network), None)
            address = f"  {here.ip}" if here is not None and here.ip else ""
            names = f"  as {', '.join(map(one_line, here.names))}" if here is not None and here.names else ""
            name = one_line(one.name).ljust(width)
            is_gone = self.changes.get(("container", one.id)) == "gone"
            if is_gone:
                text = name.rstrip()  # what it was like is past
            elif one.id in self.told:
                text = f"{name}  (see above){address}{names}"
            else:
                text = f"{name}  {one.state}  {one_line(one.image)}{address}{names}"
            yield self._marked(f"{'└─' if last else '├─'} {text}", "container", one.id)
            if not is_gone and one.id not in self.told:
                yield from self._details(one, "   " if last else "│  ")
            self.told.add(one.id)

    def _details(self, one: Container, stem: str) -> Iterator[str]:
        for port in one.ports:
            yield self._cut(f"{stem}   host port {port}")
        for mount in one.mounts:
            kind = {"bind": "folder", "volume": "volume"}.get(mount.kind, mount.kind)
            source = mount.source[:12] + "…" if kind == "volume" and len(mount.source) == 64 else mount.source
            way = f"{one_line(source)} → " if source else ""
            yield self._cut(f"{stem}   {kind} {way}{one_line(mount.target)}{' (read only)' if mount.read_only else ''}")

    def _volumes(self) -> Iterator[str]:
        volumes = self.picture.volumes
        if not volumes:
            return
        yield self.style.paint("bold", "volumes")
        for place, volume in enumerate(volumes):
            branch = "└─" if place == len(volumes) - 1 else "├─"
            name = f"{volume.name[:12]}… (unnamed)" if volume.anonymous else one_line(volume.name)
            users = f"  in {', '.join(map(one_line, volume.users))}" if volume.users else "  in no container"
            if self.changes.get(("volume", volume.name)) == "gone":
                users = ""
            yield self._marked(f"{branch} {name}{users}", "volume", volume.name)

    def _images(self) -> Iterator[str]:
        images = self.picture.images
        if not images:
            return
        yield self.style.paint("bold", "images")
        rows = [(name, image, place > 0) for image in images for place, name in enumerate(image.names or ("",))]
        width = max(cells(one_line(name)) for name, _, _ in rows)
        width = max(width, len("(no name)"))
        for place, (name, image, again) in enumerate(rows):
            branch = "└─" if place == len(rows) - 1 else "├─"
            shown = one_line(name or "(no name)").ljust(width)
            what = "same image" if again else f"{size_words(image.size)}  {self._layers(image)}"
            yield self._marked(f"{branch} {shown}  {image.id[7:19]}  {what}", "image", name or image.id)

    def _layers(self, image: Image) -> str:
        count = f"{len(image.layers)} layer{'' if len(image.layers) == 1 else 's'}"
        best, shared = "", 0
        for other in self.picture.images:
            if other.id == image.id or not other.names:
                continue
            common = _common(image.layers, other.layers)
            # Of two with the same lower layers, the one that has no others is the base.
            if common > shared and len(other.layers) <= len(image.layers):
                best, shared = other.names[0], common
        return f"{count}, {shared} shared with {one_line(best)}" if shared else count

    def _foreign(self) -> Iterator[str]:
        counted = [
            f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in self.picture.foreign.items() if count
        ]
        if counted:
            is_one = sum(self.picture.foreign.values()) == 1
            text = f"and {', '.join(counted)} that {'is' if is_one else 'are'} not the course's"
            yield self.style.paint("dim", self._cut(text))

    def _marked(self, text: str, kind: Kind, key: str, *, head: bool = False) -> str:
        change = self.changes.get((kind, key))
        mark, colour = _MARKS[change] if change else ("", "")
        shown = self._cut(text, len(mark) + 2 if mark else 0)
        if head:
            shown = self.style.paint("bold", shown)
        return f"{shown}  {self.style.paint(colour, mark)}" if mark else shown

    def _cut(self, text: str, less: int = 0) -> str:
        room = max(self.style.width - less, 20)
        return text if cells(text) <= room else text[: room - 1].rstrip() + "…"


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    count = 0
    for mine, theirs in zip(one, other, strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def size_words(count: int) -> str:
    """Return a size as docker prints it: decimal units.

    >>> size_words(2_040_000), size_words(812)
    ('2.0 MB', '812 B')
    """
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.1f} {unit}" if unit != "B" else f"{count} B"
        size /= 1000
    raise AssertionError


def map_svg(now: Picture, before: Picture | None = None, width: int = 100) -> str:
    """Return the picture as an SVG file: text in a monospaced font of the viewer's, nothing loaded from elsewhere."""
    from xml.sax.saxutils import escape

    lines = map_lines(now, Style(width=width), before)
    height, wide = 18, 8.4
    across = max(cells(line) for line in lines) * wide + 32
    rows = "\n".join(
        f'<text x="16" y="{28 + place * height}">{escape(line)}</text>' for place, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across:.0f}" height="{len(lines) * height + 28}">\n'
        "<style>text { font: 14px ui-monospace, Menlo, Consolas, monospace; white-space: pre; fill: #1f2328 }</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#f6f8fa"/>\n{rows}\n</svg>\n'
    )
