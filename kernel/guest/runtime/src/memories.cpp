// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/abi/limits.hpp>
#include <quoll/runtime/memories.hpp>
#include <quoll/runtime/system_call.hpp>

namespace quoll::runtime {
namespace {

// SAFETY: the kernel answers with the address of a reservation that is ours alone.
std::uint8_t* pointer(std::uint64_t address) {
  return reinterpret_cast<std::uint8_t*>(address);
}

bool commit(void*, std::uint8_t* base, std::uint64_t old_bytes, std::uint64_t new_bytes) {
  return memory_commit(detail::address(base) + old_bytes, new_bytes - old_bytes).has_value();
}

}  // namespace

wasm::MemoryProvider Memories::provider() {
  return {
      .context = this,
      .reserve = [](void* self,
                    std::uint64_t bytes) { return static_cast<Memories*>(self)->reserve(bytes); },
      .commit = &commit,
      .release = [](void* self, std::uint8_t* base,
                    std::uint64_t) { static_cast<Memories*>(self)->release(base); }};
}

bool Memories::contains(std::uint64_t address) const {
  return std::ranges::any_of(reservations_, [address](const Reservation& reservation) {
    return address - reservation.base < reservation.bytes;
  });
}

/// A reservation of everything that a 32-bit access can reach, of which only so much can ever be
/// committed; 0 when there is no room for it.
std::uint64_t Memories::reserve_guarded(std::uint64_t bytes) {
  if (bytes >= abi::kGuardedMemory) return 0;
  const auto base = memory_reserve(abi::kGuardedMemory);
  if (!base) return 0;
  if (memory_guard(*base + bytes, abi::kGuardedMemory - bytes)) return *base;
  static_cast<void>(memory_release(*base));
  return 0;
}

std::uint8_t* Memories::reserve(std::uint64_t bytes) {
  std::uint64_t reserved = abi::kGuardedMemory;
  std::uint64_t base = plan_ == abi::MemoryPlan::kGuarded ? reserve_guarded(bytes) : 0;
  if (base == 0) {
    const auto plain = memory_reserve(bytes);
    if (!plain) return nullptr;
    base = *plain;
    reserved = bytes;
  }
  const auto free = std::ranges::find(reservations_, std::uint64_t{0}, &Reservation::bytes);
  if (free != reservations_.end()) *free = {base, reserved};
  return pointer(base);
}

void Memories::release(std::uint8_t* base) {
  const auto found = std::ranges::find(reservations_, detail::address(base), &Reservation::base);
  if (found != reservations_.end()) *found = {};
  // The reservation is ours: there is no reason to refuse, and nothing to do about it if so.
  static_cast<void>(memory_release(detail::address(base)));
}

}  // namespace quoll::runtime
