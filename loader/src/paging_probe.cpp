// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/riscv/satp.hpp>

#include "csr.hpp"
#include "paging_mode.hpp"

namespace quoll::loader {
namespace {

// A hart that lacks the mode ignores the write; one that has it goes on under the page table,
// whose one leaf maps this code to itself.
bool accepts(riscv::PagingMode mode, std::uint64_t root) noexcept {
  const riscv::Sv format(mode);
  const unsigned level = format.levels() - 1;
  const std::uint64_t bytes = riscv::Sv::page_bytes(level);
  // SAFETY: the frame is ours; volatile, since the MMU reads it.
  auto* entries = reinterpret_cast<volatile std::uint64_t*>(root);
  const std::size_t index = root / bytes;
  if (index >= riscv::Sv::kEntriesPerTable / 2) return false;
  const paging::Properties code{mem::Permissions::read_execute()};
  entries[index] = format.encode_leaf(mem::PhysicalAddress(root / bytes * bytes), code, level);
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
