#!/usr/bin/env python3
"""packaging/licences.py TARGET OUT: what is in the program for TARGET, and on which terms.

Writes OUT/copyright (Debian's machine-readable form: each part with its licence) and OUT/THIRD-PARTY (the texts, each
once, with the parts that it holds for). Ends with 1 where a part's licence is not among those allowed, or a part has
neither a text of its own nor one that is known here. Needs cargo, and the crates' sources, which `cargo fetch` brings.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Terms under which a part may travel in a program that is given away, in the order in which they are chosen.
ALLOWED = [
    "MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "ISC", "Zlib", "BSL-1.0", "MIT-0", "0BSD", "CC0-1.0",
    "Unicode-3.0", "Unlicense", "Apache-2.0 WITH LLVM-exception", "MPL-2.0", "OFL-1.1",
    # Asks for the sentence that is in the copyright file.
    "IJG",
]
# Licences whose text is the same for everybody, where Debian keeps it.
COMMON = {"Apache-2.0": "Apache-2.0", "MPL-2.0": "MPL-2.0", "CC0-1.0": "CC0-1.0"}
# MIT's text names nobody but the holders, so that it can be written for a crate that forgot its file.
MIT = (Path(__file__).resolve().parent / "MIT.txt").read_text()
TEXT_FILES = re.compile(r"^(licen[cs]e|copying|copyright|notice|unlicense|ofl)", re.IGNORECASE)
# A licence's text is no longer than this: what is longer is something else.
TEXT_MAX_BYTES = 200_000
# What is in the program and no crate: (name, where from, licence, holders).
NOT_CRATES = [
    ("SQLite", "in libsqlite3-sys", "public-domain", "its authors, who dedicate it to the public domain"),
    ("BoringSSL and OpenSSL, parts", "in ring", "Apache-2.0", "see ring's texts in THIRD-PARTY"),
    ("OpenJPEG, translated", "in openjp2", "BSD-2-Clause", "see openjp2's texts in THIRD-PARTY"),
    ("Rust's standard library", "rust-lang.org", "MIT or Apache-2.0", "the Rust project's contributors"),
]
MUSL = ("musl", "in the static program", "MIT", "Rich Felker and others")


def accepted(expression):
    """The allowed licences under which `expression` (SPDX; `/` is an old OR) is taken, or None."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    at = 0

    def term():
        nonlocal at
        if tokens[at] == "(":
            at += 1
            taken = either()
            at += 1
            return taken
        name = tokens[at]
        at += 1
        if at < len(tokens) and tokens[at] == "WITH":
            name = f"{name} WITH {tokens[at + 1]}"
            at += 2
        return [name] if name in ALLOWED else None

    def both():
        nonlocal at
        taken = term()
        while at < len(tokens) and tokens[at] == "AND":
            at += 1
            other = term()
            taken = None if taken is None or other is None else taken + [n for n in other if n not in taken]
        return taken

    def either():
        nonlocal at
        choices = [both()]
        while at < len(tokens) and tokens[at] == "OR":
            at += 1
            choices.append(both())
        choices = [c for c in choices if c is not None]
        return min(choices, key=lambda c: (len(c), max(map(ALLOWED.index, c))), default=None)

    return either()


def parts(target):
    """The crates that are linked into the program for `target`: its own, and what only builds it, left out."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    told = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {p["id"]: p for p in told["packages"]}
    nodes = {n["id"]: n for n in told["resolve"]["nodes"]}
    reached, waiting = set(), [told["resolve"]["root"]]
    while waiting:
        here = waiting.pop()
        if here in reached or any("proc-macro" in t["kind"] for t in packages[here]["targets"]):
            continue
        reached.add(here)
        for dependency in nodes[here]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                waiting.append(dependency["pkg"])
    reached.discard(told["resolve"]["root"])
    return sorted((packages[i] for i in reached), key=lambda p: (p["name"], p["version"]))


def texts(package, taken):
    """The texts of `package` for the licences `taken`: its own files, else the known ones."""
    folder = Path(package["manifest_path"]).parent
    files = sorted(f for f in folder.iterdir() if f.is_file() and TEXT_FILES.match(f.name))
    own = [f.read_text(errors="replace") for f in files if f.stat().st_size <= TEXT_MAX_BYTES]
    if own:
        return own
    known = []
    for licence in taken:
        if licence == "MIT":
            known.append(MIT.replace("@HOLDERS@", holders(package)))
        elif licence in COMMON:
            known.append((Path("/usr/share/common-licenses") / COMMON[licence]).read_text())
        else:
            return []
    return known


def holders(package):
    return ", ".join(re.sub(r"\s*<[^>]*>", "", a) for a in package["authors"]) or f"the authors of {package['name']}"


def copyright_file(packages, others):
    own = (ROOT / "LICENSE-MIT").read_text().strip()
    indented = "\n".join(f" {line}" if line.strip() else " ." for line in own.splitlines()[2:])
    lines = [
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
        "Upstream-Name: deepspine",
        "Source: https://github.com/deepspine/deepspine",
        "Comment: The program is one file, linked from the parts below. Their licences' texts are in THIRD-PARTY.gz",
        " beside this file. The networks are files, with terms in the manifest and a card each in models/.",
        "",
        "Files: *",
        "Copyright: 2026 The deepspine authors",
        "License: Expat or Apache-2.0",
        "",
        "Files: usr/share/deepspine/models/*",
        "Copyright: 2026 The deepspine authors",
        "License: Expat or Apache-2.0",
        "Comment: Trained on SPIDER (van der Graaf et al. 2024) and on the Lumbar Spine MRI Dataset and its radiologists'",
        " notes (Al-Kafri, Sudirman et al.), both CC BY 4.0, from start weights of EfficientNet-lite0 (Google, Apache-2.0).",
        "",
    ]
    listed = [f"{name}, {origin}: {licence}; {holder}" for name, origin, licence, holder in others]
    listed += [f"{p['name']} {p['version']}: {' and '.join(taken)}; {holders(p)}" for p, taken in packages]
    lines += [
        "Files: usr/bin/deepspine",
        "Copyright: 2026 The deepspine authors, and the holders named below for each part",
        "License: Expat or Apache-2.0",
        "Comment: Parts, the licence that each is taken under, and its holders. This software is based in part on the",
        " work of the Independent JPEG Group.",
        " .",
        *(f"  {line}" for line in listed),
        "",
    ]
    lines += ["License: Expat", indented, ""]
    lines += ["License: Apache-2.0", " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.", ""]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: packaging/licences.py TARGET OUT")
    target, out = sys.argv[1], Path(sys.argv[2])
    wrong, taken_by, by_text = [], [], {}
    for package in parts(target):
        name = f"{package['name']} {package['version']}"
        expression = package["license"] or ""
        taken = accepted(expression) if expression else None
        if taken is None:
            wrong.append(f"{name}: licence {expression or 'not said'}: not allowed; see ALLOWED in packaging/licences.py")
            continue
        found = texts(package, taken)
        if not found:
            wrong.append(f"{name}: {expression}: no text in the crate, and none known here")
        for text in found:
            by_text.setdefault("\n".join(line.rstrip() for line in text.strip().splitlines()), []).append(name)
        taken_by.append((package, taken))
    if wrong:
        sys.exit("\n".join(wrong))
    others = NOT_CRATES + ([MUSL] if target.endswith("-musl") else [])
    blocks = [f"{'=' * 78}\n{', '.join(names)}\n{'=' * 78}\n\n{text}\n" for text, names in by_text.items()]
    out.mkdir(parents=True, exist_ok=True)
    (out / "copyright").write_text(copyright_file(taken_by, others))
    (out / "THIRD-PARTY").write_text("\n".join(blocks))
    print(f"{len(taken_by)} crates, {len(by_text)} texts, {len(others)} other parts")


if __name__ == "__main__":
    main()
