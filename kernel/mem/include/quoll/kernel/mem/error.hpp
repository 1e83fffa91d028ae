// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why the memory room refuses.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::vm {

/// Why there are no frames.
enum class AllocError : std::uint8_t {
  kOutOfMemory,
  kInvalid,  ///< a run of no frames, or longer or further aligned than any can be
};

/// Why an operation on an address space was refused. Nothing has changed then.
enum class SpaceError : std::uint8_t {
  kUnaligned,     ///< address, size or offset is not a multiple of the page size
  kEmpty,         ///< the size is zero
  kOutOfRange,    ///< not inside the user half, or it passes the end
  kOverlap,       ///< something is mapped there
  kNoRoom,        ///< no gap is large enough
  kNotMapped,     ///< the range is not covered by regions of one mapping
  kDenied,        ///< the object behind the region does not allow it, or the region is a guard
  kOutsideVmo,    ///< offset and size pass the end of the VMO
  kSealed,        ///< the VMO's content and size cannot change any more
  kWrongKind,     ///< not with this kind of VMO
  kSizeMismatch,  ///< a range and a buffer of different sizes
  kTooLarge,      ///< larger than a VMO can be
  kUnavailable,   ///< the VMO's provider has not got the page, or not yet
  kLimit,         ///< the space has used up what it was granted
  kOutOfMemory,   ///< the machine has no frame or heap left
};

/// What became of a page fault.
enum class FaultOutcome : std::uint8_t {
  kResolved,     ///< try again
  kNotMapped,    ///< no region there
  kDenied,       ///< a region, but not for this access
  kOutOfMemory,  ///< the machine has no frame left, or the space no page table
  kGuard,        ///< a guard is there
  kOutsideVmo,   ///< a region, but the VMO behind it has become smaller
  kMustWait,     ///< the page comes later: `AddressSpace::page_request` says which
  kUnavailable,  ///< the VMO's provider has no such page
};

/// Why user memory was not copied. What had been copied until then stays copied.
enum class CopyError : std::uint8_t {
  kBadAddress,   ///< not the guest's, or not for this access
  kOutOfMemory,  ///< a page of it could not be filled in
  kMustWait,     ///< a page of it comes later
};

constexpr std::string_view to_string(SpaceError error) noexcept {
  switch (error) {
    case SpaceError::kUnaligned:
      return "not page-aligned";
    case SpaceError::kEmpty:
      return "empty";
    case SpaceError::kOutOfRange:
      return "outside the user half";
    case SpaceError::kOverlap:
      return "already mapped";
    case SpaceError::kNoRoom:
      return "no gap is large enough";
    case SpaceError::kNotMapped:
      return "not mapped";
    case SpaceError::kDenied:
      return "not permitted";
    case SpaceError::kOutsideVmo:
      return "outside the memory object";
    case SpaceError::kSealed:
      return "the memory object is sealed";
    case SpaceError::kWrongKind:
      return "not with this kind of memory object";
    case SpaceError::kSizeMismatch:
      return "range and buffer differ in size";
    case SpaceError::kTooLarge:
      return "larger than a memory object can be";
    case SpaceError::kUnavailable:
      return "the page is not available";
    case SpaceError::kLimit:
      return "over the limit";
    case SpaceError::kOutOfMemory:
      return "out of memory";
  }
  return "unknown";
}

}  // namespace quoll::vm
