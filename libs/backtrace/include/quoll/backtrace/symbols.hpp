// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A table of functions and lines in GSYM's format (version 1), read where it lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>

namespace quoll::backtrace {

/// Why a table is refused.
enum class SymbolsError : std::uint8_t {
  kTooShort,
  kWrongMagic,
  kWrongVersion,
  kOutOfBounds,  ///< one of its parts does not lie inside
};
std::string_view to_string(SymbolsError error) noexcept;

/// One function at an address; what is not known is empty or 0.
struct Place {
  std::string_view function;
  std::string_view directory;
  std::string_view file;
  std::uint32_t line = 0;
};

/// All functions at an address: the innermost first, each inlined into the next, the last one
/// is what the linker knows.
struct Location {
  static constexpr std::size_t kMaxPlaces = 24;

  std::array<Place, kMaxPlaces> places{};
  std::size_t count = 0;
  std::uint64_t function_start = 0;  ///< of the last one

  std::span<const Place> all() const noexcept { return {places.data(), count}; }
};

/// *Context*: any; allocates nothing. Views into the table.
class Symbols {
 public:
  /// Checks that the table's parts lie inside. What they hold is checked where it is read.
  static base::Result<Symbols, SymbolsError> open(std::span<const std::byte> table) noexcept;

  /// What is known of an address, as it was linked; nothing when it is in no function.
  std::optional<Location> find(std::uint64_t address) const noexcept;

  std::size_t function_count() const noexcept { return count_; }

 private:
  Symbols() = default;
  std::uint64_t start_of(std::size_t function) const noexcept;
  std::string_view string(std::uint64_t offset) const noexcept;
  Place place(std::string_view function, std::uint64_t file, std::uint64_t line) const noexcept;
  void find_inlined(std::span<const std::byte> data, std::uint64_t start, std::uint64_t address,
                    Location& location) const noexcept;

  std::span<const std::byte> table_;
  std::span<const std::byte> starts_;
  std::span<const std::byte> offsets_;
  std::span<const std::byte> files_;
  std::span<const std::byte> strings_;
  std::uint64_t base_ = 0;
  std::size_t count_ = 0;
  std::size_t start_size_ = 0;
};

}  // namespace quoll::backtrace
