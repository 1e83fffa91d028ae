// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// System calls on memory: reserve, commit, decommit, guard, release.
#include <optional>

#include <quoll/base/bits.hpp>

#include "call.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using base::err;

Error to_abi(vm::SpaceError error) {
  switch (error) {
    case vm::SpaceError::kNoRoom:
    case vm::SpaceError::kLimit:
    case vm::SpaceError::kOutOfMemory:
      return Error::kNoMemory;
    case vm::SpaceError::kUnaligned:
    case vm::SpaceError::kEmpty:
    case vm::SpaceError::kOutOfRange:
    case vm::SpaceError::kOverlap:
    case vm::SpaceError::kNotMapped:
    case vm::SpaceError::kDenied:
    case vm::SpaceError::kOutsideVmo:
    case vm::SpaceError::kSealed:
    case vm::SpaceError::kWrongKind:
    case vm::SpaceError::kSizeMismatch:
    case vm::SpaceError::kTooLarge:
    case vm::SpaceError::kUnavailable:
      return Error::kBadArgument;
  }
  return Error::kBadArgument;
}

// Whole pages that do not wrap around.
base::Result<mem::VirtualRange, Error> page_range(std::uint64_t address, std::uint64_t size) {
  if (!base::is_aligned(address | size, abi::kPageSize)) return err(Error::kBadArgument);
  const auto end = mem::VirtualAddress(address).checked_add(size);
  const auto range =
      end ? mem::VirtualRange::between(mem::VirtualAddress(address), *end) : std::nullopt;
  if (!range) return err(Error::kBadArgument);
  return *range;
}

// Reservations, what was committed of them and guards; the image and shared pages are neither.
bool is_reservation(Guest& guest, mem::VirtualAddress address) {
  const auto region = guest.space().region_at(address);
  return region && region->backing != vm::Backing::kShared &&
         region->backing != vm::Backing::kPrivate;
}

base::Result<std::uint64_t, Error> reserve(Guest& guest, std::uint64_t size) {
  if (size == 0 || !base::is_aligned(size, abi::kPageSize)) return err(Error::kBadArgument);
  const auto range =
      TRY(guest.space().reserve(guest.placement(size), size).transform_error(to_abi));
  return range.start().value();
}

base::Result<void, Error> commit(Guest& guest, std::uint64_t address, std::uint64_t size) {
  const mem::VirtualRange range = TRY(page_range(address, size));
  if (range.is_empty()) return {};
  if (!is_reservation(guest, range.start())) return err(Error::kBadArgument);
  return guest.space()
      .commit(range, mem::Permissions::read_write().for_user())
      .transform_error(to_abi);
}

base::Result<void, Error> decommit(Guest& guest, std::uint64_t address, std::uint64_t size) {
  const mem::VirtualRange range = TRY(page_range(address, size));
  if (range.is_empty()) return {};
  if (!is_reservation(guest, range.start())) return err(Error::kBadArgument);
  return guest.space().decommit(range).transform_error(to_abi);
}

base::Result<void, Error> make_guard(Guest& guest, std::uint64_t address, std::uint64_t size) {
  const mem::VirtualRange range = TRY(page_range(address, size));
  if (range.is_empty()) return {};
  return guest.space().guard(range).transform_error(to_abi);
}

base::Result<void, Error> release(Guest& guest, std::uint64_t address) {
  const mem::VirtualAddress start(address);
  if (!is_reservation(guest, start)) return err(Error::kBadArgument);
  return guest.space().release(start).transform_error(to_abi);
}

}  // namespace

CallResult call_memory_reserve(Guest& guest, CallRegisters arguments) {
  return to_call_result(reserve(guest, arguments.a[0]));
}

CallResult call_memory_commit(Guest& guest, CallRegisters arguments) {
  return to_call_result(commit(guest, arguments.a[0], arguments.a[1]));
}

CallResult call_memory_decommit(Guest& guest, CallRegisters arguments) {
  return to_call_result(decommit(guest, arguments.a[0], arguments.a[1]));
}

CallResult call_memory_guard(Guest& guest, CallRegisters arguments) {
  return to_call_result(make_guard(guest, arguments.a[0], arguments.a[1]));
}

CallResult call_memory_release(Guest& guest, CallRegisters arguments) {
  return to_call_result(release(guest, arguments.a[0]));
}

}  // namespace quoll::guest
