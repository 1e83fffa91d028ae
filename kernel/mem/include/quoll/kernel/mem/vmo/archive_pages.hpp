// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Pages of the boot archive: they are where they are, for everybody.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/vmo/page_provider.hpp>

namespace quoll::vm {

/// Lends memory that never changes, and zeros behind it. What does not begin where a frame does is
/// copied, page by page.
class ArchivePages final : public PageProvider {
 public:
  /// *Requires*: the memory outlives the provider. *Errors*: `kEmpty`, `kOutOfMemory`.
  static base::Result<PageProviderRef, SpaceError> create(mem::PhysicalRange content);

  PageAnswer page(std::uint64_t offset, std::uint64_t most) noexcept override;
  void fetch(PagedVmo&, std::uint64_t) noexcept override {}

 private:
  explicit ArchivePages(mem::PhysicalRange content) noexcept;
  const mem::PhysicalRange content_;
};

}  // namespace quoll::vm
