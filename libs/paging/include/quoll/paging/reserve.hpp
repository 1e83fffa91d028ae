// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables taken ahead of a change, so that the change cannot be refused half way.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/paging/table_memory.hpp>

namespace quoll::paging {

/// Owns tables that are not linked yet; what the change did not use goes back.
template <TableMemory M>
class Reserve {
 public:
  explicit Reserve(M& memory) : memory_(memory) {}
  Reserve(const Reserve&) = delete;
  Reserve& operator=(const Reserve&) = delete;
  ~Reserve() {
    while (first_) memory_.release(pop());
  }

  [[nodiscard]] bool take(std::uint64_t count) {
    for (; count > 0; --count) {
      const auto table = memory_.allocate();
      if (!table) return false;
      memory_.record(*table).set_next(first_);
      first_ = table;
    }
    return true;
  }
  /// *Requires*: fewer were popped than taken.
  mem::PhysicalAddress pop() {
    QUOLL_ASSERT(first_.has_value());
    const mem::PhysicalAddress table = *first_;
    first_ = memory_.record(table).next();
    return table;
  }

 private:
  M& memory_;
  std::optional<mem::PhysicalAddress> first_;
};

}  // namespace quoll::paging
