// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Modules of any size that grow in one respect, for the question of how the cost of reading,
// checking and translating them grows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "module_builder.hpp"

namespace quoll::translation {

/// A kind of module.
struct Shape {
  std::string_view name;
  /// What one unit of it is.
  std::string_view unit;
  /// The largest that is worth a measurement, in units.
  std::uint32_t full;
  wasm::test::Bytes (*make)(std::uint32_t units);
};

/// All of them; the first four are those that the engine is asked about most often.
std::span<const Shape> shapes();

/// The shape of that name, or null.
const Shape* find_shape(std::string_view name);

}  // namespace quoll::translation
