// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// translation_hash: what an instance's functions are translated to, in one number.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/wasm/instance.hpp>

namespace quoll::wasm {

/// Why there is no hash.
enum class HashError : std::uint8_t {
  kOutOfMemory,
  kUnknownHandler,  ///< a cell's handler is not in the list of handlers: a defect
  kDiffers,         ///< a function was translated before, to something else: a defect
};
const char* text(HashError error) noexcept;

/// A hash of the translation of every function of the instance. Handlers count as their numbers in
/// the list of all handlers, addresses as what they name; so the hash says the same wherever things
/// lie in memory, in another process or another store. It depends on the module's bytes, on which
/// imports are of the host and which of other instances, and on whether the engine is
/// interruptible.
///
/// For diagnosis and tests. Every function is translated once more, and what was translated before
/// is compared with it; the instance is left as it was.
base::Result<std::uint64_t, HashError> translation_hash(Instance& instance);

}  // namespace quoll::wasm
