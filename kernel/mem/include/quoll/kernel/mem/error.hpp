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
  kUnaligned,    ///< address, size or offset is not a multiple of the page size
  kEmpty,        ///< the size is zero
  kOutOfRange,   ///< not inside the user half, or it passes the end
  kOverlap,      ///< something is mapped there
  kNoRoom,       ///< no gap is large enough
  kNotMapped,    ///< the range is not covered by regions of one mapping
  kDenied,       ///< the object behind the region does not allow it, or the region is a guard
  kOutsideVmo,   ///< offset and size pass the end of the VMO
  kLimit,        ///< the space has used up what it was granted
  kOutOfMemory,  ///< the machine has no frame or heap left
};

/// What became of a page fault.
enum class FaultOutcome : std::uint8_t {
  kResolved,     ///< try again
  kNotMapped,    ///< no region there
  kDenied,       ///< a region, but not for this access
  kOutOfMemory,  ///< the machine has no frame left, or the space no page table
  kGuard,        ///< a guard is there
};

/// Why user memory was not copied. What had been copied until then stays copied.
enum class CopyError : std::uint8_t {
  kBadAddress,   ///< not the guest's, or not for this access
  kOutOfMemory,  ///< a page of it could not be filled in
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
    case SpaceError::kLimit:
      return "over the limit";
    case SpaceError::kOutOfMemory:
      return "out of memory";
  }
  return "unknown";
}

}  // namespace quoll::vm
