# SPDX-License-Identifier: Apache-2.0
"""plot.py - charts as SVG, for a light page and for a dark one."""

import math
from xml.sax.saxutils import escape

STYLE = """
.back{fill:#fcfcfb}.grid{stroke:#e1e0d9}.axis{stroke:#8a8983}
.one{stroke:#52514e;stroke-dasharray:4 3}.ring{stroke:#fcfcfb}
text{font:13px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#0b0b0b}
.soft{fill:#52514e;font-size:12px}.head{font-size:15px;font-weight:600}
.value{paint-order:stroke;stroke:#fcfcfb;stroke-width:4px}
.mark{stroke:#0b0b0b}.dot{fill:#0b0b0b}
.c0{fill:#2a78d6}.c1{fill:#c8501e}.c2{fill:#12855c}.c3{fill:#8a4fc4}
.l0{stroke:#2a78d6}.l1{stroke:#c8501e}.l2{stroke:#12855c}.l3{stroke:#8a4fc4}
@media(prefers-color-scheme:dark){
.back{fill:#1a1a19}.grid{stroke:#2f2f2c}.axis{stroke:#8a8983}
.one{stroke:#c3c2b7}.ring{stroke:#1a1a19}
text{fill:#ffffff}.value{stroke:#1a1a19}
.soft{fill:#c3c2b7}.mark{stroke:#ffffff}.dot{fill:#ffffff}
.c0{fill:#5b9ff0}.c1{fill:#f0834f}.c2{fill:#3cc08d}.c3{fill:#b98aea}
.l0{stroke:#5b9ff0}.l1{stroke:#f0834f}.l2{stroke:#3cc08d}.l3{stroke:#b98aea}}
"""


class Svg:
    def __init__(self, width, height, title):
        self.size = (width, height)
        self.title = title
        self.out = [f'<rect class="back" width="{width}" height="{height}"'
                    ' rx="6"/>']
        self.text(20, 28, title, "head")

    def text(self, x, y, what, kind="", anchor="start"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" '
                        f'text-anchor="{anchor}">{escape(what)}</text>')

    def line(self, x1, y1, x2, y2, kind, width=1):
        self.out.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'class="{kind}" stroke-width="{width}"/>')

    def path(self, points, kind):
        d = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.out.append(f'<polyline points="{d}" class="{kind}" fill="none" '
                        'stroke-width="2" stroke-linejoin="round"/>')

    def dot(self, x, y, kind, radius=4.5, said=""):
        self.out.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" '
            f'class="{kind} ring" stroke-width="1.5">'
            f'<title>{escape(said)}</title></circle>')

    def bar(self, x, y, width, height, kind):
        self.out.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                        f'height="{height}" class="{kind}" rx="2"/>')

    def save(self, path):
        width, height = self.size
        body = "\n".join(self.out)
        with open(path, "w", encoding="utf-8") as f:
            f.write('<svg xmlns="http://www.w3.org/2000/svg" '
                    f'viewBox="0 0 {width} {height}" width="{width}" '
                    f'height="{height}" role="img">\n'
                    f"<title>{escape(self.title)}</title>\n"
                    f"<style>{STYLE}</style>\n{body}\n</svg>\n")


def short(value):
    return f"{value:.3f}" if value < 0.095 else f"{value:.2f}"


def bars(path, title, note, rows):
    """rows: (work, peer, ratio, [each repository's], target or None)."""
    left, right, top, step = 300, 60, 64, 38
    width = 800
    height = top + step * len(rows) + 46
    svg = Svg(width, height, title)
    svg.text(20, 47, note, "soft")
    most = max([2.6] + [max(each) for *_, each, _ in rows])
    scale = (width - left - right) / most

    bottom = top + step * len(rows)
    for tick in range(0, int(most * 2) + 1):
        at = left + tick / 2 * scale
        svg.line(at, top, at, bottom, "grid")
        svg.text(at, bottom + 18, f"{tick / 2:g}", "soft", "middle")
    svg.line(left + scale, top - 4, left + scale, bottom, "one", 1.5)
    for n, (work, peer, ratio, each, target) in enumerate(rows):
        y = top + n * step + 7
        svg.text(20, y + 10, work)
        svg.text(20, y + 25, peer, "soft")
        svg.bar(left, y + 4, max(ratio * scale, 1), 16, "c0")
        for one in each if len(each) > 1 else []:
            svg.dot(left + one * scale, y + 12, "dot", 3, short(one))
        end = max([ratio] + (each if len(each) > 1 else []))
        if target is not None:
            at = left + target * scale
            svg.line(at, y - 2, at, y + 26, "mark", 2.5)
            if abs(target - end) * scale < 48 and target >= end:
                end = target
        svg.text(left + end * scale + 8, y + 17, short(ratio), "value")
    svg.text(left + scale, bottom + 36, "1.0: as much as the peer", "soft",
             "middle")
    svg.save(path)


def decades(low, high, fine):
    """Ticks of a logarithmic axis: powers of ten, and 2 and 5 if `fine`."""
    out = []
    for exp in range(math.floor(math.log10(low)),
                     math.ceil(math.log10(high)) + 1):
        out += [m * 10.0 ** exp for m in ((1, 2, 5) if fine else (1,))]
    return [t for t in out if low * 0.999 <= t <= high * 1.001]


def log_axis(values):
    low, high = min(values), max(values)
    low, high = low / 1.25, high * 1.25
    ticks = decades(low, high, high / low < 30)
    return low, high, ticks, math.log10


def flat_axis(values):
    high = max(values) * 1.15
    step = 10 ** math.floor(math.log10(high / 2))
    step *= next(m for m in (1, 2, 5, 10) if high / (step * m) <= 6)
    ticks = [n * step for n in range(int(high / step) + 1)]
    return 0, high, ticks, float


def spread_out(places, least):
    """Moves labels apart, order kept."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for a, b in zip(order, order[1:]):
        moved[b] = max(moved[b], moved[a] + least)
    return moved


def chart(path, title, x_name, y_name, series, form, log_y=True, joined=True):
    """series: (name, [(x, y, what the point is)]); form(axis, value)."""
    width, height, left, right, top, below = 800, 420, 74, 190, 62, 56
    svg = Svg(width, height, title)
    points = [p for _, line in series for p in line]
    axes = (log_axis([x for x, *_ in points]),
            (log_axis if log_y else flat_axis)([y for _, y, _ in points]))
    ends = ((left, width - right), (height - below, top))

    def at(axis, value):
        low, high, _, of = axes[axis]
        start, end = ends[axis]
        return start + (of(value) - of(low or 1) if of is math.log10
                        else value - low) / (
            of(high) - of(low) if of is math.log10 else high - low) * (
            end - start)

    for tick in axes[1][2]:
        svg.line(left, at(1, tick), width - right, at(1, tick), "grid")
        svg.text(left - 8, at(1, tick) + 4, form(1, tick), "soft", "end")
    for tick in axes[0][2]:
        svg.line(at(0, tick), height - below, at(0, tick),
                 height - below + 5, "axis")
        svg.text(at(0, tick), height - below + 20, form(0, tick), "soft",
                 "middle")
    svg.line(left, height - below, width - right, height - below, "axis")
    svg.text(20, 48, y_name, "soft")
    svg.text((left + width - right) / 2, height - 14, x_name, "soft",
             "middle")
    lasts = []
    for n, (_, line) in enumerate(series):
        placed = [(at(0, x), at(1, y)) for x, y, _ in line]
        if joined:
            svg.path(placed, f"l{n}")
        for (x, y), (_, value, what) in zip(placed, line):
            svg.dot(x, y, f"c{n}", said=f"{what}: {form(1, value)}")
        lasts.append(placed[-1][1])
    for n, y in enumerate(spread_out(lasts, 18)):
        svg.dot(width - right + 22, y, f"c{n}")
        svg.text(width - right + 32, y + 4, series[n][0])
    svg.save(path)
