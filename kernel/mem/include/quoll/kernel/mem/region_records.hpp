// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where one space's records of regions come from: the heap, with the last ones that were given back
// kept at hand. An operation takes all that it needs before it changes anything.
#pragma once

#include <array>
#include <cstddef>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/region.hpp>

namespace quoll::vm {

/// *Locking*: its space's.
class RegionRecords {
 public:
  /// What one operation needs at most: it cuts regions where its range starts and where it ends.
  static constexpr unsigned kMost = 2;

  RegionRecords() = default;
  RegionRecords(const RegionRecords&) = delete;
  RegionRecords& operator=(const RegionRecords&) = delete;
  ~RegionRecords();

  bool has(unsigned count) const noexcept { return count_ >= count; }
  /// Fetches records until there are `count`. False: the heap has none.
  /// *Requires*: `count` is at most `kMost`.
  [[nodiscard]] bool fetch(unsigned count) noexcept;
  /// One without a VMO, that says nothing yet. *Requires*: there is one.
  Region& take() noexcept {
    QUOLL_ASSERT(count_ > 0);
    return *kept_[--count_];
  }
  /// *Requires*: it is on no tree.
  void give(Region& region) noexcept {
    if (count_ == kMost || region.vmo) [[unlikely]]
      return give_unusual(region);
    kept_[count_++] = &region;
  }

 private:
  void give_unusual(Region& region) noexcept;

  std::array<Region*, kMost> kept_{};
  std::size_t count_ = 0;
};

}  // namespace quoll::vm
