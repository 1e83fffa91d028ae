// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include <quoll/abi/limits.hpp>
#include <quoll/runtime/start_block.hpp>

namespace quoll::runtime {
namespace {

/// A start block as a kernel would lay it out, written by hand.
class Built {
 public:
  Built() {
    bytes_.resize(sizeof(abi::StartBlock) / 8);
    header().magic = abi::kStartMagic;
    header().version = abi::kVersion;
    const abi::StartString name = add("app.wasm");
    const abi::StartString strings[] = {add("app.wasm"), add(""), add("K=V")};
    const abi::StartPreopen preopen{.handle = 9, .name = add("/d")};
    const std::uint32_t table = put(strings, sizeof(strings));
    const std::uint32_t preopens = put(&preopen, sizeof(preopen));
    header().module_name = name;
    header().argument_count = 2;
    header().arguments = table;
    header().environment_count = 1;
    header().environment = table + 2 * std::uint32_t{sizeof(abi::StartString)};
    header().preopen_count = 1;
    header().preopens = preopens;
    header().size = static_cast<std::uint32_t>(bytes_.size() * 8);
  }

  // SAFETY: the vector is large enough, and aligned for the block.
  abi::StartBlock& header() { return *reinterpret_cast<abi::StartBlock*>(bytes_.data()); }

 private:
  abi::StartString add(const std::string& text) {
    return {put(text.c_str(), text.size() + 1), static_cast<std::uint32_t>(text.size())};
  }
  std::uint32_t put(const void* from, std::size_t size) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + (size + 7) / 8);
    std::memcpy(&bytes_[at], from, size);
    return static_cast<std::uint32_t>(at * 8);
  }

  std::vector<std::uint64_t> bytes_;
};

TEST(StartBlock, GivesNamesAndTables) {
  Built built;
  const auto view = StartBlockView::open(&built.header());
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->module_name(), "app.wasm");
  ASSERT_EQ(view->argument_count(), 2u);
  EXPECT_EQ(view->argument(0), "app.wasm");
  EXPECT_EQ(view->argument(1), "");
  ASSERT_EQ(view->environment_count(), 1u);
  EXPECT_EQ(view->environment(0), "K=V");
  ASSERT_EQ(view->preopen_count(), 1u);
  EXPECT_EQ(view->preopen(0).handle, 9u);
  EXPECT_EQ(view->text(view->preopen(0).name), "/d");
}

TEST(StartBlock, OfAnotherVersionIsRefused) {
  EXPECT_FALSE(StartBlockView::open(nullptr).has_value());
  Built magic;
  magic.header().magic ^= 1;
  EXPECT_FALSE(StartBlockView::open(&magic.header()).has_value());
  Built version;
  version.header().version += 1;
  EXPECT_FALSE(StartBlockView::open(&version.header()).has_value());
  Built size;
  size.header().size = sizeof(abi::StartBlock) - 1;
  EXPECT_FALSE(StartBlockView::open(&size.header()).has_value());
}

TEST(StartBlock, NeverReachesBeyondItsEnd) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20'000; ++round) {
    Built built;
    auto& header = built.header();
    const std::uint32_t size = header.size;
    std::uint32_t* const fields[] = {&header.module_name.offset, &header.module_name.length,
                                     &header.argument_count,     &header.arguments,
                                     &header.environment_count,  &header.environment,
                                     &header.preopen_count,      &header.preopens};
    const std::uint32_t values[] = {0, 1, 7, size - 1, size, size + 1, 0x7fff'ffff, 0xffff'ffff};
    *fields[random() % std::size(fields)] = values[random() % std::size(values)];
    const auto view = StartBlockView::open(&header);
    if (!view) continue;
    // AddressSanitizer watches.
    std::size_t total = view->module_name().size();
    for (std::size_t i = 0; i < view->argument_count(); ++i) total += view->argument(i).size();
    for (std::size_t i = 0; i < view->environment_count(); ++i) {
      total += view->environment(i).size();
    }
    for (std::size_t i = 0; i < view->preopen_count(); ++i) {
      total += view->text(view->preopen(i).name).size();
    }
    EXPECT_LE(view->module_name().size(), size);
    EXPECT_GE(total, 0u);
  }
}

}  // namespace
}  // namespace quoll::runtime
