// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the system underneath must offer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/abi/error.hpp>
#include <quoll/abi/types.hpp>
#include <quoll/base/result.hpp>

namespace quoll::wasi {

template <typename T>
using HostResult = base::Result<T, abi::Error>;

/// The calls of docs/abi.md on which WASI rests. The runtime makes them as system calls, the
/// workstation answers them itself. Each may move less than it was asked to.
class Host {
 public:
  /// Nanoseconds of `clock`. A machine without a calendar counts from 1970 on at its start.
  virtual HostResult<std::uint64_t> clock(abi::Clock clock) = 0;
  /// The distance of two readings of any clock that can differ, in nanoseconds, at least 1.
  virtual std::uint64_t clock_resolution() = 0;
  /// Waits until an item is ready or the monotonic deadline has passed (`kTimedOut`).
  virtual HostResult<std::uint64_t> wait_many(std::span<abi::WaitItem> items,
                                              std::uint64_t deadline_ns) = 0;
  /// Waits for data; 0 bytes is the end.
  virtual HostResult<std::size_t> stream_read(abi::Handle stream, std::span<std::byte> to) = 0;
  /// Waits for room.
  virtual HostResult<std::size_t> stream_write(abi::Handle stream,
                                               std::span<const std::byte> from) = 0;
  /// 0 bytes at the end or beyond.
  virtual HostResult<std::size_t> file_read(abi::Handle file, std::span<std::byte> to,
                                            std::uint64_t offset) = 0;
  virtual HostResult<abi::Stat> handle_stat(abi::Handle handle) = 0;
  virtual HostResult<void> handle_close(abi::Handle handle) = 0;
  /// Opens the entry called `name`: one component, neither "." nor "..".
  virtual HostResult<abi::Handle> directory_open(abi::Handle directory, std::string_view name) = 0;
  /// Writes `abi::DirectoryEntry` records, 8-byte aligned if `to` is.
  virtual HostResult<std::size_t> directory_read(abi::Handle directory, std::uint64_t cookie,
                                                 std::span<std::byte> to) = 0;
  /// Fills all of `to` with secure random bytes.
  virtual HostResult<void> random(std::span<std::byte> to) = 0;
  /// Lets others run first.
  virtual void yield() = 0;

 protected:
  ~Host() = default;
};

}  // namespace quoll::wasi
