// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/abi/limits.hpp>
#include <quoll/base/printable.hpp>
#include <quoll/kernel/guest/guest.hpp>
#include <quoll/kernel/guest/services.hpp>

#include "registry.hpp"

namespace quoll::guest {
namespace {

// Guarded memories for thousands at once, whatever else lies between them.
constexpr std::uint64_t kRoomForGuards = 4096 * abi::kGuardedMemory;

}  // namespace

Guest::Guest(std::string_view name, std::uint64_t id, std::unique_ptr<vm::AddressSpace> space,
             std::uint64_t memory_limit)
    : space_(std::move(space)),
      id_(id),
      memory_limit_(memory_limit),
      name_size_(std::min(name.size(), kMaxName)) {
  // Names reach the log and the terminal: nothing in them may steer either.
  std::copy_n(name.begin(), name_size_, name_.begin());
  base::make_printable(std::span(name_).first(name_size_));
}

void Guest::settle(mem::VirtualAddress home) noexcept {
  home_ = home;
  memory_plan_ = space_->bounds().size() >= kRoomForGuards ? abi::MemoryPlan::kGuarded
                                                           : abi::MemoryPlan::kChecked;
}

void Guest::kill() noexcept {
  kill_.cancel();
  // Either this sees the hart, or the hart sees the kill before it enters user mode. It looks once
  // more with interrupts off, so that a kick after that look is pending when user mode begins; and
  // one that comes while a call is served keeps it from going straight back.
  if (const std::uint32_t hart = running_on_.load(); hart != 0) services().kick(hart - 1);
}

void Guest::finish(const GuestEnd& end) noexcept {
  remove_from_registry(*this);
  end_ = end;
  handles_ = HandleTable();
  space_.reset();
  module_ = {};
  ended_.set();
}

}  // namespace quoll::guest
