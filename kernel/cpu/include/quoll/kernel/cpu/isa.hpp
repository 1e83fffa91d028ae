// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the harts can do, as the device tree says.
#pragma once

#include <string_view>

#include <quoll/fdt/device_tree.hpp>

namespace quoll::cpu {

/// Extensions that every available hart has.
struct Features {
  bool sstc = false;
  bool zba = false;
  bool zbb = false;
};

/// Whether an ISA string (`rv64imac_zba_sstc`) names a multi-letter extension.
bool isa_has(std::string_view isa, std::string_view extension) noexcept;

Features find_features(const fdt::DeviceTree& tree) noexcept;

}  // namespace quoll::cpu
