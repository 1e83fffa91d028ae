// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why a device tree is refused.
#pragma once

#include <cstdint>

namespace quoll::fdt {

enum class Error : std::uint8_t {
  kMisaligned,
  kWrongMagic,
  kWrongVersion,
  kTruncated,
  kBadStructure,
  kTooDeep,
};

/// The reason in words; completes "the device tree …".
constexpr const char* to_string(Error error) noexcept {
  switch (error) {
    case Error::kMisaligned:
      return "is not aligned to 8 bytes";
    case Error::kWrongMagic:
      return "has the wrong magic number";
    case Error::kWrongVersion:
      return "has a version that is not supported";
    case Error::kTruncated:
      return "is truncated";
    case Error::kBadStructure:
      return "is malformed";
    case Error::kTooDeep:
      return "is nested too deeply";
  }
  return "is refused";
}

}  // namespace quoll::fdt
