// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Copies between the kernel and a guest.
#include <cstdint>

#include <quoll/arch/current.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {
namespace {

/// How often a fault may be resolved without a single byte getting through. Other threads of the
/// guest can take a page away again, but not keep the kernel here.
constexpr unsigned kMaxFruitlessFaults = 16;

/// Calls `copy(done)`, which goes on behind `done` bytes and says how many it copied, until all
/// are through.
template <typename Copy>
base::Result<void, CopyError> copy(AddressSpace& space, mem::VirtualAddress user, std::size_t size,
                                   mem::Access access, Copy&& copy_rest) {
  if (size == 0) return {};
  const auto range = mem::VirtualRange::create(user, size);
  if (!range || !space.kernel().format().user_half().contains(*range)) {
    return base::err(CopyError::kBadAddress);
  }
  space.activate();
  unsigned fruitless = 0;
  for (std::size_t done = 0;;) {
    const std::size_t part = copy_rest(done);
    done += part;
    if (done == size) return {};
    fruitless = part > 0 ? 0 : fruitless + 1;
    if (fruitless > kMaxFruitlessFaults) return base::err(CopyError::kBadAddress);
    const std::uint64_t begun = trace::begin(trace::Group::kFault);
    const FaultOutcome outcome = space.handle_fault(user + done, access);
    trace::record_since<trace::Event::kFault>(begun, access, outcome, trace::FaultOrigin::kKernel,
                                              (user + done).value());
    switch (outcome) {
      case FaultOutcome::kResolved:
        break;
      case FaultOutcome::kNotMapped:
      case FaultOutcome::kDenied:
        return base::err(CopyError::kBadAddress);
      case FaultOutcome::kOutOfMemory:
        return base::err(CopyError::kOutOfMemory);
    }
  }
}

}  // namespace

base::Result<void, CopyError> copy_from_user(AddressSpace& space, void* to,
                                             mem::VirtualAddress from, std::size_t size) {
  return copy(space, from, size, mem::Access::kRead, [&](std::size_t done) {
    return arch::UserMemory::copy_in(static_cast<char*>(to) + done, from + done, size - done);
  });
}

base::Result<void, CopyError> copy_to_user(AddressSpace& space, mem::VirtualAddress to,
                                           const void* from, std::size_t size) {
  return copy(space, to, size, mem::Access::kWrite, [&](std::size_t done) {
    return arch::UserMemory::copy_out(to + done, static_cast<const char*>(from) + done,
                                      size - done);
  });
}

}  // namespace quoll::vm
