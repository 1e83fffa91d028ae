// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/abi/limits.hpp>
#include <quoll/runtime/clock.hpp>
#include <quoll/runtime/system_call.hpp>
#include <quoll/runtime/system_host.hpp>

namespace quoll::runtime {
namespace {

// SAFETY: the counter of the timebase; user mode may read it.
std::uint64_t read_ticks() {
  std::uint64_t ticks;
  asm volatile("rdtime %0" : "=r"(ticks));
  return ticks;
}

}  // namespace

// On a machine without a calendar the offset is 0: real time counts from 1970 on at its start.
wasi::HostResult<std::uint64_t> SystemHost::clock(abi::Clock clock) {
  const TimeScale scale = TimeScale::read(time_);
  const std::uint64_t monotonic = scale.nanoseconds(read_ticks());
  return clock == abi::Clock::kMonotonic ? monotonic : monotonic + scale.realtime_offset_ns;
}

std::uint64_t SystemHost::clock_resolution() {
  return TimeScale::read(time_).resolution_ns();
}

wasi::HostResult<std::uint64_t> SystemHost::wait_many(std::span<abi::WaitItem> items,
                                                      std::uint64_t deadline_ns) {
  return runtime::wait_many(items, deadline_ns);
}

wasi::HostResult<std::size_t> SystemHost::stream_read(abi::Handle stream, std::span<std::byte> to) {
  return runtime::stream_read(stream, to);
}

wasi::HostResult<std::size_t> SystemHost::stream_write(abi::Handle stream,
                                                       std::span<const std::byte> from) {
  return runtime::stream_write(stream, from);
}

wasi::HostResult<std::size_t> SystemHost::file_read(abi::Handle file, std::span<std::byte> to,
                                                    std::uint64_t offset) {
  return runtime::file_read(file, to, offset);
}

wasi::HostResult<abi::Stat> SystemHost::handle_stat(abi::Handle handle) {
  return runtime::handle_stat(handle);
}

wasi::HostResult<void> SystemHost::handle_close(abi::Handle handle) {
  return runtime::handle_close(handle);
}

wasi::HostResult<abi::Handle> SystemHost::directory_open(abi::Handle directory,
                                                         std::string_view name) {
  return static_cast<abi::Handle>(TRY(runtime::directory_open(directory, name)));
}

wasi::HostResult<std::size_t> SystemHost::directory_read(abi::Handle directory,
                                                         std::uint64_t cookie,
                                                         std::span<std::byte> to) {
  return runtime::directory_read(directory, cookie, to);
}

wasi::HostResult<void> SystemHost::random(std::span<std::byte> to) {
  while (!to.empty()) {
    const auto part = to.first(std::min<std::size_t>(to.size(), abi::kMaxTransfer));
    TRY(runtime::random(part));
    to = to.subspan(part.size());
  }
  return {};
}

void SystemHost::yield() {
  runtime::yield();
}

}  // namespace quoll::runtime
