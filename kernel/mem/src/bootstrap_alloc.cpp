// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The bootstrap allocator, and ranges read as stretches.
#include <algorithm>

#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/bootstrap_alloc.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

using mem::kPageShift;
using mem::kPageSize;

/// The whole frames in a range.
Stretch inner(mem::PhysicalRange range) noexcept {
  const mem::PhysicalRange whole = range.whole_pages();
  const std::uint64_t first = whole.start().value() >> kPageShift;
  return {first, first + whole.page_count()};
}

/// All frames that a range touches.
Stretch outer(mem::PhysicalRange range) noexcept {
  const std::uint64_t first = range.start().value() >> kPageShift;
  if (range.is_empty()) return {first, first};
  const std::uint64_t last = (range.start().value() + (range.size() - 1)) >> kPageShift;
  return {first, last + 1};
}

}  // namespace

// Stretches.

Stretches::Stretches(std::span<const mem::PhysicalRange> ranges, mem::PhysicalRange bounds,
                     std::span<const mem::PhysicalRange> more) noexcept
    : ranges_(ranges), more_(more), bounds_(inner(bounds)) {
  bounds_.first = std::max<std::uint64_t>(bounds_.first, 1);
  bounds_.end = std::min<std::uint64_t>(bounds_.end, kNoFrame);
}

template <typename F>
void Stretches::for_each(F&& f) const {
  for (const auto ranges : {ranges_, more_}) {
    for (const mem::PhysicalRange& range : ranges) {
      const Stretch stretch = inner(range);
      const std::uint64_t first = std::max(stretch.first, bounds_.first);
      const std::uint64_t end = std::min(stretch.end, bounds_.end);
      if (first < end) f(Stretch{first, end});
    }
  }
}

std::optional<Stretch> Stretches::next(std::uint64_t from) const noexcept {
  std::uint64_t lowest = ~std::uint64_t{0};
  for_each([&](Stretch stretch) {
    if (stretch.end > from) lowest = std::min(lowest, std::max(stretch.first, from));
  });
  if (lowest == ~std::uint64_t{0}) return std::nullopt;
  // In sorted input one round finds the end, and the next one that it stays.
  std::uint64_t end = lowest;
  for (std::uint64_t before = ~end; before != end;) {
    before = end;
    for_each([&](Stretch stretch) {
      if (stretch.first <= end) end = std::max(end, stretch.end);
    });
  }
  return Stretch{lowest, end};
}

// The allocator.

BootstrapAllocator::BootstrapAllocator(std::span<const mem::PhysicalRange> free,
                                       mem::PhysicalRange bounds,
                                       std::span<const mem::PhysicalRange> in_use) noexcept
    : free_ranges_(free), in_use_(in_use), bounds_(bounds) {}

template <typename F>
void BootstrapAllocator::for_each_obstacle(F&& f) const {
  for (const mem::PhysicalRange& range : in_use_) {
    const Stretch stretch = outer(range);
    if (stretch.count() > 0) f(stretch);
  }
  for (std::size_t i = 0; i < taken_count_; ++i) f(taken_[i]);
}

std::optional<Stretch> BootstrapAllocator::next_free(std::uint64_t from) const noexcept {
  const Stretches free(free_ranges_, bounds_);
  for (;;) {
    std::optional<Stretch> stretch = free.next(from);
    if (!stretch) return std::nullopt;
    // Past what covers the start, as often as something does; then up to what comes next.
    std::uint64_t first = stretch->first;
    for (std::uint64_t before = ~first; before != first;) {
      before = first;
      for_each_obstacle([&](Stretch obstacle) {
        if (obstacle.first <= first && first < obstacle.end) first = obstacle.end;
      });
    }
    if (first >= stretch->end) {
      from = first;
      continue;
    }
    std::uint64_t end = stretch->end;
    for_each_obstacle([&](Stretch obstacle) {
      if (obstacle.first > first) end = std::min(end, obstacle.first);
    });
    return Stretch{first, end};
  }
}

bool BootstrapAllocator::note_taken(Stretch taken) noexcept {
  for (std::size_t i = 0; i < taken_count_; ++i) {
    if (taken_[i].first == taken.end) {
      taken_[i].first = taken.first;
      return true;
    }
  }
  if (taken_count_ == kMaxTaken) return false;
  taken_[taken_count_++] = taken;
  return true;
}

std::optional<FrameNumber> BootstrapAllocator::allocate(std::uint64_t count) noexcept {
  if (count == 0) return std::nullopt;
  Stretch largest;
  for (auto stretch = next_free(0); stretch; stretch = next_free(stretch->end)) {
    if (stretch->count() > largest.count()) largest = *stretch;
  }
  if (largest.count() < count) return std::nullopt;
  const std::uint64_t first = largest.end - count;
  if (!note_taken({first, largest.end})) return std::nullopt;
  return static_cast<FrameNumber>(first);
}

std::uint64_t BootstrapAllocator::taken_frames() const noexcept {
  std::uint64_t frames = 0;
  for (std::size_t i = 0; i < taken_count_; ++i) frames += taken_[i].count();
  return frames;
}

}  // namespace quoll::vm
