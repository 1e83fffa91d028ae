// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// An emulated machine: physical memory with holes, harts with translation caches that keep what
// they saw until they are fenced, and a page-table walker written from the specification alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include <quoll/mem/address.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/phys_map.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/riscv/sv.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::arch::mock {

/// Who touches memory.
enum class Mode : std::uint8_t {
  kUser,
  kSupervisorForUser,  ///< the kernel's copy routine: SUM set
};

/// How often harts were fenced.
struct FenceCounts {
  std::uint64_t local = 0;
  std::uint64_t remote = 0;      ///< one per hart that was reached
  std::uint64_t dispatches = 0;  ///< requests to the firmware for remote ones
  std::uint64_t code = 0;        ///< fences of code, on this hart
  std::uint64_t remote_code = 0;
};

class Machine {
 public:
  /// RAM at `ram` (page-aligned, sorted) and holes between; touching a hole is a segmentation
  /// fault. Harts keep `asid_bits` of an ASID. The machine becomes the current one until it ends.
  Machine(std::vector<mem::PhysicalRange> ram, unsigned harts, unsigned asid_bits = 16);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  ~Machine();

  static Machine& current();

  unsigned hart_count() const { return static_cast<unsigned>(harts_.size()); }
  const mem::PhysMap& phys_map() const { return map_; }
  const std::vector<mem::PhysicalRange>& ram() const { return ram_; }

  /// The hart that the calling thread plays; 0 unless it said otherwise.
  static unsigned hart_id();
  static void set_hart_id(unsigned hart);

  /// The physical address that a hart reaches through an address, by its translation cache if
  /// that knows the page, else by a walk whose answer, good or bad, is cached. Nothing: a fault.
  std::optional<mem::PhysicalAddress> translate(unsigned hart, mem::VirtualAddress address,
                                                mem::Access access, Mode mode = Mode::kUser);

  unsigned asid_bits() const { return asid_bits_; }
  /// Bits of the ASID that the harts do not keep are lost, as they are in satp.
  void set_root(unsigned hart, riscv::PagingMode mode, mem::PhysicalAddress root,
                std::uint16_t asid = 0);
  mem::PhysicalAddress root(unsigned hart);
  std::uint16_t asid(unsigned hart);
  void fence(unsigned hart, mem::VirtualRange range);
  void fence(unsigned hart, mem::VirtualRange range, std::uint16_t asid);
  void fence_asid(unsigned hart, std::uint16_t asid);
  /// Keeps global translations: nobody may rely on their being forgotten together with all else.
  void fence_all(unsigned hart);
  void fence_remote(sync::HartSet harts, mem::VirtualRange range);
  void fence_remote(sync::HartSet harts, mem::VirtualRange range, std::uint16_t asid);
  void fence_remote_all(sync::HartSet harts);
  void fence_code();
  void fence_code_remote(sync::HartSet harts);

  FenceCounts fences();
  /// Cached translations, over all harts, that a hart could use now (global ones and those of the
  /// ASID that it runs under) and that give more than its page tables do.
  std::size_t stale_translations();
  /// The same on one hart.
  std::size_t stale_translations(unsigned hart);
  /// What a hart has cached under one ASID, page faults included.
  std::size_t cached_translations(unsigned hart, std::uint16_t asid);

 private:
  /// What the specification's walk finds: bits 7 to 0 of the leaf, and where the page is.
  struct Walked {
    std::uint64_t flags = 0;  // zero: a page fault
    mem::PhysicalAddress page;
    bool operator==(const Walked&) const = default;
  };
  using Pages = std::map<std::uint64_t, Walked>;  // by virtual page number
  static constexpr std::uint32_t kGlobal = 1U << 16;
  struct Hart {
    unsigned levels = 0;  // zero: no translation yet
    std::uint16_t asid = 0;
    mem::PhysicalAddress root;
    std::map<std::uint32_t, Pages> caches;  // by ASID, or kGlobal
  };

  Walked walk(const Hart& hart, std::uint64_t address) const;
  std::size_t stale_on(const Hart& hart) const;
  static bool permits(const Walked& walked, mem::Access access, Mode mode);
  std::uint16_t kept(std::uint16_t asid) const;
  static void fence_pages(Pages& pages, mem::VirtualRange range);
  static void fence_locked(Hart& hart, mem::VirtualRange range);
  static void fence_locked(Hart& hart, mem::VirtualRange range, std::uint16_t asid);
  static void fence_all_locked(Hart& hart);
  template <typename F>
  void fence_others(sync::HartSet harts, F&& fence);

  std::vector<mem::PhysicalRange> ram_;
  const unsigned asid_bits_;
  void* memory_ = nullptr;
  std::uint64_t memory_size_ = 0;
  mem::PhysMap map_;
  std::mutex mutex_;
  std::vector<Hart> harts_;
  FenceCounts fences_;
};

/// Plays a hart for a scope.
class AsHart {
 public:
  explicit AsHart(unsigned hart) : before_(Machine::hart_id()) { Machine::set_hart_id(hart); }
  AsHart(const AsHart&) = delete;
  AsHart& operator=(const AsHart&) = delete;
  ~AsHart() { Machine::set_hart_id(before_); }

 private:
  unsigned before_;
};

}  // namespace quoll::arch::mock
