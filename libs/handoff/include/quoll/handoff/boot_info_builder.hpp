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
enum class BootInfoLayoutError : std::uint8_t { kRegionsDoNotFit, kTextsDoNotFit };

/// How many regions fit beside texts of this total length.
constexpr std::size_t max_regions(std::size_t text_size) noexcept {
  const std::size_t fixed = sizeof(BootInfo) + text_size + 2;
  return fixed > kBootInfoPageSize ? 0 : (kBootInfoPageSize - fixed) / sizeof(MemoryRegion);
}

/// The lists of a page.
struct BootInfoLists {
  std::span<const MemoryRegion> regions;
  std::string_view bootargs;
  std::string_view stdout_path;
};

/// Copies `info` and the lists into `page` and sets offsets and sizes.
///
/// *Requires*: `page` is aligned to eight bytes. *Errors*: what does not fit; the page is then
/// unchanged.
inline base::Result<BootInfo*, BootInfoLayoutError> lay_out_boot_info(
    std::span<std::byte, kBootInfoPageSize> page, const BootInfo& info,
    const BootInfoLists& lists) noexcept {
  const std::size_t text_size = lists.bootargs.size() + lists.stdout_path.size();
  if (sizeof(BootInfo) + text_size + 2 > kBootInfoPageSize) {
    return base::err(BootInfoLayoutError::kTextsDoNotFit);
  }
  if (lists.regions.size() > max_regions(text_size)) {
    return base::err(BootInfoLayoutError::kRegionsDoNotFit);
  }
  BootInfo out = info;
  std::size_t end = sizeof(BootInfo);
  const auto append = [&](const void* data, std::size_t count, std::size_t size) {
    const ListInPage list{static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(count)};
    if (size != 0) std::memcpy(page.data() + end, data, size);
    end += size;
    return list;
  };
  const auto append_text = [&](std::string_view text) {
    const ListInPage list = append(text.data(), text.size(), text.size());
    page[end++] = std::byte{0};
    return list;
  };
  out.region_list = append(lists.regions.data(), lists.regions.size(), lists.regions.size_bytes());
  out.bootargs_list = append_text(lists.bootargs);
  out.stdout_path_list = append_text(lists.stdout_path);
  out.size = static_cast<std::uint32_t>(end);
  std::memcpy(page.data(), &out, sizeof out);
  // SAFETY: a trivially copyable BootInfo was copied to the aligned start of the page.
  return reinterpret_cast<BootInfo*>(page.data());
}

}  // namespace quoll::handoff
