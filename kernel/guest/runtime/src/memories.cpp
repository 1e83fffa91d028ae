// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

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

std::uint8_t* Memories::reserve(std::uint64_t bytes) {
  const auto base = memory_reserve(bytes);
  if (!base) return nullptr;
  const auto free = std::ranges::find(reservations_, std::uint64_t{0}, &Reservation::bytes);
  if (free != reservations_.end()) *free = {*base, bytes};
  return pointer(*base);
}

void Memories::release(std::uint8_t* base) {
  const auto found = std::ranges::find(reservations_, detail::address(base), &Reservation::base);
  if (found != reservations_.end()) *found = {};
  // The reservation is ours: there is no reason to refuse, and nothing to do about it if so.
  static_cast<void>(memory_release(detail::address(base)));
}

}  // namespace quoll::runtime
