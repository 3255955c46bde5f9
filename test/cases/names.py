#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# fm-052 fm-072
# timeout: 180
"""Right names, whatever was done to the binary: how it was linked, stripped, moved away.

One program is built in many ways; its one allocation must always show the same stack,
with lines and inlined calls where debug data can be found.
"""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.environ["TOP"] + "/test/lib")
import pprofcheck  # noqa: E402
from host import Host, check, wait_for  # noqa: E402

TOP = os.environ["TOP"]
SOURCE = TOP + "/test/prog/named.cc"
LINE = next(n for n, text in enumerate(open(SOURCE), 1) if "the line of take" in text)

PHYSICAL = ["shop::Cart<long>::add", "shop::Cart<long>::operator<<",
            "shop::(anonymous namespace)::hidden", "main::{lambda(int)#1}::operator()", "main"]
INLINED = ["shop::Cart<long>::take"] + PHYSICAL
EXPORTED = [n for n in PHYSICAL if "hidden" not in n and "lambda" not in n]


def sh(*argv, **kw):
    done = subprocess.run(argv, capture_output=True, text=True, **kw)
    check(done.returncode == 0, "%s: %s" % (" ".join(argv), done.stderr))
    return done.stdout


def build(name, *flags, cxx="g++"):
    sh(cxx, "-O1", "-g", "-std=c++17", *flags, "-o", name, SOURCE, "-ldl")
    return os.path.abspath(name)


def stacks(path):
    """[[(function, line or None)]], leaf first, inlined calls too."""
    return [[(line.name, line.line) for location in sample.stack for line in location.lines]
            for sample in pprofcheck.read(path).samples]


def snapshot(argv, before=None, **config):
    """Stacks of the program after a snapshot; before(host) may do things to its files."""
    if os.path.exists("host.log"):
        os.unlink("host.log")
    with Host(argv, CPROF_HEAP_RATE=1, **config) as host:
        check(wait_for(lambda: "ready" in host.log_text()), "not ready: " + host.log_text())
        if before:
            before(host)
        files = host.snapshot()
        kept = "%s.%d.heap.pb.gz" % (host.exe, host.pid)
        shutil.copy(files["heap"], kept)
        return stacks(kept), kept, host.log_text()


def stack_of(found, name):
    for frames in found:
        if any(f[0] == name for f in frames):
            return frames
    return []


def expect(what, found, names, line=None):
    names_only = [f[0] for f in stack_of(found[0], "main")]
    wanted = names_only[:len(names)]
    check(wanted == names, "%s: %s is not %s\nlog: %s" % (what, names_only, names, found[2]))
    if line:
        got = stack_of(found[0], "main")[0][1]
        check(got == line, "%s: line %s is not %d" % (what, got, line))
    print("ok   " + what)


# --- as linked -------------------------------------------------------------
expect("PIE", snapshot([build("pie")]), INLINED, LINE)
expect("not PIE", snapshot([build("fixed", "-no-pie", "-fno-pie")]), INLINED, LINE)
expect("names only", snapshot(["./pie"], CPROF_LINES=0), PHYSICAL)
if shutil.which("ld.lld"):
    expect("lld", snapshot([build("lld", "-fuse-ld=lld")]), INLINED, LINE)
expect("no build-id", snapshot([build("noid", "-Wl,--build-id=none")]), INLINED, LINE)
expect("DWARF 4", snapshot([build("dwarf4", "-gdwarf-4")]), INLINED, LINE)
expect("compressed", snapshot([build("packed", "-gz=zlib")]), INLINED, LINE)
if shutil.which("clang++"):
    expect("clang", snapshot([build("clang", cxx="clang++")]),
           [n.replace("{lambda(int)#1}", "$_0") for n in INLINED], LINE)

# --- as stripped -----------------------------------------------------------
stripped = build("stripped", "-rdynamic")
sh("strip", "stripped")
found = snapshot([stripped])
got = [f[0] for f in stack_of(found[0], "main")]
check([n for n in got if n in PHYSICAL] == EXPORTED, "stripped: %s" % got)
check(any(re.fullmatch(r"stripped\+0x[0-9a-f]+", n) for n in got), "stripped, static: %s" % got)
print("ok   stripped, .dynsym left")

linked = build("linked")
sh("objcopy", "--only-keep-debug", "linked", "linked.debug")
sh("strip", "linked")
shutil.copy("linked", "plain")
sh("objcopy", "--add-gnu-debuglink=linked.debug", "linked")
expect("debug link", snapshot([linked]), INLINED, LINE)
os.makedirs(".debug")
os.rename("linked.debug", ".debug/linked.debug")
expect("debug link in .debug", snapshot([linked]), INLINED, LINE)

debug_id = re.search(r"Build ID: ([0-9a-f]+)", sh("readelf", "-n", "plain"))[1]
there = "/usr/lib/debug/.build-id/%s/%s.debug" % (debug_id[:2], debug_id[2:])
if os.access("/usr/lib/debug", os.W_OK):
    made = not os.path.isdir(os.path.dirname(there))
    os.makedirs(os.path.dirname(there), exist_ok=True)
    shutil.copy(".debug/linked.debug", there)
    try:
        expect("debug file by build-id", snapshot([os.path.abspath("plain")]), INLINED, LINE)
    finally:
        os.unlink(there)
        if made:
            os.rmdir(os.path.dirname(there))

# What an object calls its debug file goes to the helper in one line, or not at all.
strange = build("strange")
sh("objcopy", "--only-keep-debug", "strange", "strange.debug\nA0")
sh("strip", "strange")
sh("objcopy", "--add-gnu-debuglink=strange.debug\nA0", "strange")
found = snapshot([strange])
expect("debug link of two lines", found, PHYSICAL)
check("source lines" not in found[2], found[2])

# A debug file of another build must not be believed.
other = build("other", "-DOTHER", "-O2")
sh("objcopy", "--only-keep-debug", "other", ".debug/linked.debug")
found = snapshot([linked])
check(not stack_of(found[0], "main"), "names from another build's debug file: %s" % found[0])
print("ok   another build's debug file is refused")

if shutil.which("xz"):
    mini = build("mini")
    sh("strip", "--strip-debug", "mini", "-o", "mini.syms")
    sh("xz", "-k", "mini.syms")
    sh("strip", "mini")
    sh("objcopy", "--add-section", ".gnu_debugdata=mini.syms.xz", "mini")
    expect("MiniDebugInfo", snapshot([mini]), PHYSICAL)

# --- as treated while running ----------------------------------------------
gone = build("gone")
expect("deleted", snapshot([gone], lambda host: os.unlink(gone)), INLINED, LINE)

replaced = build("replaced", "-rdynamic")


def replace(host):
    os.unlink(replaced)
    shutil.copy("other", replaced)


found = snapshot([replaced], replace)
expect("replaced", found, INLINED, LINE)

LIBRARY = """
#include <stdlib.h>
static __attribute__((noinline)) void *inner(void) { return malloc(%s); }
void *kept;
void work(void) { kept = inner(); __asm__ volatile(""); }
"""


def library(size):
    with open("lib.c", "w") as f:
        f.write(LIBRARY % size)
    if os.path.exists("libwork.so"):
        os.unlink("libwork.so")
    sh("gcc", "-O1", "-g", "-shared", "-fPIC", "-o", "libwork.so", "lib.c", "-Wl,--build-id")
    return os.path.abspath("libwork.so")


found = snapshot(["./pie", library("123456")])
check([f[0] for f in stack_of(found[0], "inner")][:3] == ["inner", "work", "main"],
      "closed library: %s" % found[0])
print("ok   dlopened, then closed")
found = snapshot(["./pie", library("123456")], lambda host: library("654321 + rand()"))
check(not stack_of(found[0], "inner"), "names from a replaced library: %s" % found[0])
check(any(re.fullmatch(r"libwork.so\+0x[0-9a-f]+", f[0]) for s in found[0] for f in s),
      "replaced library: %s" % found[0])
print("ok   closed and replaced: named by address")

# --- Rust --------------------------------------------------------------------
RUST = """
// std::hint's black_box came with Rust 1.66.
fn keep<T>(x: T) -> T { unsafe { std::ptr::read_volatile(&std::mem::ManuallyDrop::new(x) as *const _ as *const T) } }
mod store {
    pub trait Take { fn take(&self, n: usize) -> Vec<u8>; }
    pub struct Shelf<T>(pub T);
    impl<T> Take for Shelf<T> {
        #[inline(never)]
        fn take(&self, n: usize) -> Vec<u8> { super::keep(Vec::with_capacity(n)) }
    }
}
use store::Take;
fn main() {
    let f = |n: usize| store::Shelf(1u8).take(n);
    let kept = keep(f)(123457);
    keep(&kept);
    println!("ready");
    loop { std::thread::park(); }
}
"""
if shutil.which("rustc"):
    with open("crate.rs", "w") as f:
        f.write(RUST)
    for mangling in ("legacy", "v0"):
        sh("rustc", "--edition", "2021", "-C", "opt-level=1", "-g", "-C",
           "symbol-mangling-version=" + mangling, "-o", "rust_" + mangling, "crate.rs",
           *(["-Z", "unstable-options"] if mangling == "legacy" else []),
           env=dict(os.environ, RUSTC_BOOTSTRAP="1"))
        found = snapshot(["./rust_" + mangling])
        name = ("<crate::store::Shelf<T> as crate::store::Take>::take" if mangling == "legacy"
                else "<crate::store::Shelf<u8> as crate::store::Take>::take")
        names = [f[0] for s in found[0] for f in s]
        check(any(n == name for n in names), "Rust %s: %s" % (mangling, names))
        check(not any(re.search(r"17h[0-9a-f]{16}|_ZN|_R", n) for n in names),
              "Rust %s, mangled names: %s" % (mangling, names))
        print("ok   Rust, " + mangling)
