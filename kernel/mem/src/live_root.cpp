// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/mem/live_root.hpp>

namespace quoll::vm {

constinit LiveRoot::Lock LiveRoot::lock_;
constinit LiveRoot* LiveRoot::first_ = nullptr;

LiveRoot::LiveRoot(mem::PhysicalAddress table) noexcept : table_(table) {
  sync::LockGuard guard(lock_);
  next_ = first_;
  if (next_ != nullptr) next_->previous_ = this;
  first_ = this;
}

LiveRoot::~LiveRoot() {
  sync::LockGuard guard(lock_);
  if (next_ != nullptr) next_->previous_ = previous_;
  (previous_ != nullptr ? previous_->next_ : first_) = next_;
}

}  // namespace quoll::vm
