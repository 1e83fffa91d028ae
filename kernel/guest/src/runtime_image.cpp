// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/abi/limits.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/guest/runtime_image.hpp>

namespace quoll::guest {

using base::err;

base::Result<RuntimeImage, ImageError> RuntimeImage::open(std::span<const std::byte> file,
                                                          mem::PhysicalAddress physical) {
  const auto opened = elf::Image::open(file);
  if (!opened) return err(ImageError::kBadElf);
  if (opened->is_position_independent()) return err(ImageError::kNotStatic);
  if (!physical.is_aligned(abi::kPageSize)) return err(ImageError::kUnaligned);
  RuntimeImage image(*opened);
  for (std::size_t i = 0; i < image.segments().size(); ++i) {
    TRY(image.check_segment(image.segments()[i]));
    TRY(image.make_content(i, physical));
  }
  return image;
}

base::Result<void, ImageError> RuntimeImage::check_segment(const elf::Segment& segment) const {
  // `libs/elf` has checked that no segment's end overflows, that none share a page, and that the
  // offset in the file is congruent to the address.
  if (segment.address < abi::kRuntimeBase || segment.end_page() > kEnd) {
    return err(ImageError::kOutOfRange);
  }
  // What is mapped in place has to come whole from the file.
  if (is_shared(segment) && segment.content.size() != segment.memory_size) {
    return err(ImageError::kUnaligned);
  }
  return {};
}

base::Result<void, ImageError> RuntimeImage::make_content(std::size_t index,
                                                          mem::PhysicalAddress physical) {
  const elf::Segment& segment = image_.segments()[index];
  if (segment.content.empty()) return {};
  const std::uint64_t first = base::align_down(segment.file_offset, abi::kPageSize);
  const std::uint64_t size = segment.file_offset + segment.content.size() - first;
  // Pages of the file that the last one shares with what follows are read-only or copied.
  const mem::PhysicalRange pages(physical + first, base::align_up(size, abi::kPageSize));
  const mem::Permissions most = segment.access == elf::Access::kReadExecute
                                    ? mem::Permissions::read_execute()
                                    : mem::Permissions::read_only();
  auto vmo = vm::Vmo::create_wired(pages, size, most.for_user());
  if (!vmo) {
    return err(vmo.error() == vm::SpaceError::kOutOfMemory ? ImageError::kOutOfMemory
                                                           : ImageError::kUnaligned);
  }
  content_[index] = std::move(*vmo);
  return {};
}

const char* to_string(ImageError error) noexcept {
  switch (error) {
    case ImageError::kBadElf:
      return "malformed";
    case ImageError::kNotStatic:
      return "not linked to fixed addresses";
    case ImageError::kOutOfRange:
      return "linked outside of the place for images";
    case ImageError::kUnaligned:
      return "not aligned to pages";
    case ImageError::kOutOfMemory:
      return "out of memory";
  }
  return "refused";
}

}  // namespace quoll::guest
