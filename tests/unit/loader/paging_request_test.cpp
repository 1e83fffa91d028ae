// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include "paging_mode.hpp"

namespace quoll::loader {
namespace {

TEST(PagingRequest, IsReadFromAnyPlace) {
  EXPECT_EQ(paging_request("paging=sv39").mode, riscv::PagingMode::kSv39);
  EXPECT_EQ(paging_request("log=debug paging=sv48").mode, riscv::PagingMode::kSv48);
  EXPECT_EQ(paging_request("log=debug;paging=sv57;tests=*").mode, riscv::PagingMode::kSv57);
  EXPECT_EQ(paging_request("paging=sv39  paging=sv48 ").mode, riscv::PagingMode::kSv48);
}

TEST(PagingRequest, KeepsWhatItDoesNotKnow) {
  const auto request = paging_request("paging=sv64");
  EXPECT_FALSE(request.mode.has_value());
  EXPECT_EQ(request.text, "sv64");
}

TEST(PagingRequest, IsAbsent) {
  EXPECT_FALSE(paging_request("").mode.has_value());
  EXPECT_TRUE(paging_request("xpaging=sv39 log=paging=sv39").text.empty());
}

}  // namespace
}  // namespace quoll::loader
