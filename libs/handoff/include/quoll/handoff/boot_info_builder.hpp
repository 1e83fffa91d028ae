// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Lays out the lists behind a BootInfo's fixed part.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/handoff/boot_info.hpp>

namespace quoll::handoff {

/// Why a page could not be laid out.
enum class BootInfoLayoutError : std::uint8_t { kRegionsDoNotFit, kBootargsDoNotFit };

/// How many regions fit beside a command line of this length.
constexpr std::size_t max_regions(std::size_t bootargs_size) noexcept {
  const std::size_t fixed = sizeof(BootInfo) + bootargs_size + 1;
  return fixed > kBootInfoPageSize ? 0 : (kBootInfoPageSize - fixed) / sizeof(MemoryRegion);
}

/// Copies `info`, the regions and the command line into `page` and sets offsets and sizes.
///
/// *Requires*: `page` is aligned to eight bytes. *Errors*: what does not fit; the page is then
/// unchanged.
inline base::Result<BootInfo*, BootInfoLayoutError> lay_out_boot_info(
    std::span<std::byte, kBootInfoPageSize> page, const BootInfo& info,
    std::span<const MemoryRegion> regions, std::string_view bootargs) noexcept {
  if (sizeof(BootInfo) + bootargs.size() + 1 > kBootInfoPageSize) {
    return base::err(BootInfoLayoutError::kBootargsDoNotFit);
  }
  if (regions.size() > max_regions(bootargs.size())) {
    return base::err(BootInfoLayoutError::kRegionsDoNotFit);
  }
  BootInfo out = info;
  out.region_list = {static_cast<std::uint32_t>(sizeof(BootInfo)),
                     static_cast<std::uint32_t>(regions.size())};
  const std::size_t bootargs_offset = sizeof(BootInfo) + regions.size_bytes();
  out.bootargs_list = {static_cast<std::uint32_t>(bootargs_offset),
                       static_cast<std::uint32_t>(bootargs.size())};
  out.size = static_cast<std::uint32_t>(bootargs_offset + bootargs.size() + 1);
  std::memcpy(page.data(), &out, sizeof out);
  if (!regions.empty()) {
    std::memcpy(page.data() + sizeof(BootInfo), regions.data(), regions.size_bytes());
  }
  if (!bootargs.empty()) {
    std::memcpy(page.data() + bootargs_offset, bootargs.data(), bootargs.size());
  }
  page[bootargs_offset + bootargs.size()] = std::byte{0};
  // SAFETY: a trivially copyable BootInfo was copied to the aligned start of the page.
  return reinterpret_cast<BootInfo*>(page.data());
}

}  // namespace quoll::handoff
