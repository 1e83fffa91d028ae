// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <bit>

#include <quoll/arch/csr_access.hpp>
#include <quoll/arch/mmu.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/riscv/satp.hpp>

namespace quoll::arch {
namespace {

/// Above this, forgetting everything costs less than forgetting page by page.
constexpr std::uint64_t kMaxSingleFences = 32;

using trace::FenceOf;

/// Every fence goes through here, with the harts that others are asked for.
void note(FenceOf what, std::uint64_t pages = 0, std::uint64_t address = 0,
          sync::HartSet harts = {}) noexcept {
  trace::record<trace::Event::kFence>(what, pages, address, harts.bits());
}

riscv::Satp current_satp() noexcept {
  const auto satp = riscv::Satp::decode(read_csr<riscv::Csr::kSatp>());
  QUOLL_ASSERT(satp.has_value());
  return *satp;
}

}  // namespace

unsigned Mmu::asid_bits() noexcept {
  const riscv::Satp before = current_satp();
  riscv::Satp all_ones = before;
  all_ones.asid = 0xffff;
  write_csr<riscv::Csr::kSatp>(all_ones.encode());
  const std::uint16_t kept = current_satp().asid;
  write_csr<riscv::Csr::kSatp>(before.encode());
  // The probe's tag will be some space's.
  fence_all();
  // Implemented bits are the low ones.
  return static_cast<unsigned>(std::countr_one(kept));
}

void Mmu::set_root(const Format& format, mem::PhysicalAddress root, std::uint16_t asid) noexcept {
  write_csr<riscv::Csr::kSatp>(
      riscv::Satp{.mode = format.mode(), .asid = asid, .root = root}.encode());
}

mem::PhysicalAddress Mmu::root() noexcept {
  return current_satp().root;
}

riscv::PagingMode Mmu::mode() noexcept {
  return current_satp().mode;
}

void Mmu::fence(mem::VirtualRange range) noexcept {
  const std::uint64_t pages = mem::pages_for(range.size());
  if (pages > kMaxSingleFences) return fence_all();
  note(FenceOf::kPages, pages, range.start().value());
  const std::uint64_t first = range.start().align_down(mem::kPageSize).value();
  const std::uint64_t behind = range.start().value() + range.size();
  for (std::uint64_t page = first; page < behind || page == first; page += mem::kPageSize) {
    asm volatile("sfence.vma %0, zero" : : "r"(page) : "memory");
  }
}

void Mmu::fence(mem::VirtualRange range, std::uint16_t asid) noexcept {
  const std::uint64_t pages = mem::pages_for(range.size());
  if (pages > kMaxSingleFences) return fence_asid(asid);
  note(FenceOf::kPages, pages, range.start().value());
  const std::uint64_t tag = asid;
  const std::uint64_t first = range.start().align_down(mem::kPageSize).value();
  const std::uint64_t behind = range.start().value() + range.size();
  for (std::uint64_t page = first; page < behind || page == first; page += mem::kPageSize) {
    asm volatile("sfence.vma %0, %1" : : "r"(page), "r"(tag) : "memory");
  }
}

void Mmu::fence_asid(std::uint16_t asid) noexcept {
  note(FenceOf::kAsid);
  const std::uint64_t tag = asid;
  asm volatile("sfence.vma zero, %0" : : "r"(tag) : "memory");
}

void Mmu::fence_all() noexcept {
  note(FenceOf::kAll);
  asm volatile("sfence.vma zero, zero" : : : "memory");
}

void Mmu::fence_remote(sync::HartSet harts, mem::VirtualRange range) noexcept {
  if (harts.is_empty()) return;
  note(FenceOf::kRemote, mem::pages_for(range.size()), range.start().value(), harts);
  // A machine whose firmware cannot fence cannot be kept correct.
  QUOLL_ASSERT(sbi::remote_fence(harts, range.start().value(), range.size()).has_value());
}

void Mmu::fence_remote(sync::HartSet harts, mem::VirtualRange range, std::uint16_t asid) noexcept {
  if (harts.is_empty()) return;
  const std::uint64_t pages = mem::pages_for(range.size());
  note(FenceOf::kRemote, pages, range.start().value(), harts);
  const bool whole = pages > kMaxSingleFences;
  QUOLL_ASSERT(sbi::remote_fence(harts, whole ? 0 : range.start().value(),
                                 whole ? riscv::sbi::kWholeAddressSpace : range.size(), asid)
                   .has_value());
}

void Mmu::fence_remote_all(sync::HartSet harts) noexcept {
  if (harts.is_empty()) return;
  note(FenceOf::kRemoteAll, 0, 0, harts);
  QUOLL_ASSERT(sbi::remote_fence(harts, 0, riscv::sbi::kWholeAddressSpace).has_value());
}

void Mmu::fence_code() noexcept {
  note(FenceOf::kCode);
  asm volatile("fence.i" : : : "memory");
}

void Mmu::fence_code_remote(sync::HartSet harts) noexcept {
  if (harts.is_empty()) return;
  note(FenceOf::kRemoteCode, 0, 0, harts);
  // Stores of this hart come before the fences of the others.
  asm volatile("fence rw, rw" : : : "memory");
  QUOLL_ASSERT(sbi::remote_fence_code(harts).has_value());
}

}  // namespace quoll::arch
