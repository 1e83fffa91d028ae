// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "polled_stream.hpp"

namespace quoll::device {
namespace {

StreamError to_stream_error(TryError error) noexcept {
  return error == TryError::kClosed ? StreamError::kClosed : StreamError::kFailed;
}

}  // namespace

async::Task<base::Result<std::size_t, StreamError>> PolledStream::read(std::span<std::byte> into,
                                                                       async::CancelToken token) {
  for (;;) {
    const auto now = try_read(into);
    if (now) co_return *now;
    if (now.error() != TryError::kWouldBlock) co_return base::err(to_stream_error(now.error()));
    const auto waited = co_await readers_.wait_unless([this] { return readable(); }, token);
    if (!waited) co_return base::err(StreamError::kCancelled);
  }
}

async::Task<base::Result<std::size_t, StreamError>> PolledStream::write(
    std::span<const std::byte> from, async::CancelToken token) {
  for (;;) {
    const auto now = try_write(from);
    if (now) co_return *now;
    if (now.error() != TryError::kWouldBlock) co_return base::err(to_stream_error(now.error()));
    const auto waited = co_await writers_.wait_unless([this] { return writable(); }, token);
    if (!waited) co_return base::err(StreamError::kCancelled);
  }
}

void PolledStream::watch(Watcher& watcher) noexcept {
  sync::LockGuard guard(watch_lock_);
  watcher.previous = nullptr;
  watcher.next = watchers_;
  if (watchers_ != nullptr) watchers_->previous = &watcher;
  watchers_ = &watcher;
}

void PolledStream::unwatch(Watcher& watcher) noexcept {
  sync::LockGuard guard(watch_lock_);
  (watcher.previous != nullptr ? watcher.previous->next : watchers_) = watcher.next;
  if (watcher.next != nullptr) watcher.next->previous = watcher.previous;
  watcher.next = watcher.previous = nullptr;
}

void PolledStream::notify() noexcept {
  readers_.wake_all();
  writers_.wake_all();
  sync::LockGuard guard(watch_lock_);
  for (Watcher* watcher = watchers_; watcher != nullptr; watcher = watcher->next) {
    watcher->changed(*watcher);
  }
}

}  // namespace quoll::device
