// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the programs that validate a module have in common: `PROGRAM MODULE COUNT` does it once, and
// then so many times, and prints the nanoseconds of one time.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

namespace quoll::bench {

/// `validate` takes the bytes and says whether they are a valid module.
template <typename Validate>
int time_validation(int argc, char** argv, Validate validate) {
  const long count = argc == 3 ? std::strtol(argv[2], nullptr, 10) : 0;
  if (count < 1) {
    std::fprintf(stderr, "usage: %s MODULE COUNT\n", argv[0]);
    return 2;
  }
  std::ifstream stream(argv[1], std::ios::binary);
  const std::vector<char> read{std::istreambuf_iterator<char>(stream), {}};
  const std::vector<std::uint8_t> bytes(read.begin(), read.end());
  if (!validate(bytes)) {
    std::fprintf(stderr, "%s: %s is not valid\n", argv[0], argv[1]);
    return 1;
  }
  const auto begin = std::chrono::steady_clock::now();
  for (long i = 0; i < count; ++i) {
    if (!validate(bytes)) return 1;
  }
  const auto time = std::chrono::steady_clock::now() - begin;
  const auto whole = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
  std::printf("%lld\n", static_cast<long long>(whole / count));
  return 0;
}

}  // namespace quoll::bench
