// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// HandlerNumbers: a number for each handler that does not depend on where it lies in memory.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/containers/vector.hpp>

#include "interpret/handler.hpp"

namespace quoll::wasm {

/// Maps a handler to its place in a list of all: the functions of handlers.hpp one after the other,
/// each with all values of its parameters. A handler that several of these give has the first one's
/// number. The numbers are the same in every build of the same sources, if the linker merges no
/// equal functions.
///
/// For diagnosis: making the list asks for every handler there is.
class HandlerNumbers {
 public:
  /// Makes the list. False: memory is short.
  [[nodiscard]] bool build();
  /// How many handlers have a number.
  std::size_t size() const { return entries_.size(); }
  /// The handler's number; nothing if it is not in the list.
  std::optional<std::uint32_t> find(std::uint64_t address) const;

 private:
  struct Entry {
    std::uint64_t address;
    std::uint32_t number;
  };

  containers::Vector<Entry> entries_;  ///< by address
};

}  // namespace quoll::wasm
