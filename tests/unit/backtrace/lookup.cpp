// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// backtrace_lookup TABLE: reads addresses, prints what the table says: a line `address count`,
// then two lines for each place, function and `directory/file:line`.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include <quoll/backtrace/symbols.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::ifstream file(argv[1], std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto symbols = quoll::backtrace::Symbols::open(std::as_bytes(std::span(bytes)));
  if (!symbols) {
    std::cerr << "the table " << to_string(symbols.error()) << '\n';
    return 1;
  }
  std::string word;
  while (std::cin >> word) {
    const auto location = symbols->find(std::strtoull(word.c_str(), nullptr, 0));
    std::cout << word << ' ' << (location ? location->count : 0) << '\n';
    if (!location) continue;
    for (const auto& place : location->all()) {
      std::cout << place.function << '\n'
                << place.directory << '/' << place.file << ':' << place.line << '\n';
    }
  }
  return 0;
}
