// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <atomic>

#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>

#include "log_target.hpp"

namespace quoll::guest {
namespace {

std::atomic<const Services*> current{nullptr};

}  // namespace

std::uint64_t Services::stream_id(const device::ByteStream& stream) const noexcept {
  if (&stream == parts_.streams.input) return 1;
  if (&stream == parts_.streams.output) return 2;
  if (&stream == parts_.streams.error) return 3;
  return 4;
}

bool Services::is_terminal(const device::ByteStream& stream) const noexcept {
  return parts_.streams_are_terminals && stream_id(stream) != 4;
}

base::Result<vm::PageProviderRef, vm::SpaceError> Services::pages_of(
    mem::PhysicalRange content) const {
  if (parts_.machine.pages_of != nullptr) return parts_.machine.pages_of(content);
  return vm::ArchivePages::create(content);
}

std::optional<vm::PlacementSeed> Services::placement_seed() const noexcept {
  if (!parts_.random_placement) return std::nullopt;
  vm::PlacementSeed seed;
  random(std::as_writable_bytes(std::span(seed.bytes)));
  return seed;
}

void Services::log_for_guest(std::string_view guest, std::string_view text) const noexcept {
  log::debug(kTarget, "{}: {}", guest, text);
}

const Services& services() noexcept {
  const Services* const services = current.load(std::memory_order_acquire);
  QUOLL_DEBUG_ASSERT(services != nullptr);
  return *services;
}

void set_services(const Services* services) noexcept {
  current.store(services, std::memory_order_release);
}

}  // namespace quoll::guest
