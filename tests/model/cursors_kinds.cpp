// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "cursors_kinds.hpp"

#include <array>

namespace quoll::model::cursors {

using paging::MapError;

namespace {

// Outcomes of a request for the next bytes, as every operation checks them.
#define QUOLL_BAD_SIZE "unaligned", "empty", "outside"
const std::array kKinds{
    Kind{"open",
         84,
         {"to change", "to change, wide", "to look", "unaligned", "empty", "overflow",
          "not canonical", "shared half"}},
    Kind{"close", 32, {"done"}},
    Kind{"query", 30, {"page", "vacant", "at the end"}},
    Kind{"next", 28, {"page", "vacant", "at the end"}},
    Kind{"jump", 36, {"done", "unaligned", "outside"}},
    Kind{"find-next", 48, {"page", "nothing", QUOLL_BAD_SIZE}},
    Kind{"map",
         120,
         {"small pages", "large pages", "physical range", "already mapped", "out of memory",
          QUOLL_BAD_SIZE},
         2},
    Kind{"map-frames",
         80,
         {"done", "physical range", "already mapped", "out of memory", QUOLL_BAD_SIZE},
         2},
    Kind{"replace",
         76,
         {"done", "not mapped", "part of a large page", "physical range", "unaligned", "outside"}},
    Kind{"unmap", 80, {"pages", "nothing", "out of memory", QUOLL_BAD_SIZE}, 2},
    Kind{"protect", 78, {"pages", "nothing", "out of memory", QUOLL_BAD_SIZE}, 2},
    Kind{"protect-next", 76, {"a page", "nothing", "out of memory", QUOLL_BAD_SIZE}, 2},
    Kind{"copy", 80, {"pages", "nothing", "already mapped", "out of memory", QUOLL_BAD_SIZE}, 2},
    Kind{"split",
         56,
         {"done", "small already", "no such size", "not mapped", "out of memory", "outside"},
         2},
    Kind{"merge",
         80,
         {"done", "one already", "no such size", "unaligned", "narrow cursor", "not mapped",
          "not uniform", "keeps tables", "outside"}},
    Kind{"settle", 40, {"fenced", "nothing"}},
    Kind{"touch", 24, {"translated", "fault"}},
    Kind{"look-up", 32, {"page", "vacant", "not canonical"}},
};
#undef QUOLL_BAD_SIZE

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

std::string_view name_of(MapError error) {
  switch (error) {
    case MapError::kUnaligned:
      return "unaligned";
    case MapError::kEmpty:
      return "empty";
    case MapError::kOverflow:
      return "overflow";
    case MapError::kNotCanonical:
      return "not canonical";
    case MapError::kSharedHalf:
      return "shared half";
    case MapError::kPhysicalRange:
      return "physical range";
    case MapError::kOutsideCursor:
      return "outside";
    case MapError::kAlreadyMapped:
      return "already mapped";
    case MapError::kNotMapped:
      return "not mapped";
    case MapError::kSplitsLargePage:
      return "part of a large page";
    case MapError::kNotUniform:
      return "not uniform";
    case MapError::kNoSuchPageSize:
      return "no such size";
    case MapError::kNarrowCursor:
      return "narrow cursor";
    case MapError::kKeepsTables:
      return "keeps tables";
    case MapError::kOutOfMemory:
      return "out of memory";
  }
  return "an unknown error";
}

std::uint32_t outcome_of(std::uint32_t kind, MapError error) {
  const std::string_view name = name_of(error);
  const auto& outcomes = kKinds[kind].outcomes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i] == name) return static_cast<std::uint32_t>(i);
  }
  mismatch("no outcome ", name, " of ", kKinds[kind].name);
}

}  // namespace quoll::model::cursors
