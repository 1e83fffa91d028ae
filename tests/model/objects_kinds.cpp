// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "objects_kinds.hpp"

#include <array>

namespace quoll::model::objects {
namespace {

const std::array kKinds{
    Kind{"create", 12, {"zeros", "archive", "told", "out of memory"}, 3},
    Kind{"clone", 18, {"done", "out of memory"}, 3},
    Kind{"drop", 4, {"ended", "still mapped"}},
    Kind{"resize", 18, {"grown", "shrunk", "sealed", "out of memory"}, 2},
    Kind{"commit", 9, {"done", "outside the object", "unavailable", "out of memory"}, 3},
    Kind{"decommit", 22, {"done", "outside the object", "sealed", "out of memory"}, 2},
    Kind{"seal", 2, {"done", "again"}},
    Kind{"read", 12, {"done", "outside the object", "unavailable", "out of memory"}, 2},
    Kind{"write", 20, {"done", "outside the object", "sealed", "unavailable", "out of memory"}, 3},
    Kind{"bad-object", 4, {"unaligned", "empty", "outside the object", "too large"}},
    Kind{"supply", 14, {"done", "not requested", "bad frame", "too late", "out of memory"}, 2},
    Kind{"fail", 4, {"done", "not requested"}},
    Kind{"tell", 14, {"content", "later", "none", "lie"}},
    Kind{"wait", 12, {"waits", "withdrawn", "complete", "none"}},
    Kind{"activate", 3, {"done"}},
    Kind{"leave", 2, {"done"}},
    Kind{"touch",
         60,
         {"resolved", "not mapped", "denied", "outside the object", "must wait", "unavailable",
          "no page table", "out of memory"},
         3},
    Kind{"populate",
         10,
         {"resolved", "not mapped", "denied", "not there", "no page table", "out of memory"},
         3},
    Kind{
        "copy", 22, {"in", "out", "bad address", "must wait", "no page table", "out of memory"}, 3},
    Kind{"map",
         34,
         {"shared", "private", "anonymous", "reserved", "overlap", "outside the object", "denied",
          "limit", "out of memory"},
         3},
    Kind{"unmap", 24, {"done", "not mapped", "limit", "out of memory"}, 3},
    Kind{"release", 5, {"done", "not mapped"}},
    Kind{"protect", 22, {"done", "not mapped", "denied", "limit", "out of memory"}, 3},
    Kind{"end", 1, {"done"}},
    Kind{"bad-space",
         5,
         {"unaligned", "empty", "out of range", "outside the object", "wrong kind", "no room"}},
};

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

Step named(std::uint32_t kind, std::string_view name, bool changed) {
  const auto& outcomes = kKinds[kind].outcomes;
  for (std::uint32_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == name) return {i, changed};
  }
  mismatch("no outcome ", name, " of ", kKinds[kind].name);
}

}  // namespace quoll::model::objects
