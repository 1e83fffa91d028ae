// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Segments of an instance, as instructions and instantiation use them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <quoll/wasm/instance.hpp>

namespace quoll::wasm {

/// The bytes of a data segment; none once it was dropped.
std::span<const std::uint8_t> data_bytes(Instance& instance, std::uint32_t segment);

/// Copies `count` elements of a segment from `source` on into the table. Gives the trap that comes
/// of it, if one does; nothing has been written when the elements are not all there.
std::optional<TrapKind> initialise_table(Instance& instance, Table& table, std::uint32_t segment,
                                         std::uint64_t destination, std::uint64_t source,
                                         std::uint64_t count);

/// Works out a constant expression. False: memory is short.
[[nodiscard]] bool evaluate_constant(const Instance& instance, ByteRange range, ValueType type,
                                     Value& out);

}  // namespace quoll::wasm
