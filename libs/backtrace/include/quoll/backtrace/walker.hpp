// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A walk over a stack by the unwind tables, from the innermost function outwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/backtrace/registers.hpp>

namespace quoll::backtrace {

/// Memory that a walk may read: a stack, with the address behind its last byte.
struct StackRange {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  constexpr bool holds(std::uint64_t address, std::uint64_t size) const noexcept {
    return address >= low && address <= high && size <= high - address;
  }
};

/// Where the linker put the unwind tables. They are trusted: read-only parts of the program.
struct UnwindTables {
  StackRange frames;  ///< .eh_frame
  StackRange index;   ///< .eh_frame_hdr
};

/// One function on the stack.
struct Frame {
  std::uint64_t pc = 0;             ///< where it goes on
  std::uint64_t stack_pointer = 0;  ///< at that moment
  bool exact = false;               ///< interrupted at `pc`, not waiting for a call to return

  /// An address inside the instruction that it is at.
  constexpr std::uint64_t position() const noexcept { return exact || pc == 0 ? pc : pc - 1; }
};

/// Why a walk is over.
enum class WalkEnd : std::uint8_t {
  kNone,       ///< it is not
  kOutermost,  ///< nobody called the last function
  kNoTable,    ///< the last address is in no function that the tables know
  kBadStack,   ///< the next frame would lie outside the stacks, or not above the last
  kTooManyFrames,
};
std::string_view to_string(WalkEnd end) noexcept;

/// *Context*: any. The memory of registers and stacks must stay while it walks.
class Walker {
 public:
  static constexpr unsigned kMaxFrames = 64;

  /// `start` is exact: the registers of the very moment.
  Walker(const Registers& start, std::span<const StackRange> stacks, UnwindTables tables,
         unsigned max_frames = kMaxFrames) noexcept
      : registers_(start), stacks_(stacks), tables_(tables), frames_left_(max_frames) {}

  /// The next frame outwards, the first time the innermost one; nothing at the end.
  std::optional<Frame> next() noexcept;
  /// Why there are no more.
  WalkEnd end() const noexcept { return end_; }

 private:
  bool on_stack(std::uint64_t stack_pointer) const noexcept;
  WalkEnd step() noexcept;

  Registers registers_;
  std::span<const StackRange> stacks_;
  UnwindTables tables_;
  unsigned frames_left_;
  bool first_ = true;
  bool exact_ = true;
  WalkEnd end_ = WalkEnd::kNone;
};

}  // namespace quoll::backtrace
