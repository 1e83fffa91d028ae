// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Run something when a scope ends, unless it was released.
#pragma once

#include <utility>

namespace quoll::base {

/// Calls `f` on destruction. `release()` calls it off: the idiom of "undo unless committed".
template <typename F>
class [[nodiscard]] ScopeExit {
 public:
  explicit ScopeExit(F f) : f_(std::move(f)) {}
  ScopeExit(const ScopeExit&) = delete;
  ScopeExit& operator=(const ScopeExit&) = delete;
  ScopeExit(ScopeExit&&) = delete;
  ScopeExit& operator=(ScopeExit&&) = delete;
  ~ScopeExit() {
    if (armed_) f_();
  }
  void release() noexcept { armed_ = false; }

 private:
  F f_;
  bool armed_ = true;
};

}  // namespace quoll::base
