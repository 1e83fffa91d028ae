// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/fdt/node.hpp>
#include <quoll/kernel/cpu/isa.hpp>

namespace quoll::cpu {
namespace {

bool node_has(fdt::Node node, std::string_view extension) noexcept {
  if (const auto list = node.property("riscv,isa-extensions")) return list->has_string(extension);
  return isa_has(node.string("riscv,isa").value_or(""), extension);
}

}  // namespace

bool isa_has(std::string_view isa, std::string_view extension) noexcept {
  while (!isa.empty()) {
    const std::size_t end = std::min(isa.find('_'), isa.size());
    if (isa.substr(0, end) == extension) return true;
    isa.remove_prefix(std::min(end + 1, isa.size()));
  }
  return false;
}

Features find_features(const fdt::DeviceTree& tree) noexcept {
  const auto cpus = tree.find("/cpus");
  if (!cpus) return {};
  Features all{.sstc = true, .zba = true, .zbb = true};
  bool any = false;
  for (const fdt::Node node : cpus->children()) {
    if (node.string("device_type") != "cpu" || !node.is_available()) continue;
    any = true;
    all.sstc = all.sstc && node_has(node, "sstc");
    all.zba = all.zba && node_has(node, "zba");
    all.zbb = all.zbb && node_has(node, "zbb");
  }
  return any ? all : Features{};
}

}  // namespace quoll::cpu
