// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Where things are in the kernel's half of the address space. From its bottom: the physical map,
// the kernel window (stacks, TLS blocks, device registers), and in the top GiB the kernel. The
// sizes follow from the paging mode and the machine's memory.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/extent.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll::loader {

/// The kernel's half, divided.
struct AddressLayout {
  handoff::PhysmapInfo physmap;
  handoff::VirtualExtent window;
  /// From here to the last page but one.
  handoff::VirtualExtent kernel;
};

/// Divides the kernel's half for RAM within `ram`. RAM that the physical map cannot reach is
/// beyond `physmap.physical_start + physmap.size`.
AddressLayout divide_address_space(const riscv::Sv& format, handoff::PhysicalExtent ram) noexcept;

/// Takes pages of the kernel window from its bottom upwards, with guard pages between.
class PageAllocator {
 public:
  PageAllocator(handoff::VirtualExtent window, std::uint64_t guard_pages)
      : window_(window), next_(window.start), guard_pages_(guard_pages) {}

  /// The next `page_count` pages, behind guard pages. Nothing when the window is full.
  std::optional<handoff::VirtualExtent> allocate(std::uint64_t page_count) noexcept;

  /// What is left; its first pages are the last allocation's guard.
  handoff::VirtualExtent rest() const noexcept { return {next_, window_.end}; }

 private:
  handoff::VirtualExtent window_;
  std::uint64_t next_;
  std::uint64_t guard_pages_;
};

}  // namespace quoll::loader
