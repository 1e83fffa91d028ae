// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A checked ELF file: what is to be loaded where, with which permissions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/elf/error.hpp>
#include <quoll/elf/format.hpp>

namespace quoll::elf {

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::size_t kMaxSegments = 16;

/// What a segment's pages may be used for. Never writable and executable: such a file is refused.
enum class Access : std::uint8_t { kRead, kReadWrite, kReadExecute };

/// One loadable segment. Addresses are as linked: add the load bias.
struct Segment {
  std::uint64_t address = 0;
  std::uint64_t memory_size = 0;
  /// Where the content is in the file; congruent to `address` modulo the page size.
  std::uint64_t file_offset = 0;
  /// The first bytes of the segment; the rest of `memory_size` is zero.
  std::span<const std::byte> content;
  Access access = Access::kRead;

  constexpr std::uint64_t end() const noexcept { return address + memory_size; }
  constexpr std::uint64_t first_page() const noexcept { return address & ~(kPageSize - 1); }
  constexpr std::uint64_t end_page() const noexcept {
    return (end() + kPageSize - 1) & ~(kPageSize - 1);
  }
  /// Whether `size` bytes at `at` lie within it.
  constexpr bool contains(std::uint64_t at, std::uint64_t size) const noexcept {
    return at >= address && at - address <= memory_size && size <= memory_size - (at - address);
  }
};

/// What each thread's TLS block begins with.
struct TlsTemplate {
  /// Linked address of the content, all of it within one loaded segment: the template may hold
  /// relocated words, so it is read from memory, not from the file.
  std::uint64_t address = 0;
  std::uint64_t content_size = 0;
  std::uint64_t memory_size = 0;
  std::uint64_t alignment = 1;
};

/// A range of linked addresses.
struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
};

/// A section: its bytes in the file (none for zero-filled ones) and its linked address.
struct Section {
  std::span<const std::byte> content;
  std::uint64_t address = 0;
};

class Image {
 public:
  /// Checks `file`; see the room's first law.
  static base::Result<Image, Error> open(std::span<const std::byte> file) noexcept;

  std::span<const std::byte> file() const noexcept { return file_; }
  std::uint64_t entry() const noexcept { return header_.entry; }
  bool is_position_independent() const noexcept { return header_.type == kTypePositionIndependent; }
  /// Loadable segments in ascending order.
  std::span<const Segment> segments() const noexcept { return {segments_.data(), segment_count_}; }
  /// From the first page of the first segment to the end of the last page of the last.
  AddressRange pages() const noexcept;
  const std::optional<TlsTemplate>& tls() const noexcept { return tls_; }
  /// What becomes read-only after relocation.
  const std::optional<AddressRange>& relro() const noexcept { return relro_; }
  /// The table of relocations, checked; see `relocations.hpp`.
  std::span<const std::byte> relocation_table() const noexcept { return relocations_; }

  /// The first section of that name. Nothing when there is none or it is damaged.
  std::optional<Section> section(std::string_view name) const noexcept;
  std::size_t section_count() const noexcept;
  /// Section header `index`, if it lies within the file.
  std::optional<SectionHeader> section_header(std::size_t index) const noexcept;
  /// A section's bytes, if they lie within the file.
  std::optional<std::span<const std::byte>> section_content(
      const SectionHeader& header) const noexcept;

 private:
  Image(std::span<const std::byte> file, const FileHeader& header) : file_(file), header_(header) {}

  base::Result<void, Error> read_segments() noexcept;
  base::Result<void, Error> add_segment(const ProgramHeader& header) noexcept;
  base::Result<void, Error> read_tls(const ProgramHeader& header) noexcept;
  base::Result<void, Error> read_dynamic(const ProgramHeader& header) noexcept;
  base::Result<void, Error> check_relocations() const noexcept;
  base::Result<void, Error> check_entry() const noexcept;
  base::Result<std::span<const std::byte>, Error> bytes(std::uint64_t offset, std::uint64_t size,
                                                        Error otherwise) const noexcept;
  const Segment* segment_with(std::uint64_t address, std::uint64_t size) const noexcept;

  std::span<const std::byte> file_;
  FileHeader header_;
  std::array<Segment, kMaxSegments> segments_{};
  std::size_t segment_count_ = 0;
  std::optional<TlsTemplate> tls_;
  std::optional<AddressRange> relro_;
  std::span<const std::byte> relocations_;
};

}  // namespace quoll::elf
