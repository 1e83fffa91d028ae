// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// KernelHost: the shell's view of the real machine.
#pragma once

#include <quoll/containers/vector.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/kernel/shell/host.hpp>

namespace quoll::shell {

/// Starts guests with the boot archive's root as `/`.
class KernelHost final : public Host {
 public:
  const archive::Archive& archive() const noexcept override;
  std::string_view version() const override;
  MemoryInfo memory() const override;
  std::optional<HartInfo> hart(unsigned number) const override;
  std::optional<SourceInfo> source(std::uint32_t number) const override;
  std::uint64_t interrupts(std::uint32_t source, unsigned hart) const override;
  async::Ticks soon() const noexcept override;
  base::Result<Job, const char*> start(const Program& program) override;
  async::Task<base::Result<guest::GuestEnd, async::WaitError>> wait(Job job) override;
  bool poll(Job job, guest::GuestEnd& end) override;
  bool kill(Job job) override;
  void list(void (*each)(void* context, const ProgramInfo& info), void* context) override;

 private:
  guest::GuestRef* find(Job job);
  guest::Guest& guest_of(Job job);
  void forget(Job job);

  containers::Vector<guest::GuestRef> guests_;  ///< by job, until their ends have been told
};

}  // namespace quoll::shell
