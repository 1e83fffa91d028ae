// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <random>

#include <quoll/base/bits.hpp>
#include <quoll/drivers/virtqueue.hpp>

namespace quoll::drivers {
namespace {

using Queue = VirtQueue<8>;

class VirtQueueTest : public ::testing::Test {
 protected:
  /// What a device writes into the used ring.
  void use(std::uint16_t index, std::uint32_t id, std::uint32_t length) {
    const std::size_t at = Queue::kUsedOffset + 4 + std::size_t{index} % 8 * 8;
    base::store_le<std::uint32_t>(&memory_[at], id);
    base::store_le<std::uint32_t>(&memory_[at + 4], length);
    set_used(static_cast<std::uint16_t>(index + 1));
  }
  void set_used(std::uint16_t index) {
    base::store_le<std::uint16_t>(&memory_[Queue::kUsedOffset + 2], index);
  }
  alignas(16) std::array<std::byte, Queue::kBytes> memory_{};
  Queue queue_{DmaRegion{memory_.data(), 0x8000, Queue::kBytes}};
};

TEST_F(VirtQueueTest, GivesBuffersBackAcrossTheWrapOfTheIndex) {
  for (std::uint32_t round = 0; round < 70'000; ++round) {
    const auto slot = static_cast<std::uint16_t>(round % 8);
    queue_.submit(slot, 0x1000, 64, true);
    use(static_cast<std::uint16_t>(round), slot, round % 65);
    const auto used = queue_.take_used();
    ASSERT_TRUE(used.has_value() && used->has_value());
    ASSERT_EQ((*used)->slot, slot);
    ASSERT_EQ((*used)->length, round % 65);
    ASSERT_FALSE(queue_.take_used()->has_value());
  }
}

TEST_F(VirtQueueTest, RefusesAnIndexThatJumps) {
  queue_.submit(0, 0x1000, 64, true);
  set_used(2);
  EXPECT_FALSE(queue_.take_used().has_value());
  EXPECT_TRUE(queue_.failed());
  set_used(0);
  EXPECT_FALSE(queue_.take_used().has_value());
}

TEST_F(VirtQueueTest, RefusesBogusIds) {
  queue_.submit(3, 0x1000, 64, true);
  use(0, 4, 1);
  EXPECT_FALSE(queue_.take_used().has_value());
}

TEST_F(VirtQueueTest, RefusesIdsOutsideOfTheQueue) {
  queue_.submit(3, 0x1000, 64, true);
  use(0, 0xffff'fffb, 1);
  EXPECT_FALSE(queue_.take_used().has_value());
}

TEST_F(VirtQueueTest, RefusesLengthsThatAreTooLarge) {
  queue_.submit(3, 0x1000, 64, true);
  use(0, 3, 65);
  EXPECT_FALSE(queue_.take_used().has_value());
}

TEST_F(VirtQueueTest, SurvivesRandomDevices) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(::testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int machine = 0; machine < 2000; ++machine) {
    memory_.fill(std::byte{0});
    queue_ = Queue(DmaRegion{memory_.data(), 0x8000, Queue::kBytes});
    for (int step = 0; step < 20; ++step) {
      const auto slot = static_cast<std::uint16_t>(random() % 8);
      if (!queue_.is_outstanding(slot)) queue_.submit(slot, 0x1000, 64, random() % 2 != 0);
      memory_[random() % memory_.size()] = static_cast<std::byte>(random());
      const auto used = queue_.take_used();
      if (!used) break;
      if (used->has_value()) {
        ASSERT_LT((*used)->slot, 8);
        ASSERT_LE((*used)->length, 64u);
      }
    }
  }
}

}  // namespace
}  // namespace quoll::drivers
