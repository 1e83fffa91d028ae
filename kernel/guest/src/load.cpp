// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "load.hpp"

#include <quoll/abi/limits.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

namespace quoll::guest {
namespace {

using base::err;
using vm::Placement;
using vm::SpaceError;

// The interpreter keeps its own frames elsewhere and does not recurse: this is ample.
constexpr std::uint64_t kStackSize = std::uint64_t{256} * 1024;

// The 512 GiB around the image: 2^27 places, and all there is in Sv39 (2^26). What lies in them
// shares all but two page tables with it.
constexpr std::uint64_t kReach = std::uint64_t{1} << 39;

constexpr mem::Permissions kUserReadOnly = mem::Permissions::read_only().for_user();
constexpr mem::Permissions kUserReadWrite = mem::Permissions::read_write().for_user();

mem::Permissions permissions_of(const elf::Segment& segment) {
  switch (segment.access) {
    case elf::Access::kRead:
      return mem::Permissions::read_only().for_user();
    case elf::Access::kReadWrite:
      return kUserReadWrite;
    case elf::Access::kReadExecute:
      return mem::Permissions::read_execute().for_user();
  }
  return mem::Permissions::none();
}

base::Result<void, SpaceError> load_segment(vm::AddressSpace& space, const elf::Segment& segment,
                                            const vm::VmoRef& content) {
  mem::VirtualAddress at(segment.first_page());
  if (content) {
    const mem::Permissions permissions = permissions_of(segment);
    if (RuntimeImage::is_shared(segment)) {
      TRY(space.map_shared(Placement::at(at), content, 0, content->size(), permissions));
    } else {
      TRY(space.map_private(Placement::at(at), content, 0, content->size(), permissions));
    }
    at += content->size();
  }
  if (at.value() >= segment.end_page()) return {};
  TRY(space.map_anonymous(Placement::at(at), segment.end_page() - at.value(), kUserReadWrite));
  return {};
}

}  // namespace

base::Result<void, SpaceError> load_image(vm::AddressSpace& space, const RuntimeImage& image) {
  for (std::size_t i = 0; i < image.segments().size(); ++i) {
    TRY(load_segment(space, image.segments()[i], image.content(i)));
  }
  return {};
}

base::Result<FirstMappings, SpaceError> map_first(vm::AddressSpace& space,
                                                  const FirstContents& contents) {
  const auto pages = [](std::uint64_t bytes) { return base::align_up(bytes, abi::kPageSize); };
  const std::uint64_t module_bytes = contents.module_pages ? contents.module_pages->size() : 0;
  const std::uint64_t block_bytes = pages(contents.start_block_bytes);
  // One page more, the lowest, is a guard.
  const std::uint64_t stack_bytes = abi::kPageSize + kStackSize;
  const std::uint64_t all = stack_bytes + abi::kPageSize + block_bytes + module_bytes;
  const Placement where = Placement::near(mem::VirtualAddress(abi::kRuntimeBase), kReach);
  const mem::VirtualRange place = TRY(space.reserve(where, all));
  TRY(space.release(place.start()));

  FirstMappings out;
  mem::VirtualAddress at = place.start();
  TRY(space.reserve(Placement::at(at), stack_bytes));
  TRY(space.guard(mem::VirtualRange(at, abi::kPageSize)));
  out.stack = mem::VirtualRange(at + abi::kPageSize, kStackSize);
  TRY(space.commit(out.stack, kUserReadWrite));
  at += stack_bytes;
  out.time_page = at;
  TRY(space.map_shared(Placement::at(at), contents.time_page, 0, abi::kPageSize, kUserReadOnly));
  at += abi::kPageSize;
  out.start_block = TRY(space.map_anonymous(Placement::at(at), block_bytes, kUserReadWrite));
  at += block_bytes;
  out.module_start = at;
  if (module_bytes != 0) {
    TRY(space.map_shared(Placement::at(at), contents.module_pages, 0, module_bytes, kUserReadOnly));
  }
  return out;
}

base::Result<void, SpaceError> fill_constant(vm::AddressSpace& space, mem::VirtualRange range,
                                             std::span<const std::byte> bytes) {
  // Nobody else can have taken the pages away: only memory can be short.
  if (!vm::copy_to_user(space, range.start(), bytes.data(), bytes.size())) {
    return err(SpaceError::kOutOfMemory);
  }
  return space.protect(range, kUserReadOnly);
}

}  // namespace quoll::guest
