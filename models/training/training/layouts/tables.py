"""Tables as they come: CSV whose heading is checked, a bad row named by its line."""

import csv

from ..problems import Problem

ROWS_MAX = 5_000_000


def rows(path, needed):
    """(line, row) of each row of a CSV; columns are known by their names without regard to case and spaces."""
    if not path.is_file():
        raise Problem(f"{path} is missing: the layout has it")
    with open(path, newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        named = {plain(name): name for name in table.fieldnames or []}
        missing = [name for name in needed if plain(name) not in named]
        if missing:
            raise Problem(f"{path}: no column {missing[0]!r} among {', '.join(table.fieldnames or ['(nothing)'])}")
        for line, row in enumerate(table, 2):
            if line > ROWS_MAX:
                raise Problem(f"{path}: more than {ROWS_MAX} rows")
            yield line, {plain(k): (v or "").strip() for k, v in row.items() if isinstance(k, str) and not isinstance(v, list)}


def plain(name):
    return " ".join((name or "").lower().split())


def whole(text):
    """A whole number, also as `3.0`; None where it is none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return int(value) if value == int(value) else None
