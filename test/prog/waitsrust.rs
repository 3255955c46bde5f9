// SPDX-License-Identifier: MIT
//
// waitsrust.rs - waits by Rust's std, and says how often and how long, as waits.c does
//
// usage: waitsrust SCHEDULE ROUNDS      of: mutex, rwlock, condvar, channel
//
// Context  TEST: a program the agent is loaded into.

use std::arch::asm;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, MutexGuard, RwLock};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 4;

struct Tally(&'static str, &'static str, AtomicU64, AtomicU64);

static WAITS: Tally = Tally("waitsrust::take", "block", AtomicU64::new(0), AtomicU64::new(0));
static READS: Tally = Tally("waitsrust::read", "block", AtomicU64::new(0), AtomicU64::new(0));
static CONDS: Tally = Tally("waitsrust::wait_for", "block", AtomicU64::new(0), AtomicU64::new(0));
static GETS: Tally = Tally("waitsrust::receive", "block", AtomicU64::new(0), AtomicU64::new(0));
static GIVES: Tally = Tally("waitsrust::give", "mutex", AtomicU64::new(0), AtomicU64::new(0));
static LAST: AtomicU64 = AtomicU64::new(0);

/// Stands behind a call, so that it isn't the last and its caller stays on the stack.
#[inline(never)]
fn keep<T>(value: T) -> T {
    // Safe: it does nothing, unseen by the compiler.
    unsafe { asm!("", options(nostack)) };
    value
}

fn began() -> Instant {
    static START: Mutex<Option<Instant>> = Mutex::new(None);
    *START.lock().unwrap().get_or_insert_with(Instant::now)
}

fn now(start: Instant) -> u64 {
    start.elapsed().as_nanos() as u64
}

fn nap(ms: u64) {
    thread::sleep(Duration::from_millis(ms));
}

impl Tally {
    fn add(&self, from: u64, until: u64) {
        self.2.fetch_add(1, Relaxed);
        self.3.fetch_add(until.saturating_sub(from), Relaxed);
    }

    fn say(&self) {
        println!("{} {} {} {}", self.0, self.1, self.2.load(Relaxed), self.3.load(Relaxed));
    }
}

static MUTEX: Mutex<u64> = Mutex::new(0);
static COND: Condvar = Condvar::new();
static RW: RwLock<u64> = RwLock::new(0);

#[inline(never)]
fn take(start: Instant) -> MutexGuard<'static, u64> {
    let from = now(start);
    if let Ok(guard) = MUTEX.try_lock() {
        return guard;
    }
    let guard = MUTEX.lock().unwrap();
    WAITS.add(from, now(start));
    GIVES.add(from, LAST.load(Relaxed));
    guard
}

#[inline(never)]
fn give<T>(guard: T, start: Instant) {
    LAST.store(now(start), Relaxed);
    drop(guard);
    keep(start);
}

/// All come while the first has it.
fn mutex(rounds: u64, start: Instant) {
    let together = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let together = together.clone();
            thread::spawn(move || {
                for _ in 0..rounds {
                    together.wait();
                    let mut guard = take(start);
                    *guard += 1;
                    nap(2);
                    give(guard, start);
                    together.wait();
                }
            })
        })
        .collect();
    for _ in 0..rounds {
        let guard = take(start);
        together.wait();
        nap(15);
        give(guard, start);
        together.wait();
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    WAITS.say();
    GIVES.say();
}

#[inline(never)]
fn read(start: Instant) -> u64 {
    let from = now(start);
    if let Ok(guard) = RW.try_read() {
        return *guard;
    }
    let value = *RW.read().unwrap();
    READS.add(from, now(start));
    GIVES.add(from, LAST.load(Relaxed));
    value
}

fn rwlock(rounds: u64, start: Instant) {
    let together = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let together = together.clone();
            thread::spawn(move || {
                for _ in 0..rounds {
                    together.wait();
                    keep(read(start));
                    together.wait();
                }
            })
        })
        .collect();
    for _ in 0..rounds {
        let guard = RW.write().unwrap();
        together.wait();
        nap(15);
        give(guard, start);
        together.wait();
    }
    threads.into_iter().for_each(|t| t.join().unwrap());
    READS.say();
    GIVES.say();
}

#[inline(never)]
fn wait_for<'a>(guard: MutexGuard<'a, u64>, way: u64, start: Instant) -> MutexGuard<'a, u64> {
    let from = now(start);
    let guard = match way {
        0 => COND.wait(guard).unwrap(),
        _ => COND.wait_timeout(guard, Duration::from_secs(9)).unwrap().0,
    };
    CONDS.add(from, now(start));
    guard
}

/// Two take turns.
fn condvar(rounds: u64, start: Instant) {
    let threads: Vec<_> = (0..2)
        .map(|me| {
            thread::spawn(move || {
                for i in 0..rounds {
                    let mut turn = MUTEX.lock().unwrap();
                    while *turn % 2 != me {
                        turn = wait_for(turn, i % 2, start);
                    }
                    drop(turn);
                    nap(5);
                    *MUTEX.lock().unwrap() += 1;
                    COND.notify_one();
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    CONDS.say();
}

#[inline(never)]
fn receive(from: &mpsc::Receiver<u64>, start: Instant) -> u64 {
    let since = now(start);
    let value = from.recv().unwrap();
    GETS.add(since, now(start));
    value
}

fn channel(rounds: u64, start: Instant) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        for i in 0..rounds {
            nap(5);
            sender.send(i).unwrap();
        }
    });
    for _ in 0..rounds {
        keep(receive(&receiver, start));
    }
    thread.join().unwrap();
    GETS.say();
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let rounds = args[2].parse().unwrap();
    let start = began();
    match args[1].as_str() {
        "mutex" => mutex(rounds, start),
        "rwlock" => rwlock(rounds, start),
        "condvar" => condvar(rounds, start),
        _ => channel(rounds, start),
    }
}
