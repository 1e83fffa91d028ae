// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The system beneath WASI, made of POSIX.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <quoll/wasi/host.hpp>

namespace quoll::host_run {

/// Streams are the process's own three; directories are opened read-only.
class PosixHost final : public wasi::Host {
 public:
  static constexpr abi::Handle kInput = 1;
  static constexpr abi::Handle kOutput = 2;
  static constexpr abi::Handle kErrors = 3;

  PosixHost();
  PosixHost(const PosixHost&) = delete;
  PosixHost& operator=(const PosixHost&) = delete;
  ~PosixHost();

  /// Opens a directory of the workstation. kNoHandle: there is none.
  abi::Handle open_directory(const char* path);

  wasi::HostResult<std::uint64_t> clock(abi::Clock clock) override;
  std::uint64_t clock_resolution() override;
  wasi::HostResult<std::uint64_t> wait_many(std::span<abi::WaitItem> items,
                                            std::uint64_t deadline_ns) override;
  wasi::HostResult<std::size_t> stream_read(abi::Handle stream, std::span<std::byte> to) override;
  wasi::HostResult<std::size_t> stream_write(abi::Handle stream,
                                             std::span<const std::byte> from) override;
  wasi::HostResult<std::size_t> file_read(abi::Handle file, std::span<std::byte> to,
                                          std::uint64_t offset) override;
  wasi::HostResult<abi::Stat> handle_stat(abi::Handle handle) override;
  wasi::HostResult<void> handle_close(abi::Handle handle) override;
  wasi::HostResult<abi::Handle> directory_open(abi::Handle directory,
                                               std::string_view name) override;
  wasi::HostResult<std::size_t> directory_read(abi::Handle directory, std::uint64_t cookie,
                                               std::span<std::byte> to) override;
  wasi::HostResult<void> random(std::span<std::byte> to) override;
  void yield() override;

 private:
  struct Entry {
    std::string name;
    std::uint64_t id;
    abi::ObjectKind kind;
  };
  struct Open {
    int fd = -1;
    bool listed = false;
    std::vector<Entry> entries;  ///< of a directory, once it has been read
  };

  Open* find(abi::Handle handle);
  abi::Handle add(int fd);
  static bool list(Open& directory);

  std::vector<Open> open_;  ///< the handle is the index and one
};

}  // namespace quoll::host_run
