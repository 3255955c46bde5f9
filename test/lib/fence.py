# SPDX-License-Identifier: MIT
"""fence.py kill|refuse LIB PROGRAM...: runs a program with LIB preloaded behind a filter.

kill: as a service under systemd's SystemCallFilter=@system-service and ~@privileged @resources,
which is what Debian's redis-server comes with. refuse: the same calls answer EPERM, as those a
container may not make do.
"""
import ctypes
import os
import re
import struct
import sys

DENIED = """
_sysctl acct adjtimex afs_syscall bpf capset chown chroot clock_adjtime clock_settime create_module
delete_module fanotify_init fanotify_mark fchown fchownat finit_module fsconfig fsmount fsopen fspick
get_kernel_syms getpmsg init_module ioperm iopl ioprio_set kexec_file_load kexec_load
landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lookup_dcookie mbind
memfd_secret migrate_pages mincore modify_ldt mount mount_setattr move_mount move_pages nfsservctl
open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root pkey_alloc pkey_free pkey_mprotect
process_mrelease ptrace putpmsg query_module quotactl quotactl_fd reboot sched_setaffinity
sched_setattr sched_setparam sched_setscheduler seccomp security set_mempolicy
set_mempolicy_home_node setdomainname setfsuid setgroups sethostname setpriority setresuid setreuid
setrlimit settimeofday setuid swapoff swapon sysfs syslog tuxcall umount2 uselib ustat vhangup vserver
""".split()

HEADERS = {"x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
           "aarch64": "/usr/include/asm-generic/unistd.h"}
LOAD, EQUAL, ANSWER = 0x20, 0x15, 0x06  # of the machine filters are written for
ALLOW, KILL, REFUSE = 0x7fff0000, 0x80000000, 0x00050000 | 1
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, BY_FILTER = 38, 22, 2


def numbers(names=DENIED):
    with open(HEADERS[os.uname().machine], encoding="utf-8") as f:
        named = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", f.read()))
    return [int(named[n]) for n in names if n in named]


def shut_in(answer, calls=None):
    rule = [(LOAD, 0, 0, 0)]
    for n in calls or numbers():
        rule += [(EQUAL, 0, 1, n), (ANSWER, 0, 0, answer)]
    rule += [(ANSWER, 0, 0, ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *r) for r in rule))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rule), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, BY_FILTER, program):
        sys.exit(77)


if __name__ == "__main__":
    shut_in({"kill": KILL, "refuse": REFUSE}[sys.argv[1]])
    os.environ["LD_PRELOAD"] = sys.argv[2]
    os.execvp(sys.argv[3], sys.argv[3:])
