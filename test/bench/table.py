# SPDX-License-Identifier: MIT
"""The README's performance table, from the results of the last runs of each part."""
import re

from kit import show_range

# What is measured, its unit in words, the target; and a word on how to show it.
ROWS = [
    ("micro.glibc-64.added", "malloc and free of 64 bytes", "{:+.1f} ns", "1.5 ns"),
    ("micro.glibc-mixed.ratio", "malloc and free of mixed sizes, to glibc alone", "{:.2f} x", ""),
    ("instructions.malloc-and-free.64-B", "malloc and free, in instructions", "{:+.0f}", "20"),
    ("micro.lock.added", "uncontended lock and unlock", "{:+.1f} ns", "1.5 ns"),
    ("micro.held:2.ratio", "two threads that share a lock, held for as long as not", "{:.3f} x",
     "1.02 x"),
    ("micro.held:16.ratio", "sixteen of them", "{:.3f} x", "1.02 x"),
    ("micro.contended.ratio", "two that do nothing but take and release it", "{:.2f} x", ""),
    ("micro.ring:2.ratio", "a turn handed on between two threads, by condition variables",
     "{:.3f} x", "1.02 x"),
    ("micro.ring:16.ratio", "the same around sixteen", "{:.3f} x", "1.02 x"),
    ("micro.apart:2.ratio", "between two, each on a processor of its own", "{:.3f} x", "1.02 x"),
    ("micro.apart:16.ratio", "around sixteen, always over to the other processor", "{:.3f} x",
     "1.02 x"),
    ("micro.ring:2.one-processor.ratio", "between two, on one processor", "{:.3f} x", "1.02 x"),
    ("micro.ring:16.one-processor.ratio", "around sixteen, on one processor", "{:.3f} x", "1.02 x"),
    ("instructions.lock-and-unlock", "lock and unlock, in instructions", "{:+.0f}", ""),
    ("walk_reused", "unwinding, a frame, the last walk reused", "{:.1f} ns", "5 ns"),
    ("walk_hits", "unwinding, a frame, rules cached", "{:.1f} ns", "20 ns"),
    ("walk_cold", "unwinding, a frame, rules read", "{:.0f} ns", "250 ns"),
    ("start.added", "start and end of a process", "{:+.0f} us", "1,000 us"),
    ("start.ratio", "the same, to one with an empty library preloaded", "{:.2f} x", ""),
    ("pprof_writer_to_zlib", "a profile of 100,000 stacks, to zlib alone", "{:.2f} x", "1.5 x"),
    ("pprof_writer_memory", "memory for that", "{:.1f} MB", "4 MB"),
    ("idle.memory", "an idle process, private memory", "{:+.0f} KB", "4,096 KB"),
]
PEERS = ("gperftools-cpu", "perf-record", "tcmalloc-sampling", "gperftools-heap", "jemalloc-prof",
         "heaptrack")


def read(results):
    values = {}
    for path in sorted(results.glob("*.txt")):
        for name, value in re.findall(r"^bench: (\S+) (\S+)", path.read_text(), re.M):
            values[name] = float(value)
    return values


def cost(values, name, form):
    """And what a library costs there that does nothing, if that was measured."""
    jump = values.get(name.removesuffix("added") + "jump.added")
    least = "" if jump is None else f" (a library that only jumps: {form.format(jump)})"
    return form.format(values[name]) + least


def percent(ratio):
    return "" if ratio is None else f"{ratio * 100:.1f} %"


def beside(values, name):
    """A peer's throughput, and ours to it."""
    if f"{name}.throughput" not in values:
        return ""
    ours, low, high = (values[f"{name}.cprof-to-it{what}"] for what in ("", ".from", ".to"))
    return f"{percent(values[f'{name}.throughput'])}; {ours:.3f} ({show_range(low, high)})"


def show(results, workloads):
    values = read(results)
    print("| what | cost | target |\n|---|---|---|")
    for name, what, form, target in ROWS:
        if name in values:
            print(f"| {what} | {cost(values, name, form)} | {target} |")
    present = [w for w in workloads if f"{w}.cprof.all.throughput" in values]
    print("\n| all profiles on, to no library | throughput | 95 % interval | CPU time of a request |"
          " 99th percentile |")
    print("|---|---|---|---|---|")
    for w in present:
        rate, low, high, cpu, p99 = (percent(values.get(f"{w}.cprof.all.{n}"))
                                     for n in ("throughput", "from", "to", "cpu", "p99"))
        print(f"| {w} | {rate} | {low[:-2]} - {high} | {cpu} | {p99} |")
    print("\n| throughput with |", " | ".join(PEERS), "|")
    print("|---|" + "---|" * len(PEERS))
    for w in present:
        print(f"| {w} | " + " | ".join(beside(values, f"{w}.{p}") for p in PEERS) + " |")
