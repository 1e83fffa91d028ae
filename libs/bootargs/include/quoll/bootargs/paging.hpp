// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// `paging=`: the loader obeys it, the kernel lists it and complains of what it cannot read.
#pragma once

#include <cstdint>
#include <string_view>

#include <quoll/bootargs/value.hpp>

namespace quoll::bootargs {

inline constexpr std::string_view kPagingName = "paging";

/// How many bits of an address are translated.
enum class Paging : std::uint8_t { kWidest = 0, kSv39 = 39, kSv48 = 48, kSv57 = 57 };

inline constexpr Word kPagingWords[] = {
    {"widest", static_cast<std::uint64_t>(Paging::kWidest)},
    {"sv39", static_cast<std::uint64_t>(Paging::kSv39)},
    {"sv48", static_cast<std::uint64_t>(Paging::kSv48)},
    {"sv57", static_cast<std::uint64_t>(Paging::kSv57)},
};

}  // namespace quoll::bootargs
