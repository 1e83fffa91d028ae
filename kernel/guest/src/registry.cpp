// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "registry.hpp"

#include <algorithm>
#include <iterator>

#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/sync/lock_rank.hpp>
#include <quoll/sync/protected.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::guest {
namespace {

struct Registry {
  intrusive::List<Guest> guests;
  GuestRef foreground;
};

using Lock = sync::SpinLock<sync::LockRank::kGuestTable>;

[[clang::no_destroy]] constinit sync::Protected<Registry, Lock> registry;

}  // namespace

void add_to_registry(Guest& guest) noexcept {
  registry.with([&guest](Registry& all) { all.guests.push_back(guest); });
}

void remove_from_registry(Guest& guest) noexcept {
  registry.with([&guest](Registry& all) { all.guests.erase(guest); });
}

GuestRef oldest_guest() noexcept {
  return registry.with([](Registry& all) {
    return all.guests.is_empty() ? GuestRef() : GuestRef::retain(all.guests.front());
  });
}

void set_foreground(GuestRef guest) noexcept {
  // The old one goes after the lock: it may be the last reference.
  registry.with([&guest](Registry& all) { std::swap(all.foreground, guest); });
}

void interrupt_foreground() noexcept {
  const GuestRef guest = registry.with([](Registry& all) { return all.foreground; });
  if (guest) guest->kill();
}

std::size_t list_guests(std::span<GuestInfo> out, std::uint64_t after) noexcept {
  return registry.with([out, after](Registry& all) {
    std::size_t count = 0;
    for (Guest& guest : all.guests) {
      if (guest.id() <= after) continue;
      if (count == out.size()) break;
      GuestInfo& info = out[count++];
      info.id = guest.id();
      info.name_size = guest.name().size();
      info.memory_plan = guest.memory_plan();
      info.run_time = guest.run_time().read([] { return services().now(); });
      info.hart = guest.running_on();
      std::copy(guest.name().begin(), guest.name().end(), info.name.begin());
    }
    return count;
  });
}

std::size_t guest_count() noexcept {
  return registry.with([](Registry& all) {
    return static_cast<std::size_t>(std::distance(all.guests.begin(), all.guests.end()));
  });
}

}  // namespace quoll::guest
