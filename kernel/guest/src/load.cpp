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

base::Result<mem::VirtualRange, SpaceError> map_stack(vm::AddressSpace& space) {
  // One page more, the lowest, is a guard.
  const mem::VirtualRange whole =
      TRY(space.reserve(Placement::anywhere(), kStackSize + abi::kPageSize));
  TRY(space.guard(mem::VirtualRange(whole.start(), abi::kPageSize)));
  const mem::VirtualRange stack(whole.start() + abi::kPageSize, kStackSize);
  TRY(space.commit(stack, kUserReadWrite));
  return stack;
}

base::Result<mem::VirtualRange, SpaceError> map_constant(vm::AddressSpace& space,
                                                         std::span<const std::byte> bytes) {
  const mem::VirtualRange range = TRY(space.map_anonymous(
      Placement::anywhere(), base::align_up(std::uint64_t{bytes.size()}, abi::kPageSize),
      kUserReadWrite));
  // Nobody else can have taken the pages away: only memory can be short.
  if (!vm::copy_to_user(space, range.start(), bytes.data(), bytes.size())) {
    return err(SpaceError::kOutOfMemory);
  }
  TRY(space.protect(range, mem::Permissions::read_only().for_user()));
  return range;
}

}  // namespace quoll::guest
