// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Everything that the rings hold, as a file that explains itself: it begins with the table of
// events, so that whoever reads it needs no other. docs/tracing.md describes the format.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/trace/local.hpp>
#include <quoll/trace/text.hpp>

namespace quoll::trace {

/// A guest, as a dump names it.
struct GuestName {
  std::uint64_t guest = 0;
  std::uint64_t task = 0;
  std::array<char, 48> name{};  ///< cut short if need be, filled up with zeros
};

/// What a dump is made of. Everything stays in place until the dump is complete.
struct DumpSource {
  std::span<const Local* const> harts;  ///< by their logical ids
  std::span<const GuestName> guests;
  Vocabulary words;
  std::uint64_t ticks_per_second = 0;
  std::uint64_t now = 0;    ///< when it is made, in ticks
  std::uint64_t start = 0;  ///< the log's zero, in ticks
};

/// Produces the file piece by piece, so that it can be written by a task that waits in between.
/// Recording should be off meanwhile: what is overwritten before it is read counts as lost.
class Dump {
 public:
  /// What every buffer given to `next` must hold.
  static constexpr std::size_t kPiece = 2048;
  static constexpr std::array<char, 8> kMagic = {'Q', 'L', 'T', 'R', 'A', 'C', 'E', '1'};

  explicit Dump(const DumpSource& source) noexcept : source_(source) {}

  /// Writes the next bytes; 0 when the file is complete. *Requires*: at least `kPiece` of room.
  std::size_t next(std::span<std::byte> out) noexcept;

 private:
  static constexpr std::size_t kMaxKeys = 256;

  enum class Part : std::uint8_t { kHead, kGroups, kEvents, kWords, kHarts, kNames, kGuests, kEnd };

  std::size_t piece(std::span<std::byte> out) noexcept;
  std::size_t head(std::span<std::byte> out) noexcept;
  std::size_t groups(std::span<std::byte> out) noexcept;
  std::size_t event(std::span<std::byte> out) noexcept;
  std::size_t words(std::span<std::byte> out) noexcept;
  std::size_t hart(std::span<std::byte> out) noexcept;
  std::size_t records(std::span<std::byte> out) noexcept;
  std::size_t names(std::span<std::byte> out) noexcept;
  std::size_t guests(std::span<std::byte> out) noexcept;
  std::size_t end(std::span<std::byte> out) noexcept;
  void note_names(const Record& record) noexcept;
  void note_key(std::uint32_t key) noexcept;

  DumpSource source_;
  Part part_ = Part::kHead;
  std::size_t index_ = 0;  ///< within the part
  bool in_hart_ = false;   ///< the hart's own chunk is out, its records follow
  std::uint64_t position_ = 0;
  std::uint64_t behind_ = 0;
  std::uint64_t records_ = 0;
  std::array<std::uint32_t, kMaxKeys> keys_{};
  std::size_t key_count_ = 0;
};

}  // namespace quoll::trace
