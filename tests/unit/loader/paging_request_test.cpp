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
  for (const char* line : {"paging=sv64", "paging=", "paging", "paging=sv39x", "paging=\"sv39"}) {
    const auto request = paging_request(line);
    EXPECT_FALSE(request.mode.has_value());
    EXPECT_EQ(request.rejected, line);
  }
}

TEST(PagingRequest, GoesOnAfterWhatItDoesNotKnow) {
  const auto request = paging_request("paging=sv48 paging=sv64");
  EXPECT_EQ(request.mode, riscv::PagingMode::kSv48);
  EXPECT_EQ(request.rejected, "paging=sv64");
  EXPECT_FALSE(paging_request("paging=sv48 paging=widest").mode.has_value());
  EXPECT_EQ(paging_request("paging=\"sv39\"").mode, riscv::PagingMode::kSv39);
}

TEST(PagingRequest, IsAbsent) {
  EXPECT_FALSE(paging_request("").mode.has_value());
  EXPECT_TRUE(paging_request("xpaging=sv39 log=paging=sv39").text.empty());
}

}  // namespace
}  // namespace quoll::loader
