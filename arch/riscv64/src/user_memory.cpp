// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/arch/user_memory.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::arch {

extern "C" {
std::size_t quoll_user_copy(void* to, const void* from, std::size_t size) noexcept;

/// A range of instructions and where a fault in it goes on; distances from each field.
struct FixupRange {
  std::int32_t start;
  std::int32_t end;
  std::int32_t fixup;
};
extern const FixupRange quoll_fixups_start[];
extern const FixupRange quoll_fixups_end[];
}

std::size_t UserMemory::copy_in(void* to, mem::VirtualAddress from, std::size_t size) noexcept {
  return size - quoll_user_copy(to, mem::to_pointer(from), size);
}

std::size_t UserMemory::copy_out(mem::VirtualAddress to, const void* from,
                                 std::size_t size) noexcept {
  return size - quoll_user_copy(mem::to_pointer(to), from, size);
}

std::optional<std::uint64_t> fault_fixup(std::uint64_t pc) noexcept {
  const auto target = [](const std::int32_t& distance) {
    return mem::address_of(&distance).value() +
           static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
  };
  for (const FixupRange* range = quoll_fixups_start; range != quoll_fixups_end; ++range) {
    if (pc >= target(range->start) && pc < target(range->end)) return target(range->fixup);
  }
  return std::nullopt;
}

}  // namespace quoll::arch
