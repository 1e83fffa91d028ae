// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RuntimeImage: the user-mode program that every guest runs, as it is embedded in the kernel.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/elf/image.hpp>
#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::guest {

/// Why an image cannot be run.
enum class ImageError : std::uint8_t {
  kBadElf,      ///< `libs/elf` refuses it
  kNotStatic,   ///< not linked to fixed addresses
  kOutOfRange,  ///< a segment lies outside of the place for images
  kUnaligned,   ///< its pages in the file are not its pages in memory
  kOutOfMemory,
};

/// An image that was checked once and is mapped into every guest.
///
/// Text and constants are shared: the frames of the file itself are mapped. Data is a private copy
/// of them, page by page at the first write.
class RuntimeImage {
 public:
  /// Images lie in [abi::kRuntimeBase, kEnd).
  static constexpr std::uint64_t kEnd = 0x1000'0000;

  /// `physical` is where the file's first byte is.
  /// *Requires*: `file` lives as long as any guest.
  static base::Result<RuntimeImage, ImageError> open(std::span<const std::byte> file,
                                                     mem::PhysicalAddress physical);

  std::uint64_t entry() const noexcept { return image_.entry(); }
  std::span<const elf::Segment> segments() const noexcept { return image_.segments(); }
  /// The object behind a segment's file pages; null when it has none (zeros only).
  const vm::VmoRef& content(std::size_t segment) const noexcept { return content_[segment]; }
  static bool is_shared(const elf::Segment& segment) noexcept {
    return segment.access != elf::Access::kReadWrite;
  }

 private:
  explicit RuntimeImage(const elf::Image& image) : image_(image) {}
  base::Result<void, ImageError> check_segment(const elf::Segment& segment) const;
  base::Result<void, ImageError> make_content(std::size_t index, mem::PhysicalAddress physical);

  elf::Image image_;
  std::array<vm::VmoRef, elf::kMaxSegments> content_;
};

/// A short phrase, for the log.
const char* to_string(ImageError error) noexcept;

}  // namespace quoll::guest
