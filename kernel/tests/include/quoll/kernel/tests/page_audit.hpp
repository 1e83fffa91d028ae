// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The page-table auditor: walks every page table there is, word by word as the privileged
// specification defines them, with nothing of the code that writes them. The runner lets it run
// after every test.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/async/task.hpp>

namespace quoll::tests {

/// What must not be found in any page table.
enum class PageRule : std::uint8_t {
  kMalformed,           ///< bits that the specification reserves, or a page that is not aligned
  kOutsideMemory,       ///< a page table that lies in no RAM
  kLinkedTwice,         ///< a page table below two entries of one space
  kWritableExecutable,  ///< a page with both permissions
  kExecutablePhysmap,   ///< a page of the physical map that may be executed
  kUserInKernelHalf,    ///< a page of the upper half that user mode may touch
  kKernelInUserHalf,    ///< a page of the lower half that user mode may not touch
  kKernelHalfDiffers,   ///< an entry of the upper half that is not that of the kernel's root
  kUserMapsPageTable,   ///< a page that user mode may touch, and a page table
  kUserMapsHeap,        ///< a page that user mode may touch, and memory of the kernel's heap
  kUnknownRoot,         ///< the root that this hart translates with is none of those that exist
};

/// One word that breaks a rule.
struct PageViolation {
  PageRule rule{};
  std::uint64_t root = 0;     ///< physical address of the space's root
  std::uint64_t address = 0;  ///< the first virtual address that the entry stands for
  std::uint64_t entry = 0;
  unsigned level = 0;
  bool operator==(const PageViolation&) const = default;
};

/// What a walk found.
struct PageAudit {
  std::optional<PageViolation> violation;  ///< the first
  unsigned spaces = 0;
  std::uint64_t tables = 0;
  std::uint64_t leaves = 0;
};

/// A sentence for the rule.
const char* describe(PageRule rule) noexcept;

/// Takes the memory that walks need. *Context*: once, before the first test.
[[nodiscard]] bool prepare_page_audit() noexcept;

/// Walks all page tables once. While others change theirs, what it finds may be gone already.
/// *Context*: task; one at a time.
PageAudit audit_pages() noexcept;

/// Walks until nothing is found, or the same again and again: then it is a failure of the tests
/// that run.
async::Task<void> expect_sound_pages();

/// The word that translates an address below a root, or null. For tests that damage it.
std::uint64_t* entry_of(std::uint64_t root, std::uint64_t address) noexcept;

}  // namespace quoll::tests
