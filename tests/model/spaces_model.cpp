// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "spaces_model.hpp"

#include <array>

namespace quoll::model::spaces {

namespace {

const std::array kKinds{
    Kind{"activate", 4, {"done"}},
    Kind{"leave", 4, {"done"}},
    Kind{"touch", 24, {"resolved", "not mapped", "denied", "out of memory", "guard"}, 2},
    Kind{"map", 34, {"done", "overlap", "limit", "out of memory"}, 2},
    Kind{"reserve", 22, {"done", "overlap", "out of memory"}, 2},
    Kind{"map-vmo", 30, {"done", "overlap", "outside the object", "denied", "out of memory"}, 2},
    Kind{"commit", 22, {"done", "not mapped", "denied", "out of memory"}, 2},
    Kind{"protect", 28, {"done", "not mapped", "denied", "out of memory"}, 2},
    Kind{"decommit", 22, {"done", "not mapped", "denied", "out of memory"}, 2},
    Kind{"unmap", 30, {"done", "not mapped", "out of memory"}, 2},
    Kind{"release", 14, {"done", "not mapped"}},
    Kind{"bad-request", 5, {"unaligned", "empty", "out of range"}},
    Kind{"guard", 9, {"done", "not mapped", "denied", "out of memory"}, 2},
};

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

Step named(std::uint32_t kind, std::string_view name) {
  const auto& outcomes = kKinds[kind].outcomes;
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == name) return {i, false};
  }
  mismatch("no outcome ", name, " of ", kKinds[kind].name);
}

std::uint64_t SpaceModel::regions() const {
  std::uint64_t count = 0;
  const Page* before = nullptr;
  std::uint64_t last = 0;
  for (const auto& [number, page] : pages) {
    const bool joined = before != nullptr && last + 1 == number &&
                        before->mapping == page.mapping && before->backing == page.backing &&
                        before->permissions == page.permissions;
    count += joined ? 0U : 1U;
    before = &page;
    last = number;
  }
  return count;
}

}  // namespace quoll::model::spaces
