// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include <quoll/handoff/loader_config.hpp>

namespace quoll::handoff {
namespace {

std::optional<LoaderConfigError> error_of(const LoaderConfig& config) {
  const auto read = read_loader_config(std::as_bytes(std::span(&config, 1)));
  return read ? std::nullopt : std::optional(read.error());
}

TEST(LoaderConfig, IsReadBack) {
  const LoaderConfig config{.kernel_stack_pages = 7, .guard_pages = 2};
  const auto read = read_loader_config(std::as_bytes(std::span(&config, 1)));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kernel_stack_pages, 7U);
  EXPECT_EQ(read->guard_pages, 2U);
}

TEST(LoaderConfig, IsRefusedWithItsReason) {
  EXPECT_EQ(error_of({.magic = 1}), LoaderConfigError::kWrongMagic);
  EXPECT_EQ(error_of({.version = 2}), LoaderConfigError::kWrongVersion);
  EXPECT_EQ(error_of({.size = 41}), LoaderConfigError::kWrongSize);
  EXPECT_EQ(error_of({.kernel_stack_pages = 0}), LoaderConfigError::kBadStackSize);
  EXPECT_EQ(error_of({.kernel_stack_pages = 257}), LoaderConfigError::kBadStackSize);
  EXPECT_EQ(error_of({.guard_pages = 0}), LoaderConfigError::kBadGuardSize);
  EXPECT_EQ(error_of({.guard_pages = 0xFFFFFFFF}), LoaderConfigError::kBadGuardSize);
  EXPECT_EQ(error_of({.flags = 1}), LoaderConfigError::kUnknownFlags);
  EXPECT_EQ(error_of({}), std::nullopt);
}

TEST(LoaderConfig, OfAnotherLengthIsRefused) {
  const LoaderConfig config[2];
  const auto bytes = std::as_bytes(std::span(config));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto read = read_loader_config(bytes.first(size));
    EXPECT_EQ(read.has_value(), size == sizeof(LoaderConfig)) << size;
  }
}

}  // namespace
}  // namespace quoll::handoff
