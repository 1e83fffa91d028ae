// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One module, read, checked and translated whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/wasm/wasm.hpp>

namespace quoll::translation {

/// What a part of the work took. Bytes are the most that were allocated at once, the module's own
/// not counted.
struct Cost {
  std::size_t bytes = 0;
  std::uint64_t steps = 0;
};
struct Costs {
  Cost decode;
  Cost translate;
  std::uint64_t hash = 0;
};

/// A counter that is read before and after.
using Counter = std::uint64_t (*)();

/// Measures a module that is valid, and ends the program if it is not. Imported functions are
/// supplied.
Costs measure(std::span<const std::uint8_t> module, Counter steps);

}  // namespace quoll::translation

// In C's manner, so that a tool that counts instructions finds them by name.
extern "C" {
/// Reads and checks.
quoll::wasm::Module* quoll_measured_decode(const std::uint8_t* bytes, std::size_t size);
/// Makes an instance and translates all of its functions.
quoll::wasm::Instance* quoll_measured_translate(quoll::wasm::Linker* linker,
                                                const quoll::wasm::Module* module);
}
