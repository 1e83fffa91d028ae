// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Requests for pages that come later: one for each page, however many wait for it.
//
// A wait ends once: whoever takes a waiter off the list, under the request's lock, is the one who
// calls it, or who has withdrawn it. Nothing of the request is touched after that call.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/intrusive/list.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/intrusive/wavl_tree.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// Who is told that a request is complete.
struct PageWaiter : intrusive::ListNode<PageWaiter> {
  /// *Context*: that of whoever completes the request, with no lock of this room held.
  void (*complete)(PageWaiter& self) = nullptr;
};

/// What has become of a request.
enum class PageRequestState : std::uint8_t {
  kPending,
  kSupplied,  ///< the page is there
  kFailed,    ///< it did not come; the next fault asks again
  kGone,      ///< the object has ended, or no longer reaches so far
};

/// One page that a provider is getting.
/// *Locking*: its own; any hart.
class PageRequest : public intrusive::RefCounted<PageRequest>,
                    public intrusive::WavlNode<PageRequest> {
 public:
  explicit PageRequest(std::uint64_t offset) noexcept : offset_(offset) {}

  /// Where in the object.
  std::uint64_t offset() const noexcept { return offset_; }
  PageRequestState state() const noexcept { return state_.load(std::memory_order_acquire); }

  /// Has the waiter called once, when the request is complete. False, when it is already.
  [[nodiscard]] bool wait(PageWaiter& waiter) QUOLL_EXCLUDES(lock_);
  /// Takes a waiter back. False: it has been called, or is about to be.
  bool withdraw(PageWaiter& waiter) QUOLL_EXCLUDES(lock_);

 private:
  friend class PagedVmo;
  using Lock = sync::SpinLock<sync::LockRank::kPageRequest>;

  void complete(PageRequestState state) QUOLL_EXCLUDES(lock_);

  const std::uint64_t offset_;
  std::atomic<PageRequestState> state_{PageRequestState::kPending};
  Lock lock_;
  intrusive::List<PageWaiter, PageWaiter> waiters_ QUOLL_GUARDED_BY(lock_);
};

using PageRequestRef = intrusive::RefPtr<PageRequest>;

struct PageRequestTraits {
  using Key = std::uint64_t;
  static Key key(const PageRequest& request) noexcept { return request.offset(); }
  static bool update(PageRequest&, const PageRequest*, const PageRequest*) noexcept {
    return false;  // there is no summary
  }
};
using PageRequestTree = intrusive::WavlTree<PageRequest, PageRequestTraits>;

}  // namespace quoll::vm
