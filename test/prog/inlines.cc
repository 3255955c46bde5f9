// SPDX-License-Identifier: MIT
// inlines.cc - a lot of code inlined into other inlined code
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace
{
template <class T> struct Table {
	std::map<std::string, std::vector<T>> rows;

	void put(const std::string &key, T value)
	{
		rows[key].push_back(value);
	}
	T total() const
	{
		T sum = 0;

		for (const auto &row : rows)
			for (T value : row.second)
				sum += value;
		return sum;
	}
	void sort()
	{
		for (auto &row : rows)
			std::sort(row.second.begin(), row.second.end(),
				  [](T a, T b) { return b < a; });
	}
};
} // namespace

int main(int argc, char **argv)
{
	auto ints = std::make_unique<Table<long>>();
	Table<double> doubles;

	for (int i = 0; i < argc * 100; i++) {
		ints->put(argv[0] + std::to_string(i % 7), i * 31 % 17);
		doubles.put(std::string(static_cast<std::size_t>(i % 5), 'x'), i / 3.0);
	}
	ints->sort();
	doubles.sort();
	std::printf("%ld %f\n", ints->total(), doubles.total());
	return 0;
}
