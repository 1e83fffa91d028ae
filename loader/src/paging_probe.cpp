// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <bit>

#include <quoll/riscv/satp.hpp>

#include "paging_mode.hpp"

namespace quoll::loader {
namespace {

// Writes `satp`, reads it back and writes zero: what the hart made of it. Not inlined, so that its
// address says what must be mapped to itself.
[[gnu::noinline]] std::uint64_t try_satp(std::uint64_t value) noexcept {
  std::uint64_t read_back;
  // SAFETY: between the two writes only registers are used, and the code is mapped to itself.
  asm volatile(
      "sfence.vma\n"
      "csrw satp, %1\n"
      "sfence.vma\n"
      "csrr %0, satp\n"
      "csrw satp, zero\n"
      "sfence.vma\n"
      : "=&r"(read_back)
      : "r"(value)
      : "memory");
  return read_back;
}

// A hart that lacks the mode ignores the write; one that has it goes on under the page table,
// whose one leaf maps this code to itself.
bool accepts(riscv::PagingMode mode, std::uint64_t root) noexcept {
  const riscv::Sv format(mode);
  const unsigned level = format.levels() - 1;
  const std::uint64_t bytes = riscv::Sv::page_bytes(level);
  // SAFETY: the frame is ours; volatile, since the MMU reads it.
  auto* entries = reinterpret_cast<volatile std::uint64_t*>(root);
  // The code's own place: with 1 GiB a leaf, the page table may well be in another one.
  const std::uint64_t code = std::bit_cast<std::uint64_t>(&try_satp) / bytes * bytes;
  const std::size_t index = code / bytes;
  if (index >= riscv::Sv::kEntriesPerTable / 2) return false;
  const paging::Properties properties{mem::Permissions::read_execute()};
  entries[index] = format.encode_leaf(mem::PhysicalAddress(code), properties, level);
  const std::uint64_t wanted = riscv::Satp{mode, 0, mem::PhysicalAddress(root)}.encode();
  const bool taken = try_satp(wanted) == wanted;
  entries[index] = 0;
  return taken;
}

}  // namespace

std::optional<riscv::PagingMode> widest_mode(std::uint64_t root,
                                             riscv::PagingMode at_most) noexcept {
  for (const auto mode :
       {riscv::PagingMode::kSv57, riscv::PagingMode::kSv48, riscv::PagingMode::kSv39}) {
    if (mode <= at_most && accepts(mode, root)) return mode;
  }
  return std::nullopt;
}

}  // namespace quoll::loader
