// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A byte stream in memory: what the test feeds can be read, what is written is kept.
#pragma once

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/device/stream.hpp>

namespace quoll::test {

class FakeStream final : public device::ByteStream {
 public:
  using Moved = async::Task<base::Result<std::size_t, device::StreamError>>;

  explicit FakeStream(std::string input = "", bool ended = false)
      : input_(std::move(input)), ended_(ended) {}

  void feed(const std::string& text) {
    input_ += text;
    changed();
  }
  void end() {
    ended_ = true;
    changed();
  }
  /// How many bytes more can be written before writers wait.
  void set_room(std::size_t room) {
    room_ = room;
    changed();
  }
  void close() {
    closed_ = true;
    changed();
  }
  const std::string& written() const { return written_; }
  int watchers() const { return watcher_count_; }

  Moved read(std::span<std::byte> into, async::CancelToken token) override {
    for (;;) {
      if (!input_.empty()) {
        const std::size_t size = std::min(into.size(), input_.size());
        std::memcpy(into.data(), input_.data(), size);
        input_.erase(0, size);
        co_return size;
      }
      if (ended_) co_return std::size_t{0};
      const auto waited = co_await queue_.wait_unless([this] { return readable(); }, token);
      if (!waited) co_return base::err(device::StreamError::kCancelled);
    }
  }
  Moved write(std::span<const std::byte> from, async::CancelToken token) override {
    for (;;) {
      if (closed_) co_return base::err(device::StreamError::kClosed);
      if (room_ > 0) {
        const std::size_t size = std::min(from.size(), room_);
        written_.append(reinterpret_cast<const char*>(from.data()), size);
        room_ -= size;
        co_return size;
      }
      const auto waited = co_await queue_.wait_unless([this] { return writable(); }, token);
      if (!waited) co_return base::err(device::StreamError::kCancelled);
    }
  }
  bool readable() noexcept override { return ended_ || !input_.empty(); }
  bool writable() noexcept override { return closed_ || room_ > 0; }
  void watch(device::Watcher& watcher) noexcept override {
    watcher.next = first_;
    first_ = &watcher;
    ++watcher_count_;
  }
  void unwatch(device::Watcher& watcher) noexcept override {
    device::Watcher** at = &first_;
    while (*at != &watcher) at = &(*at)->next;
    *at = watcher.next;
    --watcher_count_;
  }

 private:
  void changed() {
    queue_.wake_all();
    for (device::Watcher* w = first_; w != nullptr; w = w->next) w->changed(*w);
  }

  std::string input_;
  std::string written_;
  bool ended_ = false;
  bool closed_ = false;
  std::size_t room_ = std::numeric_limits<std::size_t>::max();
  async::WaitQueue queue_;
  device::Watcher* first_ = nullptr;
  int watcher_count_ = 0;
};

}  // namespace quoll::test
