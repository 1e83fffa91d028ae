// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The mechanism of one address space: its page tables, the harts that may cache their
// translations, and access to its memory by copying. What is mapped where is its owner's policy.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/mem/activation.hpp>
#include <quoll/kernel/mem/asid.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/live_root.hpp>
#include <quoll/kernel/mem/user_access.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::vm {

/// Who fills pages in. It outlives its registration.
struct PageFaultHandler {
  FaultOutcome (*handle)(void* context, mem::VirtualAddress address, mem::Access access);
  void* context;
};

/// One user half. A hart that has it active owns a reference, so its owner can go while harts
/// still stand on its root: by then nothing but the kernel's half is left in it.
/// *Locking*: any hart; changes of the page tables are ordered by who makes them.
class VmSpace : public intrusive::RefCounted<VmSpace> {
 public:
  /// `page_tables` is how many it may have, the root aside. *Errors*: `kOutOfMemory`.
  static base::Result<intrusive::RefPtr<VmSpace>, SpaceError> create(
      KernelSpace& kernel, std::uint64_t page_tables = UINT64_MAX);
  /// *Requires*: the page tables are empty. Called by the last reference.
  ~VmSpace();

  KernelSpace& kernel() const noexcept { return kernel_; }
  mem::PhysicalAddress root() const noexcept { return root_.address(); }
  PageTable& tables() noexcept { return tables_; }

  /// Makes this the space that this hart's user mode sees. Costs next to nothing when it is, and
  /// no fence when nothing was taken away since it was active here last. *Context*: task.
  void activate() noexcept;
  bool is_active() const noexcept { return kernel_.is_active(*this); }
  /// Harts that user mode may see this space on now.
  sync::HartSet active_harts() const noexcept { return activation_.active(); }

  /// Who is asked when user mode, or a copy, finds a page missing.
  /// *Errors*: `kOverlap`: there is a handler already.
  base::Result<void, SpaceError> register_page_fault_handler(const PageFaultHandler& handler);
  /// *Requires*: nobody is in the handler, or on the way into it.
  void unregister_page_fault_handler() noexcept {
    handler_.store(nullptr, std::memory_order_relaxed);
  }
  /// `kNotMapped` when nobody is registered.
  FaultOutcome handle_page_fault(mem::VirtualAddress address, mem::Access access);

  /// Copies out of, or into, a part of user memory. The space outlives what is returned.
  /// *Errors*: `kBadAddress`: not all of it is in the user half. Nothing is touched yet.
  base::Result<VmReader, CopyError> reader(mem::VirtualAddress from, std::size_t size);
  base::Result<VmWriter, CopyError> writer(mem::VirtualAddress to, std::size_t size);

 private:
  friend class KernelSpace;
  friend class TlbFlusher;
  VmSpace(KernelSpace& kernel, Frame root, std::uint64_t page_tables);

  void fence_here(mem::VirtualRange range) noexcept;
  void shoot_down(mem::VirtualRange range) noexcept;
  base::Result<void, CopyError> check_user(mem::VirtualAddress start,
                                           std::size_t size) const noexcept;

  KernelSpace& kernel_;
  Frame root_;
  const LiveRoot live_;
  PageTable tables_;
  AsidTag tag_;
  Activation activation_;
  std::atomic<const PageFaultHandler*> handler_{nullptr};
};

}  // namespace quoll::vm
