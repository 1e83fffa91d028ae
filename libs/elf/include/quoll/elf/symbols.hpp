// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which function an address belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/elf/image.hpp>

namespace quoll::elf {

/// A function that holds an address.
struct Symbol {
  std::string_view name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// The function symbol whose range holds `address` (linked). Nothing without a symbol table.
std::optional<Symbol> function_at(const Image& image, std::uint64_t address) noexcept;

}  // namespace quoll::elf
