// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// LocalTypes: the types of a function's locals, as runs, and the slots that they take.
#pragma once

#include <algorithm>
#include <cstdint>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/types.hpp>

namespace quoll::wasm {

/// Maps a local's number to its type and its slot. Declarations are kept as runs, so that memory is
/// bounded by the input; the first locals, which nearly all code uses, have their types in a table
/// as well. Without vectors a local's slot is its number.
class LocalTypes {
 public:
  static constexpr std::uint32_t kCached = 256;

  void clear() {
    runs_.clear();
    count_ = 0;
    slots_ = 0;
  }
  std::uint32_t count() const { return count_; }
  /// Slots of all locals so far.
  std::uint32_t slots() const { return slots_; }

  /// Adds `count` locals of one type. False: memory is short.
  [[nodiscard]] bool add(std::uint32_t count, ValueType type) {
    for (std::uint32_t i = count_; i < kCached && i - count_ < count; ++i) cache_[i] = type;
    count_ += count;
    slots_ += count * slot_count(type);
    if (!runs_.empty() && runs_.back().type == type) {
      runs_.back().end = count_;
      runs_.back().end_slot = slots_;
      return true;
    }
    return runs_.try_push_back(Run{count_, slots_, type});
  }

  /// *Requires*: `local < count()`.
  ValueType operator[](std::uint32_t local) const {
    return local < kCached ? cache_[local] : run_of(local).type;
  }
  /// The first slot of a local, counted from that of local 0. *Requires*: `local < count()`.
  std::uint32_t slot(std::uint32_t local) const {
    if (slots_ == count_) return local;
    const Run& run = run_of(local);
    return run.end_slot - (run.end - local) * slot_count(run.type);
  }

 private:
  struct Run {
    std::uint32_t end;
    std::uint32_t end_slot;
    ValueType type;
  };

  const Run& run_of(std::uint32_t local) const {
    return *std::upper_bound(runs_.begin(), runs_.end(), local,
                             [](std::uint32_t l, const Run& run) { return l < run.end; });
  }

  containers::Vector<Run> runs_;
  std::uint32_t count_ = 0;
  std::uint32_t slots_ = 0;
  ValueType cache_[kCached] = {};
};

}  // namespace quoll::wasm
