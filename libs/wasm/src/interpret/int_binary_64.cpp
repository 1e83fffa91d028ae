// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "interpret/int_binary.hpp"

namespace quoll::wasm {

template Handler find_int_binary<std::uint64_t>(Operation, Operand, Operand, Operand);

namespace handlers {

Handler int_binary(Operation op, Width width, Operand a, Operand b, Operand d) {
  return width == Width::k32 ? find_int_binary<std::uint32_t>(op, a, b, d)
                             : find_int_binary<std::uint64_t>(op, a, b, d);
}

}  // namespace handlers
}  // namespace quoll::wasm
