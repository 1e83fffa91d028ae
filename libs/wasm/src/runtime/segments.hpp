// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Segments of an instance, as instructions and instantiation use them.
#pragma once

#include <cstdint>
#include <span>

#include <quoll/wasm/instance.hpp>

namespace quoll::wasm {

/// The bytes of a data segment; none once it was dropped.
std::span<const std::uint8_t> data_bytes(Instance& instance, std::uint32_t segment);

/// Copies `count` elements of a segment from `source` on into the table. False, with nothing
/// written, when they are not all there.
bool initialise_table(Instance& instance, Table& table, std::uint32_t segment,
                      std::uint64_t destination, std::uint64_t source, std::uint64_t count);

/// The value of a constant expression, as slots hold it.
std::uint64_t evaluate_constant(Instance& instance, ByteRange range, ValueType type);

}  // namespace quoll::wasm
