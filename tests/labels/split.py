#!/usr/bin/env python3
"""Splits the notes of `sudirman/notes.csv` by note id, before anybody looks: 60 to develop with, 60 to judge with, the rest
for reading. The order is that of a hash, so that the split can be made again and nobody chose it. Standard library only.

    tests/labels/split.py ../shared/data/sudirman/notes.csv > tests/labels/split.csv"""

import csv
import hashlib
import sys

SEED = "deepspine labels 1"
EACH = 60


def main():
    with open(sys.argv[1], newline="", encoding="utf-8") as file:
        ids = [row["patient"] for row in csv.DictReader(file)]
    ids.sort(key=lambda note: hashlib.sha256(f"{SEED}:{note}".encode()).hexdigest())
    print("note,part")
    for place, note in enumerate(ids):
        print(f"{note},{'develop' if place < EACH else 'judge' if place < 2 * EACH else 'rest'}")


if __name__ == "__main__":
    main()
