// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include "paging_mode.hpp"

namespace quoll::loader {

PagingRequest paging_request(std::string_view bootargs) noexcept {
  constexpr std::string_view kKey = "paging=";
  PagingRequest request;
  while (!bootargs.empty()) {
    const std::size_t length = std::min(bootargs.find_first_of(" ;"), bootargs.size());
    const std::string_view argument = bootargs.substr(0, length);
    bootargs.remove_prefix(std::min(length + 1, bootargs.size()));
    if (!argument.starts_with(kKey)) continue;
    request = {std::nullopt, argument.substr(kKey.size())};
    for (const auto mode :
         {riscv::PagingMode::kSv39, riscv::PagingMode::kSv48, riscv::PagingMode::kSv57}) {
      if (request.text == name_of(mode)) request.mode = mode;
    }
  }
  return request;
}

}  // namespace quoll::loader
