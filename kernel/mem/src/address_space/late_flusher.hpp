// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A flusher that costs nothing until something has to be flushed.
#pragma once

#include <optional>

#include <quoll/kernel/mem/flush.hpp>

namespace quoll::vm {

/// Declared before the guard of the space's lock, as a flusher is.
class [[nodiscard]] LateFlusher {
 public:
  explicit LateFlusher(VmSpace& space) noexcept : space_(space) {}

  TlbFlusher& get() {
    if (!flusher_) flusher_.emplace(space_);
    return *flusher_;
  }
  /// *Context*: task.
  void dispatch() noexcept {
    if (flusher_) flusher_->dispatch();
  }

 private:
  VmSpace& space_;
  std::optional<TlbFlusher> flusher_;
};

}  // namespace quoll::vm
