// SPDX-License-Identifier: MIT
//! rusty.rs - closures, trait objects, formatting and a caught panic
//!
//! Context  TEST: a program of the stepped corpus.
use std::collections::HashMap;
use std::fmt::Write;

trait Shape {
    fn area(&self) -> u64;
}

struct Square(u64);
struct Strip(u64, u64);

impl Shape for Square {
    #[inline(never)]
    fn area(&self) -> u64 {
        self.0 * self.0
    }
}

impl Shape for Strip {
    #[inline(never)]
    fn area(&self) -> u64 {
        let big = [self.0; 200];
        big.iter().map(|v| v * self.1).max().unwrap_or(0)
    }
}

struct Guard<'a>(&'a mut u64);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        *self.0 += 1;
    }
}

#[inline(never)]
fn panics(n: u64) -> u64 {
    if n > 2 {
        panic!("too many");
    }
    panics(n + 1) + 1
}

#[inline(never)]
fn unwinds(count: &mut u64) -> u64 {
    let _guard = Guard(count);
    panics(0)
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(3)), Box::new(Strip(4, 5))];
    let mut sum: u64 = shapes.iter().map(|s| s.area()).sum();
    let mut text = String::new();
    let mut map = HashMap::new();
    for word in "the quick brown fox jumps over the lazy dog".split(' ') {
        *map.entry(word).or_insert(0u64) += word.len() as u64;
    }
    sum += map["the"];
    write!(text, "{:>8}|{:.2}", sum, 1.5f64).unwrap();
    let mut count = 0;
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| unwinds(&mut count)));
    println!("{} {} {}", text, caught.is_err(), count);
}
