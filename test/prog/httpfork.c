// SPDX-License-Identifier: MIT
// httpfork.c - processes and descriptors, as servers treat them
//
// usage: httpfork prefork N | asked | daemon | closeall | full | execs | closes N | drop | jail DIR
//                 fork drop | fork jail DIR | fork leave | fork turns | early | jailed DIR
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void rest(void)
{
	for (;;) {
		free(malloc(100000));
		usleep(10000);
	}
}

static void prefork(int n)
{
	for (int i = 0; i < n; i++)
		if (!fork())
			rest();
	rest();
}

static volatile sig_atomic_t asked;

static void on_usr2(int sig)
{
	asked = sig;
}

// A child when it is asked for.
static void fork_when_asked(void)
{
	signal(SIGUSR2, on_usr2);
	puts("ready");
	fflush(stdout);
	while (!asked) {
		free(malloc(100000));
		usleep(10000);
	}
	prefork(1);
}

static void close_all(void)
{
	for (int fd = 3; fd < 4096; fd++)
		close(fd);
}

static void daemonise(void)
{
	if (fork())
		_exit(0);
	setsid();
	if (fork())
		_exit(0);
	close_all();
	rest();
}

// Closes what it did not open and puts its own over it, again and again.
static void fight(void)
{
	for (;;) {
		int null = open("/dev/null", O_RDWR);

		for (int fd = 3; fd < 256; fd++)
			dup2(null, fd);
		close_all();
		free(malloc(100000));
		usleep(1000);
	}
}

// Not one descriptor left.
static void fill(void)
{
	struct rlimit r = {64, 64};

	setrlimit(RLIMIT_NOFILE, &r);
	while (open("/dev/null", O_RDONLY) >= 0)
		;
	rest();
}

// Children that become another program at once.
static void run_others(void)
{
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (!pid) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	rest();
}

// Listens at a port and closes it, sixty times: was it ever in use still?
static int listens_again(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(at);
	int busy = 0;

	for (int i = 0; i < 60; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		busy |= bind(fd, (struct sockaddr *)&at, size) || listen(fd, 1);
		getsockname(fd, (struct sockaddr *)&at, &size);
		close(fd);
	}
	return busy;
}

// In how many of n children it was.
static int close_in_children(int n)
{
	int busy = 0, status;

	while (n--) {
		pid_t pid = fork();

		if (!pid)
			_exit(listens_again());
		waitpid(pid, &status, 0);
		busy += status != 0;
	}
	printf("in use %d\n", busy);
	return 0;
}

// What a server does that was started by root.
static void drop(void)
{
	if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
		exit(3);
	rest();
}

static void may(unsigned permitted, unsigned effective)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct set[2] = {{.permitted = permitted, .effective = effective}};

	if (syscall(SYS_capset, &head, set))
		exit(3);
}

// As a file server becomes each user it works for, and root again.
static void serve_users(void)
{
	for (int i = 0; i < 300; i++) {
		uid_t user = 1000 + i % 50;

		if (setresgid(-1, user, -1) || setresuid(0, user, -1))
			exit(3);
		usleep(i * 7919 % 3000);
		if (setresuid(0, 0, 0) || setresgid(0, 0, 0))
			exit(3);
	}
}

// One that is this user for a while and that, of more groups than a page of text tells, does
// without what it may and takes it back, keeps it as another user, and gives it up for good.
static void take_turns(void)
{
	static gid_t groups[2000];
	unsigned become = 1U << CAP_SETUID | 1U << CAP_SETGID;

	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		groups[i] = 2000000000 + i;
	if (setgroups(sizeof(groups) / sizeof(*groups), groups))
		exit(3);
	serve_users();
	if (setgroups(0, NULL))
		exit(3);
	for (uid_t user = 65532; user < 65534; user++) {
		if (seteuid(0) || seteuid(user))
			exit(3);
		usleep(1300000);
	}
	if (seteuid(0))
		exit(3);
	may(become, 0);
	usleep(1300000);
	may(become, become);
	if (setgid(65533) || prctl(PR_SET_KEEPCAPS, 1) || setuid(65533))
		exit(3);
	may(become, become);
	usleep(1300000);
	if (setgid(65534) || setuid(65534))
		exit(3);
	may(0, 0);
	rest();
}

static void jail(const char *dir)
{
	if (chroot(dir) || chdir("/"))
		exit(3);
	drop();
}

// Its main thread leaves, and another gives up the user.
static void *drop_alone(void *unused)
{
	usleep(500000);
	drop();
	return unused;
}

static void leave(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, drop_alone, NULL))
		exit(3);
	pthread_exit(NULL);
}

// A master that stays what it is, and a worker that doesn't, once it has begun.
static void fork_one(void)
{
	if (fork())
		rest();
	usleep(500000);
}

// The same at once.
static void fork_early(void)
{
	if (fork())
		rest();
	drop();
}

// Where the worker is there is no /proc from its start.
static void jailed(const char *dir)
{
	if (chroot(dir) || chdir("/"))
		exit(3);
	fork_one();
	drop();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	usleep(200000);
	if (!strcmp(what, "fork") && argc > 2) {
		fork_one();
		argc--;
		what = (++argv)[1];
	}
	if (!strcmp(what, "prefork"))
		prefork(argc > 2 ? atoi(argv[2]) : 2);
	else if (!strcmp(what, "asked"))
		fork_when_asked();
	else if (!strcmp(what, "daemon"))
		daemonise();
	else if (!strcmp(what, "closeall"))
		fight();
	else if (!strcmp(what, "full"))
		fill();
	else if (!strcmp(what, "execs"))
		run_others();
	else if (!strcmp(what, "closes") && argc > 2)
		return close_in_children(atoi(argv[2]));
	else if (!strcmp(what, "drop"))
		drop();
	else if (!strcmp(what, "jail") && argc > 2)
		jail(argv[2]);
	else if (!strcmp(what, "jailed") && argc > 2)
		jailed(argv[2]);
	else if (!strcmp(what, "early"))
		fork_early();
	else if (!strcmp(what, "leave"))
		leave();
	else if (!strcmp(what, "turns"))
		take_turns();
	return 2;
}
