#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# fm-049
# timeout: 900
"""At every instruction of the corpus, and of the first ten thousands of some of Debian's
programs: the walker's frames against libunwind's. What differs must be in explained.txt.
"""
import os
import pathlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.environ["TOP"] + "/test/unwind")
import differ  # noqa: E402

BUILD = pathlib.Path(os.environ["BUILD"])
DEBIAN = [
    ["sqlite3", ":memory:", "create table t(a); insert into t values(1),(2); select sum(a) from t"],
    ["openssl", "dgst", "-sha256", "/etc/passwd"],
    ["perl", "-e", "print join(',', sort map { $_ * 2 } 1..5)"],
    ["/usr/bin/python3", "-S", "-c", "print(sum(range(9)))"],
    ["sed", "-n", "s/root/&&/p", "/etc/passwd"],
]
DEBIAN_STEPS = "60000"


def run(argv, **extra):
    env = {**os.environ, **extra}
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=300)


def step(argv, steps="0"):
    """Runs one program plain and stepped; answers its record, or a complaint."""
    name = os.path.basename(argv[0])
    plain = run(argv)
    out = pathlib.Path("step-" + name).resolve()
    stepped = run(argv, UW_MODE="step-all", UW_OUT=str(out), UW_STEPS=steps,
                  LD_PRELOAD=str(BUILD / "unwind/liboracle.so"))
    if (plain.stdout, plain.returncode) != (stepped.stdout, stepped.returncode):
        return f"{name}: stepped it ends with {stepped.returncode}: {stepped.stdout}{stepped.stderr}"
    files = sorted(out.parent.glob(out.name + ".*"))
    if not files:
        return f"{name}: no record: {stepped.stderr}"
    return differ.Record(files[0])


def main():
    corpus = sorted(str(p) for p in (BUILD / "unwind/corpus").iterdir()
                    if p.is_file() and not p.suffix)
    jobs = [([path], "0") for path in corpus]
    jobs += [(argv, DEBIAN_STEPS) for argv in DEBIAN if shutil.which(argv[0])]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda job: step(*job), jobs))
    complaints = [r for r in results if isinstance(r, str)]
    records = [r for r in results if not isinstance(r, str)]
    for line in complaints:
        print(line)
    explained = differ.Explained(os.environ["TOP"] + "/test/unwind/explained.txt")
    bad = differ.judge(records, explained)
    steps, compared = sum(r.seen for r in records), sum(r.compared for r in records)
    print(f"{steps} instructions stepped, {compared} distinct stacks compared")
    if len(corpus) < 10 or steps < 500000:
        sys.exit("the corpus is not all there")
    sys.exit(1 if bad or complaints else 0)


main()
