// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RecordReader: the records of a newc cpio image, one after another, bounds checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/archive/error.hpp>
#include <quoll/base/result.hpp>

namespace quoll::archive {

/// One record as it stands in the image; nothing about its meaning is checked.
struct Record {
  std::string_view path;  ///< up to its first NUL
  std::span<const std::byte> data;
  std::uint32_t mode = 0;
  std::uint32_t modified_s = 0;
  std::size_t offset = 0;  ///< of the record in the image
};

/// Reads records in order until the trailer.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::byte> image) : image_(image) {}

  /// The next record, or nothing after the last.
  /// *Errors*: `kTruncated`, `kBadMagic`, `kBadNumber`, `kBadName`.
  base::Result<std::optional<Record>, Failure> next();

 private:
  std::span<const std::byte> image_;
  std::size_t position_ = 0;
};

}  // namespace quoll::archive
