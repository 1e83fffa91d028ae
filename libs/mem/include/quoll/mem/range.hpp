// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Ranges of addresses, kept as start and size so that one may end at the very top.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::mem {

/// The half-open range `[start, start + size)`. It may touch 2^64 but never pass it.
template <typename A>
class AddressRange {
 public:
  constexpr AddressRange() = default;
  /// *Requires*: the range does not pass the end of the address space; `create` otherwise.
  constexpr AddressRange(A start, std::uint64_t size) : start_(start), size_(size) {
    QUOLL_ASSERT(fits(start, size));
  }

  /// The range of `size` bytes from `start`, or nothing when it would pass the end.
  static constexpr std::optional<AddressRange> create(A start, std::uint64_t size) noexcept {
    if (!fits(start, size)) return std::nullopt;
    return AddressRange(start, size);
  }
  /// The range from `start` up to and without `end`, or nothing when they are in the wrong order.
  static constexpr std::optional<AddressRange> between(A start, A end) noexcept {
    if (end < start) return std::nullopt;
    return AddressRange(start, end - start);
  }

  constexpr A start() const noexcept { return start_; }
  constexpr std::uint64_t size() const noexcept { return size_; }
  /// The first address behind the range; 0 when the range touches 2^64.
  constexpr A end() const noexcept { return start_ + size_; }
  constexpr bool is_empty() const noexcept { return size_ == 0; }
  constexpr std::uint64_t page_count() const noexcept { return pages_for(size_); }
  constexpr bool is_aligned(std::uint64_t alignment) const noexcept {
    return base::is_aligned(start_.value() | size_, alignment);
  }
  constexpr bool is_page_aligned() const noexcept { return is_aligned(kPageSize); }

  constexpr bool contains(A address) const noexcept { return address - start_ < size_; }
  /// Whether every byte of `other` is in here. An empty range is in every range that it touches.
  constexpr bool contains(AddressRange other) const noexcept {
    return base::fits_within(other.start_ - start_, other.size_, size_);
  }
  constexpr bool overlaps(AddressRange other) const noexcept {
    return size_ != 0 && other.size_ != 0 && (contains(other.start_) || other.contains(start_));
  }
  /// What both have in common; empty when nothing.
  constexpr AddressRange intersection(AddressRange other) const noexcept {
    if (!overlaps(other)) return AddressRange(start_, 0);
    const A low = std::max(start_, other.start_);
    return AddressRange(low, std::min(size_ - (low - start_), other.size_ - (low - other.start_)));
  }
  /// The largest range of whole pages inside this one; possibly empty.
  constexpr AddressRange whole_pages() const noexcept {
    const auto low = start_.checked_align_up(kPageSize);
    if (!low || *low - start_ > size_) return AddressRange(start_.align_down(kPageSize), 0);
    return AddressRange(*low, base::align_down(size_ - (*low - start_), kPageSize));
  }

  constexpr bool operator==(const AddressRange&) const = default;

 private:
  static constexpr bool fits(A start, std::uint64_t size) noexcept {
    return size == 0 || size - 1 <= ~start.value();
  }

  A start_{};
  std::uint64_t size_ = 0;
};

using PhysicalRange = AddressRange<PhysicalAddress>;
using VirtualRange = AddressRange<VirtualAddress>;

}  // namespace quoll::mem
