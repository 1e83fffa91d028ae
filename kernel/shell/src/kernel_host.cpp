// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "kernel_host.hpp"

#include <algorithm>
#include <array>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/cpu/topology.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::shell {

using base::err;

const archive::Archive& KernelHost::archive() const noexcept {
  return guest::services().archive();
}

std::string_view KernelHost::version() const {
  return "Quoll " QUOLL_VERSION ", a WebAssembly microkernel operating system for RISC-V";
}

MemoryInfo KernelHost::memory() const {
  const vm::MemoryStatistics statistics = vm::statistics();
  return {statistics.frames.available() * mem::kPageSize, statistics.heap.used_bytes,
          statistics.heap.frames * mem::kPageSize};
}

std::optional<HartInfo> KernelHost::hart(unsigned number) const {
  if (number >= arch::Harts::count()) return std::nullopt;
  const cpu::Place& place = kernel::state().topology->place(number);
  const irq::HartCounts interrupts = irq::hart_counts(number);
  return HartInfo{.hardware_id = arch::Harts::hardware_id(number),
                  .cluster = place.cluster,
                  .core = place.core,
                  .thread = place.thread,
                  .cache = place.cache,
                  .resumed = exec::executor().resumed(number),
                  .parks = exec::executor().parks(number),
                  .timer = interrupts.timer,
                  .devices = interrupts.devices,
                  .others = interrupts.harts,
                  .wakes = ipi::interrupts_of(number, ipi::Reason::kWake),
                  .kicks = ipi::interrupts_of(number, ipi::Reason::kKick),
                  .watch = ipi::interrupts_of(number, ipi::Reason::kRenewWatch) +
                           ipi::interrupts_of(number, ipi::Reason::kTellWhere)};
}

std::optional<SourceInfo> KernelHost::source(std::uint32_t number) const {
  const auto info = irq::source_info(number);
  if (!info) return std::nullopt;
  return SourceInfo{info->hart, info->priority, info->count, info->strays};
}

std::uint64_t KernelHost::interrupts(std::uint32_t source, unsigned hart) const {
  return irq::source_count(source, hart);
}

async::Ticks KernelHost::soon() const noexcept {
  return exec::now() + exec::ticks_per_second() / 100;
}

base::Result<Job, const char*> KernelHost::start(const Program& program) {
  const guest::Preopen root{archive::Archive::kRoot, "/"};
  guest::GuestSpec spec;
  spec.name =
      program.arguments.empty() ? archive().node(program.file).name : program.arguments.front();
  spec.program = program.file;
  spec.arguments = program.arguments;
  spec.preopens = {&root, 1};
  spec.streams = guest::services().streams();
  // Several programs that read one input would each get a random part of it.
  if (program.background) spec.streams.input = nullptr;
  if (!guests_.try_reserve(guests_.size() + 1)) return err("out of memory");

  auto started = guest::start(spec);
  if (!started) return err(guest::to_string(started.error()));
  const Job job = (*started)->id();
  if (!program.background) guest::set_foreground(*started);
  QUOLL_ASSERT(guests_.try_push_back(std::move(*started)));
  return job;
}

guest::GuestRef* KernelHost::find(Job job) {
  return std::find_if(guests_.begin(), guests_.end(),
                      [job](const guest::GuestRef& g) { return g->id() == job; });
}

guest::Guest& KernelHost::guest_of(Job job) {
  guest::GuestRef* const found = find(job);
  QUOLL_ASSERT(found != guests_.end());
  return **found;
}

void KernelHost::forget(Job job) {
  guest::GuestRef* const found = find(job);
  QUOLL_ASSERT(found != guests_.end());
  std::swap(*found, guests_.back());
  guests_.pop_back();
}

async::Task<base::Result<guest::GuestEnd, async::WaitError>> KernelHost::wait(Job job) {
  guest::Guest& guest = guest_of(job);
  // What is waited for is in the foreground, wherever it was before.
  guest::set_foreground(guest::GuestRef::retain(&guest));
  const auto ended = co_await guest::wait(guest);
  guest::set_foreground({});
  CO_TRY(ended);
  const guest::GuestEnd end = guest.end();
  forget(job);
  co_return end;
}

bool KernelHost::poll(Job job, guest::GuestEnd& end) {
  guest::Guest& guest = guest_of(job);
  if (!guest.ended().is_set()) return false;
  end = guest.end();
  forget(job);
  return true;
}

bool KernelHost::kill(Job job) {
  guest::GuestRef* const found = find(job);
  if (found == guests_.end()) return false;
  (*found)->kill();
  return true;
}

void KernelHost::list(void (*each)(void* context, const ProgramInfo& info), void* context) {
  // A few at a time: the list is locked meanwhile, and `each` may need memory.
  std::array<guest::GuestInfo, 16> infos;
  std::uint64_t after = 0;
  while (const std::size_t count = guest::list_guests(infos, after)) {
    for (const guest::GuestInfo& info : std::span(infos).first(count)) {
      each(context, ProgramInfo{info.id,
                                {info.name.data(), info.name_size},
                                abi::to_string(info.memory_plan),
                                exec::nanoseconds_from_ticks(info.run_time),
                                info.hart});
    }
    after = infos[count - 1].id;
  }
}

}  // namespace quoll::shell
