// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// LocalTypes: the types of a function's locals, as runs.
#pragma once

#include <algorithm>
#include <cstdint>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

/// Maps a local's number to its type. Declarations are kept as runs, so that memory is bounded by
/// the input; the first locals, which nearly all code uses, are in a table as well.
class LocalTypes {
 public:
  static constexpr std::uint32_t kCached = 256;

  void clear() {
    runs_.clear();
    count_ = 0;
  }
  std::uint32_t count() const { return count_; }

  /// Adds `count` locals of one type. False: memory is short.
  [[nodiscard]] bool add(std::uint32_t count, ValueType type) {
    for (std::uint32_t i = count_; i < kCached && i - count_ < count; ++i) cache_[i] = type;
    count_ += count;
    if (!runs_.empty() && runs_.back().type == type) {
      runs_.back().end = count_;
      return true;
    }
    return runs_.try_push_back(Run{count_, type});
  }

  /// *Requires*: `local < count()`.
  ValueType operator[](std::uint32_t local) const {
    if (local < kCached) return cache_[local];
    return std::upper_bound(runs_.begin(), runs_.end(), local,
                            [](std::uint32_t l, const Run& run) { return l < run.end; })
        ->type;
  }

 private:
  struct Run {
    std::uint32_t end;
    ValueType type;
  };

  containers::Vector<Run> runs_;
  std::uint32_t count_ = 0;
  ValueType cache_[kCached] = {};
};

}  // namespace quoll::wasm
