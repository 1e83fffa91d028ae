// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Copies between kernel and user memory on a real MMU: faults in the middle, every alignment,
// addresses that are not the guest's.
#include <array>
#include <cstring>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/riscv/csr.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;
constexpr auto kUserReadWrite = mem::Permissions::read_write().for_user();
constexpr auto kUserRead = mem::Permissions::read_only().for_user();

/// A space with two writable pages, a third that may only be read, and nothing behind.
struct Fixture {
  std::unique_ptr<AddressSpace> space;
  mem::VirtualAddress base;
  bool ok = false;

  Fixture() {
    auto made = AddressSpace::create(kernel_space());
    if (!made) return;
    space = std::move(*made);
    const auto all = space->reserve(Placement::anywhere(), 4 * kPageSize);
    if (!all) return;
    base = all->start();
    ok = space->commit(mem::VirtualRange(base, 3 * kPageSize), kUserReadWrite).has_value() &&
         space->protect(mem::VirtualRange(base + 2 * kPageSize, kPageSize), kUserRead).has_value();
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() { kernel_space().activate(); }
};

bool user_memory_is_closed() noexcept {
  return (arch::read_csr<riscv::Csr::kSstatus>() & riscv::sstatus::kSum) == 0;
}

KTEST(UserCopy, EveryAlignmentAndLengthArrives) {
  Fixture user;
  ASSERT_TRUE(user.ok);
  std::array<unsigned char, 256> out;
  std::array<unsigned char, 256> back;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<unsigned char>(i * 7 + 1);
  unsigned wrong = 0;
  for (std::size_t to = 0; to < 9; ++to) {
    for (std::size_t from = 0; from < 9; ++from) {
      for (const std::size_t size : {1u, 7u, 8u, 63u, 64u, 71u, 72u, 73u, 128u, 200u}) {
        // Across the boundary of two pages.
        const mem::VirtualAddress at = user.base + (kPageSize - 100 + to);
        if (!copy_to_user(*user.space, at, out.data() + from, size)) ++wrong;
        back.fill(0);
        if (!copy_from_user(*user.space, back.data() + from, at, size)) ++wrong;
        if (std::memcmp(back.data() + from, out.data() + from, size) != 0) ++wrong;
        if (back[from + size] != 0) ++wrong;
      }
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(user_memory_is_closed());
}

KTEST(UserCopy, AFaultInTheMiddleStopsAtTheVeryByte) {
  Fixture user;
  ASSERT_TRUE(user.ok);
  std::array<std::byte, 256> bytes{};
  const mem::VirtualAddress end = user.base + 3 * kPageSize;
  // Present, so that nothing but the end of what is mapped can fault.
  ASSERT_EQ(static_cast<int>(user.space->populate(mem::VirtualRange(user.base, 3 * kPageSize),
                                                  mem::Access::kRead)),
            static_cast<int>(FaultOutcome::kResolved));
  user.space->activate();
  unsigned wrong = 0;
  for (std::size_t left = 0; left < 100; ++left) {
    for (std::size_t to = 0; to < 8; ++to) {
      const mem::VirtualAddress from = mem::VirtualAddress(end.value() - left);
      if (arch::UserMemory::copy_in(bytes.data() + to, from, 200) != left) ++wrong;
    }
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_TRUE(user_memory_is_closed());
  const auto across = copy_from_user(*user.space, bytes.data(), end + (-std::uint64_t{64}), 65);
  EXPECT_TRUE(!across && across.error() == CopyError::kBadAddress);
  EXPECT_TRUE(copy_from_user(*user.space, bytes.data(), end + (-std::uint64_t{64}), 64));
}

KTEST(UserCopy, PagesThatWereNeverTouchedAreFilledIn) {
  Fixture user;
  ASSERT_TRUE(user.ok);
  const std::uint64_t value = 0x1122'3344'5566'7788;
  ASSERT_TRUE(copy_to_user(*user.space, user.base + (kPageSize - 4), &value, sizeof value));
  std::uint64_t back = 0;
  ASSERT_TRUE(copy_from_user(*user.space, &back, user.base + (kPageSize - 4), sizeof back));
  EXPECT_EQ(back, value);
  EXPECT_EQ(user.space->usage().resident_pages, 2u);
}

KTEST(UserCopy, ReadOnlyMemoryIsNotWritten) {
  Fixture user;
  ASSERT_TRUE(user.ok);
  const std::array<std::byte, 16> bytes{};
  const auto refused =
      copy_to_user(*user.space, user.base + (2 * kPageSize - 8), bytes.data(), bytes.size());
  EXPECT_TRUE(!refused && refused.error() == CopyError::kBadAddress);
}

KTEST(UserCopy, KernelAddressesAreRefused) {
  Fixture user;
  ASSERT_TRUE(user.ok);
  static constinit std::uint64_t secret = 0x5ec2e7;
  std::uint64_t stolen = 0;
  const mem::VirtualAddress half(kernel_space().format().user_half().size());
  const std::array<mem::VirtualAddress, 7> wild{
      mem::address_of(&secret),
      kernel_space().format().kernel_half().start(),
      mem::VirtualAddress(~std::uint64_t{0} - 3),
      mem::VirtualAddress(half.value() - 4),
      half,
      mem::VirtualAddress(half.value() + (std::uint64_t{1} << 60)),
      mem::VirtualAddress(0)};
  for (const mem::VirtualAddress address : wild) {
    const auto in = copy_from_user(*user.space, &stolen, address, sizeof stolen);
    EXPECT_TRUE(!in && in.error() == CopyError::kBadAddress);
    const auto out = copy_to_user(*user.space, address, &stolen, sizeof stolen);
    EXPECT_TRUE(!out && out.error() == CopyError::kBadAddress);
  }
  EXPECT_EQ(stolen, 0u);
  EXPECT_EQ(secret, std::uint64_t{0x5ec2e7});
  // No length of zero is looked at.
  EXPECT_TRUE(copy_from_user(*user.space, &stolen, mem::address_of(&secret), 0));
}

KTEST(UserCopy, TheRightSpaceIsRead) {
  Fixture one;
  Fixture two;
  ASSERT_TRUE(one.ok && two.ok);
  ASSERT_EQ(one.base.value(), two.base.value());
  for (std::uint64_t i = 0; i < 4; ++i) {
    const std::uint64_t a = 100 + i;
    const std::uint64_t b = 200 + i;
    ASSERT_TRUE(copy_to_user(*one.space, one.base, &a, sizeof a));
    ASSERT_TRUE(copy_to_user(*two.space, two.base, &b, sizeof b));
    std::uint64_t back = 0;
    ASSERT_TRUE(copy_from_user(*one.space, &back, one.base, sizeof back));
    EXPECT_EQ(back, a);
    ASSERT_TRUE(copy_from_user(*two.space, &back, two.base, sizeof back));
    EXPECT_EQ(back, b);
  }
}

}  // namespace
}  // namespace quoll::vm
