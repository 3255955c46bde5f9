#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# fm-043 fm-050..053
# timeout: 300
# soak
"""Directed SIGPROFs, thousands a second, at threads in every bad situation: no crash, no
hang, sane stacks. SOAK_SECONDS makes each scene last longer than its five seconds.
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SCENES = ["throw", "dlopen", "small", "fibres", "unmapped", "longjmp", "lies", "generated",
          "overflow", "nested"]
BUILD = os.environ["BUILD"] + "/unwind"
SOAK = int(os.environ.get("SOAK_SECONDS") or 0)
SECONDS = max(5, 2 * SOAK // len(SCENES))  # two at a time


def run(scene):
    p = subprocess.run([BUILD + "/storm", scene, str(SECONDS)], capture_output=True, text=True,
                       env=dict(os.environ, STORM_LIBS=BUILD))
    return f"{p.stdout}{p.stderr}{scene}: exit status {p.returncode}", p.returncode


def main():
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, SCENES))
    for text, _ in results:
        print(text)
    sys.exit(1 if any(status for _, status in results) else 0)


main()
