// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/abi/types.hpp>
#include <quoll/kernel/guest/features.hpp>

namespace quoll::guest {

std::uint64_t features_of_isa(std::string_view isa) noexcept {
  std::uint64_t features = 0;
  // Multi-letter extensions follow the single letters, each behind an underscore.
  while (!isa.empty()) {
    const std::size_t end = isa.find('_');
    const std::string_view extension = isa.substr(0, end);
    if (extension == "zba") features |= abi::features::kZba;
    if (extension == "zbb") features |= abi::features::kZbb;
    if (end == std::string_view::npos) break;
    isa.remove_prefix(end + 1);
  }
  return features;
}

std::uint64_t features_of_machine(const fdt::DeviceTree& tree) noexcept {
  const auto cpus = tree.find("/cpus");
  if (!cpus) return 0;
  std::uint64_t common = abi::features::kZba | abi::features::kZbb;
  bool any = false;
  for (const fdt::Node cpu : cpus->children()) {
    if (cpu.base_name() != "cpu" || !cpu.is_available()) continue;
    any = true;
    const auto isa = cpu.string("riscv,isa");
    common &= isa ? features_of_isa(*isa) : 0;
  }
  return any ? common : 0;
}

}  // namespace quoll::guest
