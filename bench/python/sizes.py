"""What a binary is made of: sections, and code and data by crate, from its symbols."""

import re
import subprocess
from collections import Counter
from pathlib import Path

# Of C libraries, and assembly of Rust ones, by how their symbols begin.
FOREIGN = [("sqlite3", "sqlite (C)"), ("ring_core", "ring"), ("ecp_", "ring"), ("avx512_", "tract"), ("fma_", "tract"), ("armv", "tract"), ("arm64", "tract"), ("generic_", "tract")]
# Crates that are told together.
FAMILIES = [("ndarray", "ndarray (for tract)"), ("rustfft", "rustfft (for tract)"), ("tract", "tract"), ("dicom", "dicom-rs"), ("rustls", "rustls"), ("ring", "ring"), ("sqlite", "sqlite (C)"), ("rusqlite", "rusqlite"), ("jpeg", "JPEG 2000"), ("openjp", "JPEG 2000"), ("clap", "clap"), ("tiny_skia", "tiny-skia")]
STANDARD = {"core", "std", "alloc", "compiler_builtins", "gimli", "addr2line", "hashbrown", "rustc_demangle"}
# Containers and arithmetic that others fill.
GENERIC = {"ndarray", "smallvec", "itertools", "rustfft", "num_traits", "num_complex", "serde", "serde_core", "either"}
LEAST_SHARE = 0.005


def crate_of(symbol, kind):
    """Generic code goes to the first crate in its path that is neither the standard library nor made to be filled by others."""
    for start, name in FOREIGN:
        if symbol.startswith(start):
            return name
    crates = re.findall(r"(?<![\w:])&?(?:dyn |mut )?([a-z_][a-z0-9_]*)::", symbol)
    ranked = sorted(crates, key=lambda c: 2 if c in STANDARD else c in GENERIC)
    own = ranked[0] if ranked else None
    if own is None:
        return "constants without a name" if kind in "rRdD" else "other"
    if own in STANDARD:
        return "standard library"
    return next((family for start, family in FAMILIES if own.startswith(start)), own)


def by_crate(binary):
    """Counter of bytes by crate; empty where the binary has no symbols."""
    listed = subprocess.run(["nm", "--print-size", "--demangle", str(binary)], capture_output=True, text=True).stdout
    sizes = Counter()
    for line in listed.splitlines():
        found = re.match(r"[0-9a-f]+ ([0-9a-f]+) (\w) (.+)", line)
        if found and found[2] not in "bB":
            sizes[crate_of(found[3], found[2])] += int(found[1], 16)
    return sizes


def sections(binary):
    """Bytes by kind of section."""
    kinds = {".text": "code", ".rodata": "constants", ".eh_frame": "unwinding", ".gcc_except_table": "unwinding", ".rela.dyn": "relocations", ".data.rel.ro": "constants"}
    sizes = Counter()
    for line in subprocess.run(["size", "-A", str(binary)], capture_output=True, text=True, check=True).stdout.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].isdigit():
            sizes[kinds.get(words[0], "other")] += int(words[1])
    return sizes


def measure(options):
    whole, crates = options.deepspine.stat().st_size, by_crate(options.deepspine)
    total = sum(crates.values())
    large = {c: n for c, n in crates.most_common() if n >= LEAST_SHARE * total}
    if total:
        large["everything else"] = total - sum(large.values())
    models = {p.name: p.stat().st_size for folder in (options.models, options.models.parent) for p in sorted(Path(folder).glob("*.onnx"))}
    return {"file": whole, "sections": dict(sections(options.deepspine)), "crates": large, "models": models}
