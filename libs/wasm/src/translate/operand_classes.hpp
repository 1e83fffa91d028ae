// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sets of operand classes, for asking what an instruction's handlers take.
#pragma once

#include <quoll/wasm/opcodes.hpp>

#include "interpret/operands.hpp"

namespace quoll::wasm {

constexpr unsigned class_bit(Operand c) {
  return 1u << static_cast<unsigned>(c);
}

inline constexpr unsigned kBasicClasses =
    class_bit(Operand::kSlot) | class_bit(Operand::kAccumulator);
inline constexpr unsigned kRegisterClasses =
    kBasicClasses | class_bit(Operand::kPin0) | class_bit(Operand::kPin1);
inline constexpr unsigned kAnyClass = kRegisterClasses | class_bit(Operand::kImmediate);

/// The comparison of integers that is true where `op` is false.
Operation inverse_comparison(Operation op);

}  // namespace quoll::wasm
