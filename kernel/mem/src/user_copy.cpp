// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Copies between the kernel and a guest.
#include <cstdint>

#include <quoll/arch/record.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

namespace quoll::vm {
namespace {

/// How often a fault may be resolved without a single byte getting through. Other threads of the
/// guest can take a page away again, but not keep the kernel here.
constexpr unsigned kMaxFruitlessFaults = 16;

/// Calls `copy_rest()`, which goes on where it stopped, until it needs no page any more.
template <typename Copy>
base::Result<void, CopyError> copy(AddressSpace& space, const UserCursor& cursor,
                                   Copy&& copy_rest) {
  unsigned fruitless = 0;
  for (;;) {
    const std::size_t before = cursor.remaining();
    const base::Result<std::size_t, NeedsPage> copied = copy_rest();
    if (copied) return {};
    fruitless = cursor.remaining() < before ? 0 : fruitless + 1;
    if (fruitless > kMaxFruitlessFaults) return base::err(CopyError::kBadAddress);
    const NeedsPage& missing = copied.error();
    const std::uint64_t begun = trace::begin(trace::Group::kFault);
    const FaultOutcome outcome = space.handle_fault(missing.address, missing.access);
    trace::record_since<trace::Event::kFault>(begun, missing.access, outcome,
                                              trace::FaultOrigin::kKernel, missing.address.value());
    switch (outcome) {
      case FaultOutcome::kResolved:
        break;
      case FaultOutcome::kNotMapped:
      case FaultOutcome::kDenied:
      case FaultOutcome::kGuard:
      case FaultOutcome::kOutsideVmo:
      case FaultOutcome::kUnavailable:
        return base::err(CopyError::kBadAddress);
      case FaultOutcome::kMustWait:
        return base::err(CopyError::kMustWait);
      case FaultOutcome::kOutOfMemory:
        return base::err(CopyError::kOutOfMemory);
    }
  }
}

}  // namespace

base::Result<void, CopyError> copy_from_user(AddressSpace& space, void* to,
                                             mem::VirtualAddress from, std::size_t size) {
  VmReader reader = TRY(space.vm_space().reader(from, size));
  return copy(space, reader, [&] {
    const std::size_t done = size - reader.remaining();
    return reader.read(static_cast<char*>(to) + done, size - done);
  });
}

base::Result<void, CopyError> copy_to_user(AddressSpace& space, mem::VirtualAddress to,
                                           const void* from, std::size_t size) {
  VmWriter writer = TRY(space.vm_space().writer(to, size));
  return copy(space, writer, [&] {
    const std::size_t done = size - writer.remaining();
    return writer.write(static_cast<const char*>(from) + done, size - done);
  });
}

}  // namespace quoll::vm
