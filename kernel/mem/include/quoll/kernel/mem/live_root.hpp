// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The root page tables of user spaces that exist now, for whoever audits page tables.
#pragma once

#include <quoll/mem/address.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// Stands beside a root page table for as long as the table may be walked: a member of its owner,
/// behind the table, so that it goes first.
/// *Locking*: its own. *Context*: task.
class LiveRoot {
 public:
  explicit LiveRoot(mem::PhysicalAddress table) noexcept;
  LiveRoot(const LiveRoot&) = delete;
  LiveRoot& operator=(const LiveRoot&) = delete;
  ~LiveRoot();

  /// Calls `f(root)` for each; no space ends meanwhile. *Context*: `f` takes no lock.
  template <typename F>
  static void for_each(F&& f) {
    sync::LockGuard guard(lock_);
    for (const LiveRoot* root = first_; root != nullptr; root = root->next_) f(root->table_);
  }

 private:
  using Lock = sync::SpinLock<sync::LockRank::kLiveRoots>;

  static constinit Lock lock_;
  static constinit LiveRoot* first_ QUOLL_GUARDED_BY(lock_);

  const mem::PhysicalAddress table_;
  LiveRoot* next_ = nullptr;
  LiveRoot* previous_ = nullptr;
};

}  // namespace quoll::vm
