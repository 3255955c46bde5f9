#!/bin/sh
# SPDX-License-Identifier: MIT
# smoke - fm-008 fm-012 fm-093: everyday programs say and leave the same as without us
# timeout: 120
set -eu
# shellcheck source=test/lib/same.sh
. "$TOP/test/lib/same.sh"

have() { command -v "$1" >/dev/null 2>&1; }

cat >work.sh <<'END'
set -e
f() { echo "$(($1 * 2))"; }
for i in 1 2 3; do f $i; done
(exit 3) || echo "status $?"
echo a b c | tr a-z A-Z | sort | uniq -c
x=$(printf '%s\n' z y x | sort | head -n 1); echo "$x"
kill -0 $$ && wait
seq 2000 | awk '{ s += $1 } END { print s }' | sed 's/^/sum /'
END
cat >work.py <<'END'
import concurrent.futures, hashlib, json, os, re, subprocess, zlib
data = json.dumps({str(i): list(range(i % 50)) for i in range(500)})
print(hashlib.sha256(zlib.compress(data.encode())).hexdigest())
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(lambda i: len(re.findall("1", data * (i % 3))), range(40))))
print(subprocess.run(["sh", "-c", "echo child; exit 5"], capture_output=True))
r, w = os.pipe()
if not os.fork():
    os.write(w, b"from a child")
    os._exit(0)
os.wait()
print(os.read(r, 99))
END
cat >work.pl <<'END'
my %h; $h{$_ % 97} .= "x$_" for 1 .. 20000;
print length(join ",", map { "$_=$h{$_}" } sort keys %h), "\n";
$SIG{USR1} = sub { print "USR1\n" }; kill USR1 => $$; $SIG{USR1} = "DEFAULT";
print `echo backticks`; system("exit 7"); print $? >> 8, "\n";
END
cat >work.c <<'END'
#include <stdio.h>
#include <stdlib.h>
int main(void) { char *p = malloc(10); printf("%d\n", p != NULL); free(p); return 0; }
END
cat >work-git.sh <<'END'
set -e
rm -rf repo; mkdir repo; cd repo
export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_DATE='2020-01-01 00:00 +0000' GIT_COMMITTER_DATE='2020-01-01 00:00 +0000'
git init -q . ; git config user.name x; git config user.email x@example.org
for i in 1 2 3; do seq $((i * 300)) >file; git add file; git commit -qm "change $i"; done
git log -p | cksum; git gc -q; git fsck 2>/dev/null; git show --stat | cat
END

programs() {
    same "$@" sh work.sh
    same "$@" bash work.sh
    same "$@" env -i /bin/sh -c 'echo clean'
    same "$@" sh -c 'exec 0<&- 1>&- 2>&-; ls >/dev/null'
    same "$@" /bin/ls / --color=always
    ! have python3 || same "$@" /usr/bin/python3 work.py
    ! have perl || same "$@" perl work.pl
    ! have gcc || same "$@" sh -c 'gcc -O2 -o work work.c && ./work && cksum <work'
    ! have git || same "$@" sh work-git.sh
    ! have redis-server || same "$@" sh -c 'redis-server --version | cut -d= -f1-3'
    ! have nginx || same "$@" nginx -v
}

for rate in 1 524288; do
    export CPROF_HEAP_RATE=$rate
    programs "$LIB" ""
done
for a in $(allocators | head -n 1); do
    programs "$LIB $a" "$a"
    programs "$a $LIB" "$a"
done
