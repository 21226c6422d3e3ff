#!/usr/bin/env python3
"""Are two reports (report.json, or `analyze --format json`) of one study the same reading, made by two machines?

same_reading.py A B: whatever is discrete is equal: structure, names, grades, codes, sets, counts, model hashes. Numbers
with a fraction agree within TOLERANCE, absolutely or relatively, because processors round sums differently. What differs
by what it is (times, keyed ids of the device) is left out. Prints the largest difference; ends with 1 where they differ.
"""

import json
import sys
from pathlib import Path

TOLERANCE = 1e-4
# Of the machine and the moment, not of the reading.
LEFT_OUT = {"report_id", "study_key", "accession_key", "produced_at", "clock_synced", "timings", "revision"}
DIFFERENCES_MAX = 20


def compare(a, b, path, found):
    """Adds (path, what) for each difference to `found`; returns the largest difference of two numbers in here."""
    if isinstance(a, dict) and isinstance(b, dict):
        keys = [k for k in sorted(a.keys() | b.keys()) if not (path == "" and k in LEFT_OUT)]
        absent = [k for k in keys if k not in a or k not in b]
        found += [(f"{path}.{k}", "in one of them alone") for k in absent]
        return max((compare(a[k], b[k], f"{path}.{k}", found) for k in keys if k not in absent), default=0.0)
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            found.append((path, f"{len(a)} and {len(b)} of them"))
            return 0.0
        return max((compare(x, y, f"{path}[{i}]", found) for i, (x, y) in enumerate(zip(a, b))), default=0.0)
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and float in (type(a), type(b)):
        difference = abs(a - b)
        if difference > TOLERANCE * max(1.0, abs(a), abs(b)):
            found.append((path, f"{a} and {b}"))
        return difference
    if type(a) is not type(b) or a != b:
        found.append((path, f"{a!r} and {b!r}"))
    return 0.0


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    a, b = (json.loads(Path(p).read_text()) for p in sys.argv[1:])
    found = []
    largest = compare(a, b, "", found)
    levels = [level.get("name") for level in a.get("levels", [])]
    for path, what in found[:DIFFERENCES_MAX]:
        print(f"× {path}: {what}")
    if found:
        sys.exit(f"{len(found)} differences")
    print(f"√ the same reading of {len(levels)} levels; the largest difference of a number is {largest:.1e} (at most {TOLERANCE})")


if __name__ == "__main__":
    main()
