// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Runs in child processes: a broken invariant, a sanitizer's finding or an endless wait ends only
// the child, and the parent knows at which step.
#pragma once

#include <functional>
#include <string>

#include "engine.hpp"

namespace quoll::model {

/// What a child leaves behind.
struct Verdict {
  bool passed = false;
  std::string what;  ///< the mismatch, or how the child died with what it said
  Progress progress;

  /// `what` without numbers: the same defect, whatever the addresses.
  std::string defect() const;
};

enum class Leaks { kIgnored, kChecked };

/// Runs `body` in a child that may use `seconds` of processor time. `body` throws `Mismatch` or
/// returns.
Verdict in_child(unsigned seconds, Leaks leaks, const std::function<void(Progress&)>& body);

/// Memory of type T, zero, that children share with their parent; never given back.
template <typename T>
T* shared_memory();
void* shared_bytes(std::size_t size);
template <typename T>
T* shared_memory() {
  return ::new (shared_bytes(sizeof(T))) T;
}

}  // namespace quoll::model
