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
  std::uint64_t remote = 0;  ///< one per hart that was reached
};

class Machine {
 public:
  /// RAM at `ram` (page-aligned, sorted) and holes between; touching a hole is a segmentation
  /// fault. The machine becomes the current one until it ends.
  Machine(std::vector<mem::PhysicalRange> ram, unsigned harts);
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

  void set_root(unsigned hart, riscv::PagingMode mode, mem::PhysicalAddress root);
  mem::PhysicalAddress root(unsigned hart);
  void fence(unsigned hart, mem::VirtualRange range);
  void fence_all(unsigned hart);
  void fence_remote(sync::HartSet harts, mem::VirtualRange range);
  void fence_remote_all(sync::HartSet harts);

  FenceCounts fences();
  /// Cached translations, over all harts, that give more than the page tables do now.
  std::size_t stale_translations();

 private:
  /// What the specification's walk finds: bits 7 to 0 of the leaf, and where the page is.
  struct Walked {
    std::uint64_t flags = 0;  // zero: a page fault
    mem::PhysicalAddress page;
    bool operator==(const Walked&) const = default;
  };
  struct Hart {
    unsigned levels = 0;  // zero: no translation yet
    mem::PhysicalAddress root;
    std::map<std::uint64_t, Walked> cache;  // by virtual page number
  };

  Walked walk(const Hart& hart, std::uint64_t address) const;
  static bool permits(const Walked& walked, mem::Access access, Mode mode);
  void fence_locked(Hart& hart, mem::VirtualRange range);
  static void fence_all_locked(Hart& hart);

  std::vector<mem::PhysicalRange> ram_;
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
