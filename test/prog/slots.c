/* SPDX-License-Identifier: MIT */
/*
 * slots.c - says where its calls of the malloc family lead
 *
 * Context  TEST: of each slot the kind (call or pointer), the function, and who serves it. With
 *          an argument also of locks, and of waits for descriptors: io, or masked.
 */
// cflags: -Wl,-z,now
#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const family[] = {"malloc", "calloc", "realloc", "free", "malloc_usable_size"};
static const char *const lock[] = {"pthread_mutex_lock",    "pthread_mutex_trylock",
				   "pthread_mutex_unlock",  "pthread_rwlock_rdlock",
				   "pthread_rwlock_wrlock", "pthread_rwlock_unlock"};
static const char *const io[] = {"read", "recv", "poll", "epoll_wait"}, *const masked[] = {"ppoll"};
static size_t (*volatile ask)(void *) = malloc_usable_size;
static void (*volatile release)(void *) = free;

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void say(const char *kind, const char *const *of, size_t n, const char *name, const void *fn)
{
	Dl_info in;
	const char *base;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, of[i]) || !dladdr(fn, &in))
			continue;
		base = strrchr(in.dli_fname, '/');
		printf("%s %s %s\n", kind, name, base ? base + 1 : in.dli_fname);
	}
}

/* Whatever passes us by has to be that very function. */
static void check(const char *name, const void *fn)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	Dl_info in, its;

	if (dladdr(fn, &in) && dladdr(dlsym(libc, name), &its) && in.dli_fbase == its.dli_fbase &&
	    fn != dlsym(libc, name))
		printf("%s is another function\n", name);
}

static void say_slot(const char *name, const void *fn, bool all)
{
	check(name, fn);
	say("call", family, COUNT(family), name, fn);
	if (!all)
		return;
	say("lock", lock, COUNT(lock), name, fn);
	say("io", io, COUNT(io), name, fn);
	say("masked", masked, COUNT(masked), name, fn);
}

static void lock_all(void)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	static pthread_rwlock_t l = PTHREAD_RWLOCK_INITIALIZER;

	if (pthread_mutex_lock(&m) || !pthread_mutex_trylock(&m) || pthread_mutex_unlock(&m) ||
	    pthread_rwlock_rdlock(&l) || pthread_rwlock_unlock(&l) || pthread_rwlock_wrlock(&l) ||
	    pthread_rwlock_unlock(&l))
		puts("they don't lock");
}

static void call_all(void)
{
	const struct timespec none = {0, 0};
	struct epoll_event e;
	char c;

	if (read(-1, &c, 1) >= 0 || recv(-1, &c, 1, 0) >= 0 || poll(NULL, 0, 0) ||
	    ppoll(NULL, 0, &none, NULL) || epoll_wait(-1, &e, 1, 0) >= 0)
		puts("they work");
}

static void *table(ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag; d++)
		if (d->d_tag == tag)
			return (void *)d->d_un.d_ptr;
	return NULL;
}

int main(int argc, char **argv)
{
	const ElfW(Sym) *sym = table(DT_SYMTAB);
	const ElfW(Rela) *r = table(DT_JMPREL);
	size_t n = (size_t)table(DT_PLTRELSZ) / sizeof(*r);
	ElfW(Addr) base = 0;
	struct link_map *self;
	char *p = realloc(malloc(10), 20), *q = calloc(2, 10);

	if (malloc_usable_size(p) < 20 || ask(q) < 20)
		puts("too little");
	free(p);
	release(q);
	lock_all();
	call_all();
	(void)argv;
	self = dlopen(NULL, RTLD_NOW);
	base = self->l_addr;
	for (size_t i = 0; i < n; i++)
		say_slot((const char *)table(DT_STRTAB) + sym[ELF64_R_SYM(r[i].r_info)].st_name,
			 *(void **)(base + r[i].r_offset), argc > 1);
	say("pointer", family, COUNT(family), "malloc_usable_size", (void *)ask);
	say("pointer", family, COUNT(family), "free", (void *)release);
	return 0;
}
