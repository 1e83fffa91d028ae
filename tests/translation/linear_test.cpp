// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reading, checking and translating takes time and memory in proportion to the module, whatever it
// is that grows in it: counted in steps and in bytes, which no other load of the machine changes.
#include <gtest/gtest.h>
#include <string>

#include "measure.hpp"
#include "shapes.hpp"
#include "steps.hpp"

namespace quoll::translation {
namespace {

using wasm::test::Bytes;

double for_each_byte(std::uint64_t cost, const Bytes& module) {
  return static_cast<double>(cost) / static_cast<double>(module.size());
}

class Growth : public testing::TestWithParam<Shape> {};

/// Four times as much costs four times as much, up to the largest of each shape. A logarithm, where
/// something is looked up or sorted, and room that lists have grown for in advance are allowed; a
/// square is not. Both sizes are large enough for frames that need moves, which are translated
/// twice.
TEST_P(Growth, IsLinear) {
  const Shape& shape = GetParam();
  constexpr std::uint32_t kTimes = 4;
  // Lists grow by half, and while they do there is the old one as well.
  constexpr double kMostMoreBytes = 2.5;
  constexpr double kMostMoreSteps = 1.25;
  const Bytes small = shape.make(shape.full / kTimes);
  const Bytes large = shape.make(shape.full);
  const Costs first = measure(small, &steps);
  const Costs second = measure(large, &steps);
  const auto compare = [&](const char* what, const Cost& before, const Cost& after) {
    EXPECT_GT(after.steps, 0u);
    EXPECT_LE(for_each_byte(after.steps, large),
              kMostMoreSteps * for_each_byte(before.steps, small))
        << what;
    EXPECT_LE(for_each_byte(after.bytes, large),
              kMostMoreBytes * for_each_byte(before.bytes, small))
        << what;
    std::printf("%-13s %-9s %8zu bytes: %6.1f steps, %6.1f bytes each; %8zu: %6.1f, %6.1f\n",
                shape.name.data(), what, small.size(), for_each_byte(before.steps, small),
                for_each_byte(before.bytes, small), large.size(), for_each_byte(after.steps, large),
                for_each_byte(after.bytes, large));
  };
  compare("decode", first.decode, second.decode);
  compare("translate", first.translate, second.translate);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Growth, testing::ValuesIn(shapes().begin(), shapes().end()),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace quoll::translation
