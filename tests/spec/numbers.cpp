// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "numbers.hpp"

#include <charconv>
#include <iterator>

namespace quoll::spec {

namespace {

std::string digits(std::uint64_t number, int radix) {
  char out[64];
  const auto end = std::to_chars(std::begin(out), std::end(out), number, radix);
  return {out, end.ptr};
}

}  // namespace

std::string decimal(std::uint64_t number) {
  return digits(number, 10);
}

std::string hexadecimal(std::uint64_t number) {
  const std::string significant = digits(number, 16);
  return std::string(16 - significant.size(), '0') + significant;
}

}  // namespace quoll::spec
