// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The system beneath WASI: the kernel.
#pragma once

#include <cstdint>

#include <quoll/abi/types.hpp>
#include <quoll/wasi/host.hpp>

namespace quoll::runtime {

/// `wasi::Host` over system calls. Time comes from the time page.
class SystemHost final : public wasi::Host {
 public:
  explicit SystemHost(const abi::TimePage& time) : time_(time) {}

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
  const abi::TimePage& time_;
};

}  // namespace quoll::runtime
