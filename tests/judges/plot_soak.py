#!/usr/bin/env python3
"""Draws the table of a simulated year (tests/soak) as an SVG. Standard library only: plot_soak.py TABLE.csv OUT.svg"""

import csv
import sys
from html import escape

WIDTH, PANEL, GAP, LEFT, RIGHT, TOP = 920, 150, 46, 70, 150, 58
KIB_A_MIB = 1024
COLOURS = ["#1b5e9b", "#c0521b", "#2c7a3f"]
# Title with its unit; columns, their labels and what they are divided by.
PANELS = [
    ("Memory of the supervisor, MiB", [("rss_kib", "RSS", KIB_A_MIB), ("pss_kib", "PSS", KIB_A_MIB)]),
    ("Count", [("descriptors", "file descriptors", 1), ("threads", "threads", 1)]),
    ("On disk, MiB", [("state_kib", "state folder", KIB_A_MIB), ("out_kib", "clinic's files", KIB_A_MIB), ("journal_kib", "journal", KIB_A_MIB)]),
    ("Studies", [("sent", "arrived", 1), ("reported", "report received", 1)]),
]


def nice_step(top):
    for step in (m * 10**e for e in range(-2, 7) for m in (1, 2, 5)):
        if top / step <= 5:
            return step
    return top


def text(x, y, content, size=12, anchor="start", colour="#333", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(content)}</text>')


def label_places(wanted):
    """Heights for labels that would overlap: each at least 14 below the one above."""
    placed, last = {}, -1e9
    for y, name in sorted(wanted):
        last = max(y, last + 14)
        placed[name] = last
    return placed


def panel(rows, title, columns, top, days):
    x = lambda day: LEFT + day / days * (WIDTH - LEFT - RIGHT)
    highest = max(float(r[c]) / by for r in rows for c, _, by in columns) * 1.08 or 1
    y = lambda value: top + PANEL - value / highest * PANEL
    out = [text(LEFT, top - 8, title, 13, weight="bold")]
    begun = None
    for row in [*rows, None]:
        down = row is not None and row["broker_up"] == "0"
        if down and begun is None:
            begun = float(row["day"])
        if not down and begun is not None:
            end = float(row["day"]) if row else days
            out.append(f'<rect x="{x(begun):.1f}" y="{top}" width="{max(x(end) - x(begun), 1):.1f}" height="{PANEL}" fill="#f0e6e0"/>')
            begun = None
    step = nice_step(highest)
    for n in range(int(highest / step) + 1):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(n * step):.1f}" y2="{y(n * step):.1f}" stroke="#ddd"/>')
        out.append(text(LEFT - 8, y(n * step) + 4, f"{n * step:g}", anchor="end"))
    for day in range(0, int(days) + 1, 30):
        out.append(f'<line x1="{x(day):.1f}" x2="{x(day):.1f}" y1="{top + PANEL}" y2="{top + PANEL + 4}" stroke="#666"/>')
        out.append(text(x(day), top + PANEL + 18, str(day), anchor="middle", size=11))
    out.append(f'<path d="M{LEFT} {top}V{top + PANEL}H{WIDTH - RIGHT}" fill="none" stroke="#666"/>')
    places = label_places([(y(float(rows[-1][c]) / by) + 4, label) for c, label, by in columns])
    for (column, label, by), colour in zip(columns, COLOURS):
        points = " ".join(f'{x(float(r["day"])):.1f},{y(float(r[column]) / by):.1f}' for r in rows)
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        out.append(text(WIDTH - RIGHT + 8, places[label], label, colour=colour))
    return out


def main():
    table, target = sys.argv[1:]
    with open(table) as lines:
        title = next(lines).lstrip("# ").strip()
        rows = list(csv.DictReader(lines))
    days, height = 365, TOP + len(PANELS) * (PANEL + GAP) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           text(LEFT, 24, title, 14, weight="bold")]
    for number, (name, columns) in enumerate(PANELS):
        out += panel(rows, name, columns, TOP + number * (PANEL + GAP), days)
    out.append(text((LEFT + WIDTH - RIGHT) / 2, height - 8, "day of the simulated year (shaded: no broker)", anchor="middle"))
    out.append("</svg>")
    with open(target, "w") as svg:
        svg.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
