// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory of a guest whose pages come when a test says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include <quoll/kernel/mem/vmo/paged_vmo.hpp>

#include "guest_fixture.hpp"

namespace quoll::guest {

class LatePagesTest : public GuestTest {
 protected:
  static constexpr std::uint64_t kLateBytes = std::uint64_t{4} * abi::kPageSize;

  LatePagesTest() {
    late_ = *vm::PagedVmo::create(frames_, kLateBytes, mem::Permissions::read_write().for_user(),
                                  vm::PageProviderRef::adopt(new Provider));
    late_at_ = guest_->space()
                   .map_shared(vm::Placement::anywhere(), late_, 0, kLateBytes,
                               mem::Permissions::read_write().for_user())
                   ->start()
                   .value();
  }
  /// The page comes, with that text at its start.
  void supply(std::uint64_t page, std::string_view text = {}) {
    vm::Frame frame = std::move(*frames_.allocate_zeroed());
    std::copy(text.begin(), text.end(), static_cast<char*>(frame.data()));
    ASSERT_TRUE(late_->supply(page * abi::kPageSize, std::move(frame)).has_value());
  }
  void fail(std::uint64_t page) { ASSERT_TRUE(late_->fail(page * abi::kPageSize).has_value()); }

  vm::PagedVmoRef late_;
  std::uint64_t late_at_ = 0;

 private:
  struct Provider final : vm::PageProvider {
    vm::PageAnswer page(std::uint64_t, std::uint64_t) noexcept override { return vm::LaterPage(); }
    void fetch(vm::PagedVmo&, std::uint64_t) noexcept override {}
  };
};

}  // namespace quoll::guest
