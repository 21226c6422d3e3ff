"""Figures to the tables and plots of docs/footprint.md: what stands between its marks is made anew, the words around them stay."""

import re

import instructions
import plot

MIB = 1024**2


def write(docs, found):
    path = docs / "footprint.md"
    text = path.read_text()
    for name, entry in found.items():
        made = MAKERS[name](entry["found"], docs)
        head = f"{entry['version']}, {entry['threads']} threads, medians of {entry['runs']}; {entry['machine']}."
        block = f"<!-- {name}: bench/footprint -->\n{head}\n\n{made}\n<!-- end -->"
        text, count = re.subn(rf"<!-- {name}: bench/footprint -->.*?<!-- end -->", lambda _: block, text, flags=re.S)
        if count != 1:
            raise SystemExit(f"{path} has no place for {name}: <!-- {name}: bench/footprint --> … <!-- end -->")
    path.write_text(text)


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def picture(docs, name, svg, words):
    (docs / f"footprint-{name}.svg").write_text(svg)
    return f"\n![{words}](footprint-{name}.svg)"


def stages(found, docs):
    times = found["stages_ms"]
    whole = sum(times.values())
    rows = [(stage, f"{ms:.0f}", f"{100 * ms / whole:.0f} %") for stage, ms in times.items()]
    rows += [("**whole process**, exec to end", f"{1e3 * found['wall_s']:.0f}", f"{found['cpu_s']:.2f} s of processor, peak {found['peak_mib']:.0f} MiB")]
    svg = plot.bars("One study by stage", "", "ms", {"wall": times})
    return table(["stage", "ms", "share"], rows) + "\n" + picture(docs, "stages", svg, "time by stage")


def cores(found, docs):
    one = found[min(found, key=int)]["wall_s"]
    rows = [(n, f"{f['wall_s']:.2f} s", f"{f['cpu_s']:.2f} s", f"{f['peak_mib']:.0f} MiB", f"{one / f['wall_s']:.2f}x") for n, f in found.items()]
    svg = plot.bars("One study by cores", "cores, as many threads", "ms", {n: f["stages_ms"] for n, f in found.items()})
    return table(["cores", "wall", "processor", "peak", "gain"], rows) + "\n" + picture(docs, "cores", svg, "time by cores")


def slices(found, docs):
    per = lambda n, f: 1e3 * f["wall_s"] / int(n)
    rows = [(n, f"{f['wall_s']:.2f} s", f"{per(n, f):.0f} ms", f"{f['cpu_s']:.2f} s", f"{f['peak_mib']:.0f} MiB") for n, f in found.items()]
    series = {"wall, s": [(int(n), f["wall_s"]) for n, f in found.items()], "processor, s": [(int(n), f["cpu_s"]) for n, f in found.items()]}
    svg = plot.lines("Time against slices", "slices of the sagittal series", "s", series)
    memory = plot.lines("Peak memory against slices", "slices of the sagittal series", "MiB", {"peak, MiB": [(int(n), f["peak_mib"]) for n, f in found.items()]})
    pictures = picture(docs, "slices", svg, "time against slices") + picture(docs, "slices-memory", memory, "memory against slices")
    return table(["slices", "wall", "wall a slice", "processor", "peak"], rows) + "\n" + pictures


def memory(found, docs):
    svg = plot.lines("Resident memory of the reading child over a study", "s", "MiB", {"child, MiB": found["child"]})
    idle = lambda of: (f"{of[0]:.1f} MiB", f"{of[1]:.1f} MiB")
    rows = [("`read` child, peak as sampled", f"{found['child_peak_mib']:.0f} MiB", "")]
    rows += [("appliance, idle, before the study", *idle(found["idle_before"])), ("appliance, idle, after it", *idle(found["idle"]))]
    return table(["what", "resident", "of it no page of a file"], rows) + "\n" + picture(docs, "memory", svg, "memory over a study")


def backlog(found, docs):
    rows = [
        (n, f"{1e3 * f['read_s']:.0f} ms", f"{f['reading_mib']:.1f} MiB", f"{1e3 * f['deliver_s']:.1f} ms", f"{f['delivering_mib']:.1f} MiB") for n, f in found.items()
    ]
    points = lambda key, factor=1.0: [(int(n), factor * f[key]) for n, f in found.items()]
    times = plot.lines("Time a study against what waits", "studies that wait", "ms", {"read, ms": points("read_s", 1e3), "delivered, ms": points("deliver_s", 1e3)}, logarithmic=True)
    sizes = plot.lines("The appliance's memory against what waits", "studies that wait", "MiB", {"reading, MiB": points("reading_mib"), "delivering, MiB": points("delivering_mib")}, logarithmic=True)
    head = ["waiting", "read, a study", "appliance's peak meanwhile", "delivered, a report", "appliance's peak meanwhile"]
    return table(head, rows) + "\n" + picture(docs, "backlog", times, "time against backlog") + picture(docs, "backlog-memory", sizes, "memory against backlog")


def start(found, _docs):
    return table(["from exec to", "ms"], [("the end of `--version`", f"{1e3 * found['version_s']:.1f}"), ("`READY=1` of `deepspine run`", f"{1e3 * found['ready_s']:.1f}")])


def sizes(found, docs):
    mib = lambda n: f"{n / MIB:.2f}"
    rows = [("**file as measured**", mib(found["file"])), *((f"{kind} (section)", mib(n)) for kind, n in sorted(found["sections"].items(), key=lambda kv: -kv[1]))]
    rows += [(f"{name} (model)", mib(n)) for name, n in found["models"].items()]
    made = table(["part", "MiB"], rows)
    if found["crates"]:
        made += "\n\n" + table(["code and data of", "MiB"], [(crate, mib(n)) for crate, n in found["crates"].items()])
        svg = plot.bars("The binary by crate", "", "MiB", {"symbols": {c: n / MIB for c, n in list(found["crates"].items())[:12]}})
        made += "\n" + picture(docs, "sizes", svg, "size by crate")
    return made


def counted(found, docs):
    total = found["total"]
    rows = [(stage, f"{n / 1e9:.2f}", f"{100 * n / total:.0f} %") for stage, n in found["stages"].items()]
    rows += [("of all: networks", f"{found['networks'] / 1e9:.2f}", f"{100 * found['networks'] / total:.0f} %"), ("**whole**", f"{total / 1e9:.2f}", "")]
    svg = plot.bars("Instructions by stage", "", "1e9", {"instructions": {s: n / 1e9 for s, n in found["stages"].items()}})
    made = table(["stage", "instructions, 1e9", "share"], rows) + "\n" + picture(docs, "instructions", svg, "instructions by stage")
    ratio = found["judged_over_counted"]
    guesses = [(name, f"{least:.1f} to {most:.1f} s", f"{least / cores:.1f} to {most / cores:.1f} s") for name, cores, least, most in instructions.estimate(found, ratio)]
    made += f"\n\nEstimate for the study that speed is judged on, {ratio:.1f} times the processor time of the one that was counted:\n\n"
    return made + table(["core", "one core", "all cores, were everything spread"], guesses)


MAKERS = {"stages": stages, "cores": cores, "slices": slices, "memory": memory, "backlog": backlog, "start": start, "sizes": sizes, "instructions": counted}
