// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why an ELF file is refused.
#pragma once

#include <cstdint>

namespace quoll::elf {

enum class Error : std::uint8_t {
  kTruncated,
  kNotElf,
  kWrongMachine,
  kWrongType,
  kBadHeader,
  kNoSegments,
  kTooManySegments,
  kBadSegment,
  kSegmentsOverlap,
  kWritableAndExecutable,
  kBadEntry,
  kBadDynamic,
  kUnsupportedRelocation,
  kBadRelocation,
  kBadTls,
};

/// The reason in words; completes "the ELF file …".
constexpr const char* to_string(Error error) noexcept {
  switch (error) {
    case Error::kTruncated:
      return "is truncated";
    case Error::kNotElf:
      return "has the wrong magic number";
    case Error::kWrongMachine:
      return "is not for 64-bit little-endian RISC-V";
    case Error::kWrongType:
      return "is neither an executable nor position independent";
    case Error::kBadHeader:
      return "has a malformed header";
    case Error::kNoSegments:
      return "has nothing to load";
    case Error::kTooManySegments:
      return "has too many segments";
    case Error::kBadSegment:
      return "has a malformed segment";
    case Error::kSegmentsOverlap:
      return "has segments that overlap or share a page";
    case Error::kWritableAndExecutable:
      return "has a segment that is writable and executable";
    case Error::kBadEntry:
      return "has an entry point outside of its code";
    case Error::kBadDynamic:
      return "has a malformed dynamic section";
    case Error::kUnsupportedRelocation:
      return "has a relocation of an unsupported type";
    case Error::kBadRelocation:
      return "has a relocation outside of its data";
    case Error::kBadTls:
      return "has a malformed TLS template";
  }
  return "is refused";
}

}  // namespace quoll::elf
