// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A property: a name and bytes, and the usual readings of the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace quoll::fdt {

/// A list of big-endian 32-bit cells, read from the front.
class Cells {
 public:
  constexpr Cells() = default;
  explicit constexpr Cells(std::span<const std::byte> data) : data_(data) {}

  /// Cells left.
  constexpr std::size_t size() const noexcept { return data_.size() / 4; }
  constexpr bool empty() const noexcept { return size() == 0; }

  /// Takes `count` cells (0 to 2) as one number; a larger count gives the low 64 bits only if the
  /// others are zero. Nothing when too few are left or the number does not fit.
  std::optional<std::uint64_t> take(std::uint32_t count) noexcept;

 private:
  std::span<const std::byte> data_;
};

class Property {
 public:
  Property(std::string_view name, std::span<const std::byte> data) : name_(name), data_(data) {}

  std::string_view name() const noexcept { return name_; }
  std::span<const std::byte> data() const noexcept { return data_; }

  /// The value of exactly one cell.
  std::optional<std::uint32_t> as_u32() const noexcept;
  /// The value of exactly two cells.
  std::optional<std::uint64_t> as_u64() const noexcept;
  /// The value of one or two cells, whichever the property has.
  std::optional<std::uint64_t> as_number() const noexcept;
  /// The first string, without its NUL. Nothing when there is no NUL.
  std::optional<std::string_view> as_string() const noexcept;
  /// Whether a list of strings holds `wanted`.
  bool has_string(std::string_view wanted) const noexcept;
  /// All cells.
  Cells as_cells() const noexcept { return Cells(data_); }

 private:
  std::string_view name_;
  std::span<const std::byte> data_;
};

}  // namespace quoll::fdt
