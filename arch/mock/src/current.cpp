// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The seam's functions on the emulated machine.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <thread>

#include <quoll/arch/current.hpp>
#include <quoll/arch/trace_local.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::arch {
namespace {

thread_local bool interrupts_enabled = true;

/// Copies page by page through the translation cache, as the hardware would.
template <typename CopyPart>
std::size_t copy_user(mem::VirtualAddress user, std::size_t size, mem::Access access,
                      CopyPart&& copy_part) {
  auto& machine = mock::Machine::current();
  std::size_t done = 0;
  while (done < size) {
    const mem::VirtualAddress at = user + done;
    const std::uint64_t in_page = at.value() % mem::kPageSize;
    const std::size_t part = std::min<std::size_t>(size - done, mem::kPageSize - in_page);
    const auto physical =
        machine.translate(mock::Machine::hart_id(), at, access, mock::Mode::kSupervisorForUser);
    if (!physical) break;
    copy_part(done, machine.phys_map().pointer<void>(*physical), part);
    done += part;
  }
  return done;
}

}  // namespace

Interrupts::State Interrupts::save_and_disable() noexcept {
  const bool before = interrupts_enabled;
  interrupts_enabled = false;
  return before;
}
void Interrupts::restore(State state) noexcept {
  interrupts_enabled = state;
}
void Interrupts::relax() noexcept {
  std::this_thread::yield();
}

unsigned Harts::id() noexcept {
  return mock::Machine::hart_id();
}
unsigned Harts::count() noexcept {
  return mock::Machine::current().hart_count();
}

unsigned Mmu::asid_bits() noexcept {
  return mock::Machine::current().asid_bits();
}
void Mmu::set_root(const Format& format, mem::PhysicalAddress root, std::uint16_t asid) noexcept {
  mock::Machine::current().set_root(Harts::id(), format.mode(), root, asid);
}
mem::PhysicalAddress Mmu::root() noexcept {
  return mock::Machine::current().root(Harts::id());
}
void Mmu::fence(mem::VirtualRange range) noexcept {
  mock::Machine::current().fence(Harts::id(), range);
}
void Mmu::fence(mem::VirtualRange range, std::uint16_t asid) noexcept {
  mock::Machine::current().fence(Harts::id(), range, asid);
}
void Mmu::fence_asid(std::uint16_t asid) noexcept {
  mock::Machine::current().fence_asid(Harts::id(), asid);
}
void Mmu::fence_all() noexcept {
  mock::Machine::current().fence_all(Harts::id());
}
void Mmu::fence_remote(sync::HartSet harts, mem::VirtualRange range) noexcept {
  mock::Machine::current().fence_remote(harts, range);
}
void Mmu::fence_remote(sync::HartSet harts, mem::VirtualRange range, std::uint16_t asid) noexcept {
  mock::Machine::current().fence_remote(harts, range, asid);
}
void Mmu::fence_remote_all(sync::HartSet harts) noexcept {
  mock::Machine::current().fence_remote_all(harts);
}
// The emulated harts fetch nothing; that they were asked is counted.
void Mmu::fence_code() noexcept {
  mock::Machine::current().fence_code();
}
void Mmu::fence_code_remote(sync::HartSet harts) noexcept {
  mock::Machine::current().fence_code_remote(harts);
}

std::size_t UserMemory::copy_in(void* to, mem::VirtualAddress from, std::size_t size) noexcept {
  return copy_user(from, size, mem::Access::kRead,
                   [to](std::size_t at, void* user, std::size_t part) {
                     std::memcpy(static_cast<char*>(to) + at, user, part);
                   });
}
std::size_t UserMemory::copy_out(mem::VirtualAddress to, const void* from,
                                 std::size_t size) noexcept {
  return copy_user(to, size, mem::Access::kWrite,
                   [from](std::size_t at, void* user, std::size_t part) {
                     std::memcpy(user, static_cast<const char*>(from) + at, part);
                   });
}

trace::Local& trace_local() noexcept {
  static thread_local trace::Local local;
  return local;
}
std::uint64_t trace_clock() noexcept {
  static std::atomic<std::uint64_t> time{1};
  return time.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace quoll::arch
