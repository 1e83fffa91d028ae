// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include <quoll/base/result.hpp>

namespace quoll::base {
namespace {

enum class Error : unsigned char { kNo, kNever };

Result<int, Error> half(int value) {
  if (value % 2 != 0) return err(Error::kNo);
  return value / 2;
}

Result<int, Error> quarter(int value) {
  return TRY(half(TRY(half(value))));
}

Result<void, Error> only_even(int value) {
  TRY(half(value));
  return {};
}

TEST(Result, HoldsValueOrError) {
  EXPECT_EQ(half(4).value(), 2);
  EXPECT_EQ(half(3).error(), Error::kNo);
  EXPECT_TRUE(only_even(2).has_value());
  EXPECT_EQ(only_even(1).error(), Error::kNo);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error(), Error::kNo);
}

TEST(Result, MovesMoveOnlyValues) {
  Result<std::unique_ptr<int>, Error> a = std::make_unique<int>(7);
  Result<std::unique_ptr<int>, Error> b = std::move(a);
  EXPECT_EQ(**b, 7);
  b = err(Error::kNever);
  EXPECT_EQ(b.error(), Error::kNever);
}

TEST(Result, CopiesAndAssignsBothSides) {
  Result<std::string, Error> a = std::string(64, 'x');
  Result<std::string, Error> b = err(Error::kNo);
  b = a;
  EXPECT_EQ(*b, *a);
  a = err(Error::kNo);
  EXPECT_EQ(b->size(), 64u);
  EXPECT_FALSE(a.has_value());
}

TEST(Result, ChainsLikeExpected) {
  EXPECT_EQ(half(8).and_then([](int v) { return half(v); }).value(), 2);
  EXPECT_EQ(half(8).transform([](int v) { return v * 10; }).value(), 40);
  EXPECT_EQ(half(1).transform_error([](Error) { return 5; }).error(), 5);
  EXPECT_EQ(half(1).value_or(9), 9);
}

TEST(ResultDeathTest, ReadingTheMissingSideStops) {
  EXPECT_DEATH((void)half(1).value(), "assertion failed");
  EXPECT_DEATH((void)half(2).error(), "assertion failed");
}

}  // namespace
}  // namespace quoll::base
