// SPDX-License-Identifier: MIT
//
// starts.cc - objects that allocate before main, in each thread, and after main
//
// Context  TEST: prints what it got; the same must come out with the agent. With words, it
//          says what is in its environment and which descriptors it has.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

extern "C" void early_say(void) __attribute__((weak));
extern char **environ;

namespace
{

struct pieces {
	std::map<int, std::string> all;

	explicit pieces(int n)
	{
		for (int i = 0; i < n; i++)
			all[i] = std::string(static_cast<size_t>(i) * 3, 'x');
	}
	~pieces()
	{
		all[-1] = "one more, after the end";
		ended += all.size();
	}
	static std::atomic<size_t> ended;
};

std::atomic<size_t> pieces::ended;
pieces before_main(100);
thread_local pieces in_each(200);

size_t count(void)
{
	return in_each.all.size();
}

void threads(void)
{
	std::vector<std::thread> all;
	size_t sum = 0;

	for (int i = 0; i < 8; i++)
		all.emplace_back([] { count(); });
	for (auto &t : all)
		t.join();
	sum = count();
	printf("%zu before, %zu in this thread, %zu ended\n", before_main.all.size(), sum,
	       pieces::ended.load());
}

/* All but what tells of the preload. */
void environment(void)
{
	unsigned long hash = 5381;
	int n = 0;

	for (char **e = environ; *e; e++) {
		if (!strncmp(*e, "LD_PRELOAD=", 11) || !strncmp(*e, "CPROF_", 6))
			continue;
		n++;
		for (char *c = *e; *c; c++)
			hash = hash * 33 + static_cast<unsigned char>(*c);
	}
	printf("environment %d %lx\n", n, hash);
}

void descriptors(void)
{
	char said[64];
	int n = 0;

	for (int fd = 0; fd < 20; fd++)
		said[n++] = dup2(fd, fd) == fd ? '+' : '-';
	said[n++] = '\n';
	/* As the lowest that is open; with none, by status. */
	for (int fd = 0; fd < 3; fd++)
		if (said[fd] == '+') {
			said[fd] = 'o';
			if (write(fd, said, static_cast<size_t>(n)) == n)
				return;
		}
	_exit(memcmp(said, "--------------------", 20) ? 41 : 40);
}

} // namespace

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "environment"))
			environment();
		else if (!strcmp(argv[i], "descriptors"))
			descriptors();
	}
	if (argc > 1)
		return 0;
	threads();
	if (early_say)
		early_say();
	return 0;
}
