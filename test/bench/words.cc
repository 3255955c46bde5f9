// SPDX-License-Identifier: MIT
//
// words.cc - a C++ program that lives on small allocations: strings, maps, vectors
//
// usage: words ROUNDS
//
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

static unsigned state = 1;

static unsigned draw(unsigned below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static std::string word()
{
	return std::string(8 + draw(40), static_cast<char>('a' + draw(26))) + std::to_string(draw(20000));
}

struct node {
	std::string name;
	std::unique_ptr<node> left, right;
};

static std::unique_ptr<node> tree(unsigned depth)
{
	auto n = std::make_unique<node>();

	n->name = word();
	if (depth) {
		n->left = tree(depth - 1);
		n->right = tree(depth - 1);
	}
	return n;
}

int main(int argc, char **argv)
{
	long rounds = argc > 1 ? atol(argv[1]) : 1, n = 0;
	std::unordered_map<std::string, std::vector<std::string>> index;
	std::map<std::string, long> count;

	for (long i = 0; i < rounds; i++) {
		for (int k = 0; k < 3000; k++) {
			auto w = word();

			index[w.substr(0, 3)].push_back(w);
			count[std::move(w)]++;
		}
		n += static_cast<long>(tree(10)->name.size());
		if (i % 8 == 7) {
			index.clear();
			count.clear();
		}
	}
	printf("%ld %zu\n", n, count.size());
}
