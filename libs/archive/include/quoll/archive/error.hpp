// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Why an image is no archive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace quoll::archive {

/// The rule that an image breaks.
enum class Error : std::uint8_t {
  kTruncated,  ///< the image ends inside a record, or without the trailer
  kBadMagic,   ///< a record does not start with 070701 or 070702
  kBadNumber,  ///< a header field is not hexadecimal
  kBadName,    ///< a name is empty, unterminated, too long, or holds ".."
  kTooDeep,    ///< a path has more than kMaxDepth components
  kConflict,   ///< one path is both a file and a directory
  kTooMany,    ///< more names than node numbers
  kNoMemory,   ///< the index could not be allocated
};

/// A broken rule, and the offset of the record that breaks it.
struct Failure {
  Error error{};
  std::size_t offset = 0;
};

/// A short phrase, for logs.
constexpr std::string_view to_string(Error error) {
  switch (error) {
    case Error::kTruncated:
      return "truncated";
    case Error::kBadMagic:
      return "not a newc cpio record";
    case Error::kBadNumber:
      return "malformed number";
    case Error::kBadName:
      return "malformed name";
    case Error::kTooDeep:
      return "nested too deeply";
    case Error::kConflict:
      return "a name is both file and directory";
    case Error::kTooMany:
      return "too many names";
    case Error::kNoMemory:
      return "no memory";
  }
  return "unknown error";
}

}  // namespace quoll::archive
