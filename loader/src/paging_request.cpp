// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/bootargs/paging.hpp>
#include <quoll/bootargs/parts.hpp>

#include "paging_mode.hpp"

namespace quoll::loader {
namespace {

std::optional<riscv::PagingMode> mode_of(bootargs::Paging paging) noexcept {
  switch (paging) {
    case bootargs::Paging::kSv39:
      return riscv::PagingMode::kSv39;
    case bootargs::Paging::kSv48:
      return riscv::PagingMode::kSv48;
    case bootargs::Paging::kSv57:
      return riscv::PagingMode::kSv57;
    case bootargs::Paging::kWidest:
      break;
  }
  return std::nullopt;
}

}  // namespace

PagingRequest paging_request(std::string_view line) noexcept {
  PagingRequest request;
  bootargs::Parts parts(line);
  while (const auto part = parts.next()) {
    if (part->name != bootargs::kPagingName) continue;
    const auto meaning = bootargs::parse_word(part->value.value_or(""), bootargs::kPagingWords);
    if (!meaning || !part->has_sound_quotes) {
      request.rejected = part->text;
      continue;
    }
    request.text = *part->value;
    request.mode = mode_of(static_cast<bootargs::Paging>(*meaning));
  }
  return request;
}

}  // namespace quoll::loader
