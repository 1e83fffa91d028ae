// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "interpret/int_binary.hpp"

namespace quoll::wasm {

template Handler find_int_binary<std::uint32_t>(Operation, Operand, Operand, Operand);

}  // namespace quoll::wasm
