// SPDX-License-Identifier: MIT
//
// words.rs - a Rust program that lives on small allocations: strings, maps, vectors
//
// usage: words-rs ROUNDS
//
use std::collections::{BTreeMap, HashMap};

struct Draw(u32);

impl Draw {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
        (self.0 >> 8) % n
    }

    fn word(&mut self) -> String {
        let letter = (b'a' + self.below(26) as u8) as char;
        let mut w: String = std::iter::repeat(letter).take(8 + self.below(40) as usize).collect();
        w.push_str(&self.below(20000).to_string());
        w
    }
}

struct Node {
    name: String,
    next: Option<(Box<Node>, Box<Node>)>,
}

fn tree(draw: &mut Draw, depth: u32) -> Box<Node> {
    let name = draw.word();
    let next = (depth > 0).then(|| (tree(draw, depth - 1), tree(draw, depth - 1)));
    Box::new(Node { name, next })
}

fn weight(n: &Node) -> usize {
    n.name.len() + n.next.as_ref().map_or(0, |(a, b)| weight(a) + weight(b))
}

fn main() {
    let rounds: u32 = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1);
    let mut draw = Draw(1);
    let mut index: HashMap<String, Vec<String>> = HashMap::new();
    let mut count: BTreeMap<String, u64> = BTreeMap::new();
    let mut n = 0;

    for i in 0..rounds {
        for _ in 0..3000 {
            let w = draw.word();
            index.entry(w[..3].to_string()).or_default().push(w.clone());
            *count.entry(w).or_default() += 1;
        }
        n += weight(&tree(&mut draw, 10));
        if i % 8 == 7 {
            index.clear();
            count.clear();
        }
    }
    println!("{} {}", n, count.len());
}
