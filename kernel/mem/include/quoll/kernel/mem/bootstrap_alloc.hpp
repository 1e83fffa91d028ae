// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The bootstrap allocator: whole frames out of the loader's free memory before there is a frame
// allocator, whose own metadata comes from here. What it did not hand out goes over to the frame
// allocator.
//
// It takes the regions as they come: in any order, overlapping, empty, unaligned, larger than
// memory can be. It keeps no copy of them, so there is no number of regions that it could not hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/kernel/mem/frame_alloc/frame_number.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

/// Frames that follow one another. 64 bits: the sum of both ends never overflows.
struct Stretch {
  std::uint64_t first = 0;
  std::uint64_t end = 0;

  constexpr std::uint64_t count() const noexcept { return end - first; }
  constexpr bool operator==(const Stretch&) const = default;
};

/// Reads ranges of memory, in whatever order and overlap, as stretches of whole frames in order,
/// with a gap between any two. Frame 0 is in none: its address would be no address.
class Stretches {
 public:
  /// What of `ranges` and `more` lies in `bounds`.
  Stretches(std::span<const mem::PhysicalRange> ranges, mem::PhysicalRange bounds,
            std::span<const mem::PhysicalRange> more = {}) noexcept;

  /// The first stretch that has frames at or behind `from`, without those before it.
  std::optional<Stretch> next(std::uint64_t from) const noexcept;

 private:
  template <typename F>
  void for_each(F&& f) const;

  std::span<const mem::PhysicalRange> ranges_;
  std::span<const mem::PhysicalRange> more_;
  Stretch bounds_;
};

/// *Context*: boot hart, before anything else allocates.
class BootstrapAllocator {
 public:
  /// Hands out frames of `free` that lie in `bounds` and in none of `in_use`, not even in part.
  explicit BootstrapAllocator(std::span<const mem::PhysicalRange> free, mem::PhysicalRange bounds,
                              std::span<const mem::PhysicalRange> in_use = {}) noexcept;

  /// `count` frames in a row, with arbitrary content: the end of the largest stretch that is left.
  /// Nothing: there are none, or it was asked more than `kMaxTaken` times for frames that do not
  /// touch.
  std::optional<FrameNumber> allocate(std::uint64_t count) noexcept;

  /// The first stretch of what is left that has frames at or behind `from`.
  std::optional<Stretch> next_free(std::uint64_t from) const noexcept;
  /// How many frames were handed out.
  std::uint64_t taken_frames() const noexcept;

  std::span<const mem::PhysicalRange> free_ranges() const noexcept { return free_ranges_; }
  std::span<const mem::PhysicalRange> in_use() const noexcept { return in_use_; }
  mem::PhysicalRange bounds() const noexcept { return bounds_; }

  static constexpr std::size_t kMaxTaken = 32;

 private:
  bool note_taken(Stretch taken) noexcept;
  template <typename F>
  void for_each_obstacle(F&& f) const;

  std::span<const mem::PhysicalRange> free_ranges_;
  std::span<const mem::PhysicalRange> in_use_;
  mem::PhysicalRange bounds_;
  std::array<Stretch, kMaxTaken> taken_{};
  std::size_t taken_count_ = 0;
};

}  // namespace quoll::vm
