// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations and sequences of them: plain numbers, which mean something only to the system that
// they are applied to, in the state that it is in. So any part of a sequence is a sequence too.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace quoll::model {

/// An allowance that never ends.
inline constexpr std::uint32_t kPlenty = 0xffff'ffff;

struct Operation {
  std::uint32_t kind = 0;
  std::uint32_t hart = 0;  ///< modulo the number of harts
  /// How many page tables or frames, and how many objects, the operation gets before allocations
  /// fail.
  std::uint32_t frames = kPlenty;
  std::uint32_t objects = kPlenty;
  std::array<std::uint64_t, 4> operands{};

  bool is_scarce() const { return frames != kPlenty || objects != kPlenty; }
  bool operator==(const Operation&) const = default;
};

/// What a sequence is run on.
struct Setting {
  std::string system;
  unsigned mode = 0;  ///< 39, 48 or 57; 0 where no addresses are translated
  unsigned harts = 1;
  std::uint64_t seed = 0;  ///< where it came from; told, not used
};

struct Sequence {
  Setting setting;
  std::vector<Operation> operations;
};

/// Picks numbers out of an operand, so that small operands mean simple things.
class Picker {
 public:
  explicit Picker(std::uint64_t operand) : rest_(operand) {}
  std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t picked = rest_ % bound;
    rest_ /= bound;
    return picked;
  }
  bool one_in(std::uint64_t n) { return below(n) == n - 1; }

 private:
  std::uint64_t rest_;
};

}  // namespace quoll::model
