// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/elf/image.hpp>
#include <quoll/kernel/guest/embedded.hpp>

namespace quoll::guest {

std::optional<mem::PhysicalAddress> physical_of_constant(
    const handoff::BootInfo& info, const mem::PhysMap& map,
    std::span<const std::byte> bytes) noexcept {
  const mem::PhysicalAddress file(info.kernel_elf.start);
  const auto kernel =
      elf::Image::open({map.pointer<const std::byte>(file), info.kernel_elf.size()});
  if (!kernel) return std::nullopt;
  const std::uint64_t linked = mem::address_of(bytes.data()).value() - info.kernel_load_bias;
  for (const elf::Segment& segment : kernel->segments()) {
    // Only what nobody relocates or writes is used where the file lies.
    if (segment.access == elf::Access::kReadWrite) continue;
    if (!segment.contains(linked, bytes.size())) continue;
    return file + segment.file_offset + (linked - segment.address);
  }
  return std::nullopt;
}

}  // namespace quoll::guest
