// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A provider that answers as it is told: late, wrongly, or not at all.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include <quoll/kernel/mem/vmo/paged_vmo.hpp>

#include "test_kernel.hpp"

namespace quoll::test {

class ToldPages final : public vm::PageProvider {
 public:
  explicit ToldPages(PhysicalRange lends = {}) : PageProvider(lends) {}

  vm::PageAnswer page(std::uint64_t offset, std::uint64_t) noexcept override {
    ++asked;
    last_offset = offset;
    return answer;
  }
  void fetch(vm::PagedVmo&, std::uint64_t offset) noexcept override { fetched.push_back(offset); }

  vm::PageAnswer answer = vm::LaterPage();
  unsigned asked = 0;
  std::uint64_t last_offset = 0;
  std::vector<std::uint64_t> fetched;
};

/// A waiter that counts how often it is called.
struct CountingWaiter : vm::PageWaiter {
  CountingWaiter() {
    complete = [](vm::PageWaiter& self) { ++static_cast<CountingWaiter&>(self).calls; };
  }
  unsigned calls = 0;
};

inline std::uint64_t word_at(vm::PagedVmo& object, std::uint64_t offset) {
  std::uint64_t word = ~std::uint64_t{0};
  EXPECT_TRUE(object.read(offset, std::as_writable_bytes(std::span(&word, 1))));
  return word;
}
inline bool set_word(vm::PagedVmo& object, std::uint64_t offset, std::uint64_t word) {
  return object.write(offset, std::as_bytes(std::span(&word, 1))).has_value();
}

}  // namespace quoll::test
