/* SPDX-License-Identifier: MIT */
/* cflags: -std=c++20 */
/*
 * waitscxx.cc - waits by C++'s library, and says how often and how long, as waits.c does
 *
 * usage: waitscxx SCHEDULE ROUNDS      of: mutex, shared, condition, semaphore, latch, atomic
 *        exit status 77: the last three need realtime scheduling
 *
 * Context  TEST: a program the agent is loaded into.
 */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <sched.h>
#include <thread>
#include <vector>

#define NOINLINE __attribute__((noinline, noclone))

using namespace std::chrono_literals;

static constexpr int threads = 4;
static unsigned long rounds;
static std::atomic<uint64_t> last_unlock;

struct Tally {
	const char *name, *profile;
	std::atomic<uint64_t> n{0}, ns{0};

	void add(uint64_t from, uint64_t until)
	{
		n++;
		ns += until > from ? until - from : 0;
	}

	void say() const
	{
		printf("%s %s %lu %lu\n", name, profile, n.load(), ns.load());
	}
};

static Tally waits{"take", "block"}, gives{"give", "mutex"};

static uint64_t now()
{
	return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

static void nap(std::chrono::milliseconds ms)
{
	std::this_thread::sleep_for(ms);
}

/* Everybody starts with the first one, and waits for all at the end. */
template <class Waiter, class Holder> static void in_rounds(Waiter waiter, Holder holder)
{
	std::vector<std::thread> all;
	pthread_barrier_t together;

	pthread_barrier_init(&together, nullptr, threads + 1);
	for (int me = 0; me < threads; me++)
		all.emplace_back([&, me] {
			for (unsigned long i = 0; i < rounds; i++) {
				pthread_barrier_wait(&together);
				waiter(me, i);
				pthread_barrier_wait(&together);
			}
		});
	for (unsigned long i = 0; i < rounds; i++)
		holder(
			i,
			[&] {
				pthread_barrier_wait(&together);
				nap(12ms);
			},
			[&] { pthread_barrier_wait(&together); });
	for (auto &t : all)
		t.join();
}

/* --- mutexes --------------------------------------------------------------------- */

static std::timed_mutex timed;
static std::recursive_mutex recursive;
static std::mutex plain;
static std::shared_mutex shared;

enum { PLAIN, RECURSIVE, TIMED, SHARED };

static bool tries(int which)
{
	return which == PLAIN	    ? plain.try_lock()
	       : which == RECURSIVE ? recursive.try_lock()
	       : which == TIMED	    ? timed.try_lock()
				    : shared.try_lock();
}

NOINLINE void take(int which)
{
	uint64_t from = now();

	if (tries(which))
		return;
	if (which == PLAIN)
		plain.lock();
	else if (which == RECURSIVE)
		recursive.lock();
	else if (which == TIMED)
		(void)timed.try_lock_for(99s);
	else
		shared.lock();
	waits.add(from, now());
	gives.add(from, last_unlock.load());
}

NOINLINE void give(int which)
{
	last_unlock = now();
	if (which == PLAIN)
		plain.unlock();
	else if (which == RECURSIVE)
		recursive.unlock();
	else if (which == TIMED)
		timed.unlock();
	else
		shared.unlock();
	__asm__ volatile("");
}

static void mutexes()
{
	for (int which = PLAIN; which <= SHARED; which++)
		in_rounds(
			[&](int, unsigned long) {
				take(which);
				nap(2ms);
				give(which);
			},
			[&](unsigned long, auto begin, auto end) {
				while (!tries(which))
					;
				begin();
				give(which);
				end();
			});
	waits.say();
	gives.say();
}

NOINLINE void take_shared()
{
	uint64_t from = now();

	if (shared.try_lock_shared())
		return;
	shared.lock_shared();
	waits.add(from, now());
	gives.add(from, last_unlock.load());
}

static void shared_mutexes()
{
	waits.name = "take_shared";
	in_rounds(
		[](int, unsigned long) {
			take_shared();
			shared.unlock_shared();
		},
		[](unsigned long, auto begin, auto end) {
			shared.lock();
			begin();
			give(SHARED);
			end();
		});
	waits.say();
	gives.say();
}

/* --- others ------------------------------------------------------------------------ */

static std::condition_variable condition;
static unsigned long turn;

NOINLINE void await(std::unique_lock<std::mutex> &lock, int way)
{
	uint64_t from = now();

	if (way)
		condition.wait_for(lock, 9s);
	else
		condition.wait(lock);
	waits.add(from, now());
}

static void conditions()
{
	auto player = [](unsigned long me) {
		for (unsigned long i = 0; i < rounds; i++) {
			{
				std::unique_lock lock(plain);
				while (turn % 2 != me)
					await(lock, static_cast<int>(i % 2));
			}
			nap(5ms);
			std::lock_guard lock(plain);
			turn++;
			condition.notify_one();
		}
	};
	std::thread one(player, 0), two(player, 1);

	one.join();
	two.join();
	waits.name = "await";
	waits.say();
}

static std::counting_semaphore<> tokens(0);

NOINLINE void get()
{
	uint64_t from = now();

	tokens.acquire();
	waits.add(from, now());
}

static void semaphores()
{
	std::thread t([] {
		for (unsigned long i = 0; i < rounds; i++) {
			nap(8ms);
			tokens.release();
		}
	});

	for (unsigned long i = 0; i < rounds; i++)
		get();
	t.join();
	waits.name = "get";
	waits.say();
}

static std::unique_ptr<std::latch> latch;
static std::atomic<int> flag;

NOINLINE void pass()
{
	uint64_t from = now();

	latch->wait();
	waits.add(from, now());
}

static void latches()
{
	latch = std::make_unique<std::latch>(1);
	in_rounds([](int, unsigned long) { pass(); },
		  [](unsigned long, auto begin, auto end) {
			  begin();
			  latch->count_down();
			  end();
			  latch = std::make_unique<std::latch>(1);
		  });
	waits.name = "pass";
	waits.say();
}

NOINLINE void watch(int seen)
{
	uint64_t from = now();

	flag.wait(seen);
	waits.add(from, now());
	gives.add(from, last_unlock.load());
}

NOINLINE void change(int to)
{
	flag = to;
	last_unlock = now();
	flag.notify_all();
	__asm__ volatile("");
}

static void atomics()
{
	in_rounds([](int, unsigned long i) { watch(static_cast<int>(i)); },
		  [](unsigned long i, auto begin, auto end) {
			  begin();
			  change(static_cast<int>(i) + 1);
			  end();
		  });
	waits.name = "watch";
	gives.name = "change";
	waits.say();
	gives.say();
}

/* The library yields a few times before it asks the kernel to wait. Between threads of
 * realtime, that takes no time, however busy the machine is. */
static bool realtime()
{
	sched_param p{1};

	return sched_setscheduler(0, SCHED_FIFO, &p) == 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)();
		bool yields = false;
	} schedules[] = {{"mutex", mutexes},	    {"shared", shared_mutexes},
			 {"condition", conditions}, {"semaphore", semaphores, true},
			 {"latch", latches, true},  {"atomic", atomics, true}};

	rounds = argc > 2 ? strtoul(argv[2], nullptr, 10) : 0;
	for (auto &s : schedules)
		if (argc > 2 && !strcmp(argv[1], s.name)) {
			if (s.yields && !realtime())
				return 77;
			s.run();
			return 0;
		}
	return 2;
}
