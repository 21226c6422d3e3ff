"""Plots as SVG text, without a library: lines over one axis, and stacked bars."""

from xml.sax.saxutils import escape

INKS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000", "#999999", "#882255", "#44aa99", "#117733"]
WIDTH, HEIGHT = 780, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 220, 40, 48
STEPS = (1, 2, 2.5, 5, 10)


def text(x, y, words, anchor="start", size=12):
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}">{escape(str(words))}</text>'


def ticks(most, count=5):
    """Round values from 0 to just above `most`."""
    raw = max(most, 1e-9) / count
    power = 10.0 ** int(f"{raw:e}".split("e")[1])
    step = next(s * power for s in STEPS if s * power >= raw)
    return [step * i for i in range(int(most / step) + 2)]


def page(title, x_title, y_title, body, legend):
    keys = "".join(
        f'<rect x="{WIDTH - RIGHT + 16}" y="{TOP + 18 * i}" width="12" height="12" fill="{INKS[i % len(INKS)]}"/>' + text(WIDTH - RIGHT + 34, TOP + 18 * i + 10, name)
        for i, name in enumerate(legend)
    )
    middle = (LEFT + WIDTH - RIGHT) / 2
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        + text(LEFT, 22, title, size=14) + text(middle, HEIGHT - 10, x_title, "middle") + text(LEFT - 44, TOP - 8, y_title) + "\n" + body + "\n" + keys + "\n</svg>\n"
    )


def axis(values, place, across):
    """Lines and numbers of the upright axis."""
    drawn = []
    for v in values:
        y = place(v)
        drawn.append(f'<line x1="{LEFT}" x2="{across:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>' + text(LEFT - 6, y + 4, f"{v:g}", "end"))
    return "".join(drawn)


def lines(title, x_title, y_title, series, logarithmic=False):
    """`series`: {name: [(x, y), …]}; `logarithmic` of x."""
    from math import log10

    scale = (lambda x: log10(max(x, 1))) if logarithmic else (lambda x: x)
    xs = sorted({x for points in series.values() for x, _ in points})
    steps = ticks(max(y for points in series.values() for _, y in points))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    low, high = (scale(xs[0]), scale(xs[-1])) if logarithmic else (0, xs[-1])
    at_x = lambda x: LEFT + (scale(x) - low) / max(high - low, 1e-9) * (right - LEFT)
    at_y = lambda y: bottom - y / steps[-1] * (bottom - TOP)
    body = axis(steps, at_y, right)
    for x in xs if len(xs) <= 12 else ticks(xs[-1])[:-1]:
        body += text(at_x(x), bottom + 16, f"{x:g}", "middle")
    for i, points in enumerate(series.values()):
        ink, path = INKS[i % len(INKS)], " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        body += f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="2"/>'
        if len(points) <= 12:
            body += "".join(f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3" fill="{ink}"/>' for x, y in points)
    return page(title, x_title, y_title, body, series)


def bars(title, x_title, y_title, columns):
    """Stacked: {column: {part: value}}."""
    parts = list(dict.fromkeys(part for column in columns.values() for part in column))
    steps = ticks(max(sum(column.values()) for column in columns.values()))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    at_y = lambda y: bottom - y / steps[-1] * (bottom - TOP)
    body = axis(steps, at_y, right)
    width = (right - LEFT) / len(columns)
    for k, (name, column) in enumerate(columns.items()):
        x, sum_ = LEFT + width * (k + 0.2), 0.0
        for i, part in enumerate(parts):
            value = column.get(part, 0.0)
            body += f'<rect x="{x:.1f}" y="{at_y(sum_ + value):.1f}" width="{width * 0.6:.1f}" height="{at_y(sum_) - at_y(sum_ + value):.1f}" fill="{INKS[i % len(INKS)]}"/>'
            sum_ += value
        body += text(x + width * 0.3, bottom + 16, name, "middle")
    return page(title, x_title, y_title, body, parts)
