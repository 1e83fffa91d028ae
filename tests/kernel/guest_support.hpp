// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Running the probe as a guest, inside the kernel's tests.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/async/task.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/guest/start.hpp>

namespace quoll::guest::tests {

/// A stream in memory: writes are kept, reads wait for `feed`.
class MemoryStream final : public device::ByteStream {
 public:
  using Moved = async::Task<base::Result<std::size_t, device::StreamError>>;

  std::string_view written() const noexcept { return {written_.data(), size_.load()}; }
  /// One byte for a reader. *Requires*: the one before has been read.
  void feed(std::byte byte) noexcept;

  Moved read(std::span<std::byte> into, async::CancelToken token) override;
  Moved write(std::span<const std::byte> from, async::CancelToken token) override;
  bool readable() noexcept override { return has_input_.load(); }
  bool writable() noexcept override { return true; }
  void watch(device::Watcher& watcher) noexcept override;
  void unwatch(device::Watcher& watcher) noexcept override;
  bool watched() const noexcept { return watcher_.load() != nullptr; }

 private:
  std::array<char, 512> written_{};
  std::atomic<std::size_t> size_{0};
  std::byte input_{};
  std::atomic<bool> has_input_{false};
  async::WaitQueue readers_;
  std::atomic<device::Watcher*> watcher_{nullptr};
};

/// For as long as it lives, guests find other services. *Requires*: no guest starts before and ends
/// after it, but by chance of what it does.
class OtherServices {
 public:
  explicit OtherServices(void (*change)(Services::Parts& parts));
  OtherServices(const OtherServices&) = delete;
  OtherServices& operator=(const OtherServices&) = delete;
  ~OtherServices();
};

/// What the probe may be given.
struct ProbeSpec {
  std::string_view action;
  std::string_view argument = {};
  device::StandardStreams streams = {};
  std::uint64_t memory_limit = std::uint64_t{4} << 20;
};

/// Starts the probe; nothing when that failed, which the test has been told then.
GuestRef start_probe(const ProbeSpec& spec);
/// Starts it and waits for its end. A guest that could not be started counts as interrupted.
async::Task<GuestEnd> run_probe(ProbeSpec spec);
/// As `run_probe`, with a number as the argument.
async::Task<GuestEnd> run_probe_with(std::string_view action, std::uint64_t number);
/// `co_await`able result of a probe in a test.
#define RUN_PROBE(...) (co_await quoll::guest::tests::run_probe({__VA_ARGS__}).checked()).value()
#define RUN_PROBE_WITH(action, number) \
  (co_await quoll::guest::tests::run_probe_with(action, number).checked()).value()

/// For as long as it lives, guests run WebAssembly programs of the boot archive. *Requires*: as
/// `OtherServices`.
class RealRuntime {
 public:
  RealRuntime();
  /// Starts the program at a path; nothing when that failed, which the test has been told then.
  GuestRef start(std::string_view path, const device::StandardStreams& streams) const;

 private:
  OtherServices services_;
};

/// A number as the probe reads it.
class Hex {
 public:
  explicit Hex(std::uint64_t value) noexcept;
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 16> text_{};
  std::size_t size_ = 0;
};

}  // namespace quoll::guest::tests
