// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/archive/archive.hpp>
#include <quoll/archive/record.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>

namespace quoll::archive {
namespace {

using base::err;

constexpr std::size_t kHeaderSize = 110;
constexpr std::size_t kMagicSize = 6;
constexpr std::size_t kFieldSize = 8;
constexpr std::string_view kTrailer = "TRAILER!!!";

// The position of each field among the thirteen of the header.
enum Field : std::size_t { kMode = 1, kModified = 5, kFileSize = 6, kNameSize = 11 };

std::string_view as_text(std::span<const std::byte> bytes) {
  // SAFETY: char may alias any object.
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::optional<std::uint32_t> parse_hex(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A') + 10;
    } else {
      return std::nullopt;
    }
    value = value << 4 | digit;
  }
  return value;
}

}  // namespace

base::Result<std::optional<Record>, Failure> RecordReader::next() {
  const std::size_t start = position_;
  const auto fail = [start](Error error) { return err(Failure{error, start}); };

  if (!base::fits_within(start, kHeaderSize, image_.size())) return fail(Error::kTruncated);
  const std::string_view header = as_text(image_.subspan(start, kHeaderSize));
  const std::string_view magic = header.substr(0, kMagicSize);
  if (magic != "070701" && magic != "070702") return fail(Error::kBadMagic);
  std::uint32_t fields[13];
  for (std::size_t i = 0; i < std::size(fields); ++i) {
    const auto value = parse_hex(header.substr(kMagicSize + i * kFieldSize, kFieldSize));
    if (!value) return fail(Error::kBadNumber);
    fields[i] = *value;
  }

  const std::size_t name_at = start + kHeaderSize;
  const std::size_t name_size = fields[kNameSize];
  if (!base::fits_within(name_at, name_size, image_.size())) return fail(Error::kTruncated);
  const std::string_view name_field = as_text(image_.subspan(name_at, name_size));
  const std::size_t name_length = name_field.find('\0');
  if (name_length == std::string_view::npos || name_length == 0 || name_length > kMaxPath) {
    return fail(Error::kBadName);
  }

  // Both sums are far from overflow: every term lies within the image or below 2^32.
  const std::size_t data_at = base::align_up(name_at + name_size, std::size_t{4});
  const std::size_t data_size = fields[kFileSize];
  if (!base::fits_within(data_at, data_size, image_.size())) return fail(Error::kTruncated);

  Record record;
  record.path = name_field.substr(0, name_length);
  if (record.path == kTrailer) return std::optional<Record>();
  record.data = image_.subspan(data_at, data_size);
  record.mode = fields[kMode];
  record.modified_s = fields[kModified];
  record.offset = start;
  position_ = base::align_up(data_at + data_size, std::size_t{4});
  return std::optional<Record>(record);
}

}  // namespace quoll::archive
