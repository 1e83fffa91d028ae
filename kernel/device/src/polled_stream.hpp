// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A stream over a device that is asked "now?" and says later when to ask again.
#pragma once

#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::device {

/// What a try answers besides bytes.
enum class TryError : std::uint8_t { kWouldBlock, kClosed, kFailed };

class PolledStream : public ByteStream {
 public:
  async::Task<base::Result<std::size_t, StreamError>> read(std::span<std::byte> into,
                                                           async::CancelToken token) override;
  async::Task<base::Result<std::size_t, StreamError>> write(std::span<const std::byte> from,
                                                            async::CancelToken token) override;
  void watch(Watcher& watcher) noexcept override;
  void unwatch(Watcher& watcher) noexcept override;

  /// Something may have changed: everybody who waits looks again. *Context*: task.
  void notify() noexcept;

 protected:
  ~PolledStream() = default;
  virtual base::Result<std::size_t, TryError> try_read(std::span<std::byte> into) noexcept = 0;
  virtual base::Result<std::size_t, TryError> try_write(
      std::span<const std::byte> from) noexcept = 0;

 private:
  using WatchLock = sync::SpinLock<sync::LockRank::kGuestTable>;
  async::WaitQueue readers_;
  async::WaitQueue writers_;
  WatchLock watch_lock_;
  Watcher* watchers_ QUOLL_GUARDED_BY(watch_lock_) = nullptr;
};

}  // namespace quoll::device
