// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory objects without any space: kinds, ranges, copies, seals, providers.
#include <algorithm>
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <optional>

#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/test_support/failing_new.hpp>

#include "test_kernel.hpp"
#include "vmo_support.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::kPageSize;
using test::PhysicalAddress;
using test::PhysicalRange;
using test::set_word;
using test::word_at;

const auto kRw = Permissions::read_write();

class VmoTest : public testing::Test {
 protected:
  VmoTest() {
    // What the archive's memory is: frames that the allocator does not hand out again.
    archive = std::move(*kernel.frames.allocate_run(4));
    auto* byte = static_cast<unsigned char*>(archive.data());
    for (std::uint64_t i = 0; i < 4 * kPageSize; ++i) byte[i] = static_cast<unsigned char>(i / 99);
    before = kernel.in_use();
  }
  ~VmoTest() override {
    EXPECT_EQ(kernel.in_use(), before);
    EXPECT_EQ(PageNode::count(), nodes_before);
  }
  PagedVmoRef create(std::uint64_t pages, PageProviderRef provider = {}) {
    return *PagedVmo::create(kernel.frames, pages * kPageSize, kRw, std::move(provider));
  }
  base::Result<VmoPage, PageError> page(PagedVmo& object, std::uint64_t offset, Access access) {
    sync::LockGuard guard(object.pages_lock);
    return object.page(offset, access);
  }
  std::uint64_t owned() { return kernel.in_use() - before; }

  test::TestKernel kernel{riscv::PagingMode::kSv39};
  FrameRun archive;
  std::uint64_t before = 0;
  std::uint64_t nodes_before = PageNode::count();
};

TEST_F(VmoTest, RefusesNonsenseSizes) {
  const auto refusal = [&](std::uint64_t size) {
    return PagedVmo::create(kernel.frames, size, kRw).error();
  };
  EXPECT_EQ(refusal(0), SpaceError::kEmpty);
  EXPECT_EQ(refusal(1), SpaceError::kUnaligned);
  EXPECT_EQ(refusal(kPageSize + 8), SpaceError::kUnaligned);
  EXPECT_EQ(refusal(PagedVmo::kMaxSize + kPageSize), SpaceError::kTooLarge);
  EXPECT_EQ(refusal(~std::uint64_t{0xfff}), SpaceError::kTooLarge);
  const auto largest = *PagedVmo::create(kernel.frames, PagedVmo::kMaxSize, kRw);
  EXPECT_TRUE(set_word(*largest, PagedVmo::kMaxSize - 8, 5));
  EXPECT_EQ(word_at(*largest, PagedVmo::kMaxSize - 8), 5u);
}

TEST_F(VmoTest, RefusesRangesThatAreNotTheObjects) {
  const auto object = create(8);
  ASSERT_TRUE(set_word(*object, 0, 1));
  const VmoUsage usage = object->usage();
  const auto all = [&](std::uint64_t offset, std::uint64_t size, SpaceError expected) {
    EXPECT_EQ(object->commit(offset, size).error(), expected);
    EXPECT_EQ(object->decommit(offset, size).error(), expected);
  };
  all(1, kPageSize, SpaceError::kUnaligned);
  all(0, kPageSize - 1, SpaceError::kUnaligned);
  all(0, 0, SpaceError::kEmpty);
  all(0, 9 * kPageSize, SpaceError::kOutsideVmo);
  all(8 * kPageSize, kPageSize, SpaceError::kOutsideVmo);
  all(kPageSize, ~std::uint64_t{0xfff}, SpaceError::kOutsideVmo);
  all(~std::uint64_t{0xfff}, kPageSize, SpaceError::kOutsideVmo);
  EXPECT_EQ(object->resize(0).error(), SpaceError::kEmpty);
  EXPECT_EQ(object->resize(kPageSize / 2).error(), SpaceError::kUnaligned);
  EXPECT_EQ(object->resize(PagedVmo::kMaxSize * 2).error(), SpaceError::kTooLarge);
  std::array<std::byte, 16> bytes{};
  EXPECT_EQ(object->read(8 * kPageSize - 8, bytes).error(), SpaceError::kOutsideVmo);
  EXPECT_EQ(object->write(~std::uint64_t{7}, bytes).error(), SpaceError::kOutsideVmo);
  EXPECT_EQ(page(*object, 8 * kPageSize, Access::kRead).error(), PageError::kOutsideVmo);
  EXPECT_EQ(object->usage().store, usage.store);
  EXPECT_EQ(object->size(), 8 * kPageSize);
}

TEST_F(VmoTest, HoldsZerosUntilWritten) {
  const auto object = create(1000);
  EXPECT_EQ(word_at(*object, 999 * kPageSize), 0u);
  EXPECT_EQ(owned(), 0u);  // reading by the kernel makes nothing
  ASSERT_TRUE(set_word(*object, 500 * kPageSize - 4, ~std::uint64_t{0}));
  EXPECT_EQ(owned(), 2u);
  EXPECT_EQ(word_at(*object, 500 * kPageSize), 0xffff'ffffu);
  EXPECT_EQ(object->usage().store.alone_pages, 2u);
}

TEST_F(VmoTest, CommitsAllOrNothing) {
  const auto object = create(100);
  ASSERT_TRUE(set_word(*object, 3 * kPageSize, 9));
  for (unsigned left = 0; left < 5; ++left) {
    const test::FailingNew failing(left);
    EXPECT_EQ(object->commit(0, 100 * kPageSize).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(owned(), 1u);
  }
  {
    const test::Scarcity scarcity(kernel.frames, 50);
    EXPECT_EQ(object->commit(0, 100 * kPageSize).error(), SpaceError::kOutOfMemory);
    EXPECT_EQ(owned(), 1 + scarcity.held());
  }
  ASSERT_TRUE(object->commit(0, 100 * kPageSize));
  EXPECT_EQ(owned(), 100u);
  EXPECT_EQ(object->usage().store.alone_pages, 100u);
  EXPECT_EQ(word_at(*object, 3 * kPageSize), 9u);
  ASSERT_TRUE(object->commit(0, 100 * kPageSize));  // again
  EXPECT_EQ(owned(), 100u);
  ASSERT_TRUE(object->decommit(kPageSize, 98 * kPageSize));
  EXPECT_EQ(owned(), 2u);
  EXPECT_EQ(word_at(*object, 3 * kPageSize), 0u);
}

TEST_F(VmoTest, ShrinksAndGrowsWithZeros) {
  const auto object = create(10);
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(set_word(*object, i * kPageSize, i + 1));
  ASSERT_TRUE(object->resize(4 * kPageSize));
  EXPECT_EQ(owned(), 4u);
  EXPECT_EQ(object->size(), 4 * kPageSize);
  ASSERT_TRUE(object->resize(5000 * kPageSize));
  EXPECT_EQ(word_at(*object, 3 * kPageSize), 4u);
  EXPECT_EQ(word_at(*object, 4 * kPageSize), 0u);
  ASSERT_TRUE(set_word(*object, 4999 * kPageSize, 1));
  EXPECT_EQ(word_at(*object, 0), 1u);
}

TEST_F(VmoTest, CopiesAreIndependent) {
  auto object = create(100);
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(set_word(*object, i * kPageSize, i + 1));
  const auto copy = *object->clone(kRw);
  EXPECT_EQ(owned(), 100u);
  ASSERT_TRUE(set_word(*object, 0, 50));
  ASSERT_TRUE(set_word(*copy, kPageSize, 60));
  ASSERT_TRUE(copy->decommit(2 * kPageSize, kPageSize));
  ASSERT_TRUE(copy->resize(90 * kPageSize));
  EXPECT_EQ(word_at(*copy, 0), 1u);
  EXPECT_EQ(word_at(*object, kPageSize), 2u);
  EXPECT_EQ(word_at(*copy, kPageSize), 60u);
  EXPECT_EQ(word_at(*object, 2 * kPageSize), 3u);
  EXPECT_EQ(word_at(*copy, 2 * kPageSize), 0u);
  EXPECT_EQ(word_at(*object, 99 * kPageSize), 100u);
  EXPECT_EQ(owned(), 102u);
  EXPECT_EQ(object->usage().store.alone_pages, 3u + 10u);
  EXPECT_EQ(copy->usage().store.alone_pages, 2u);
  object = {};
  EXPECT_EQ(owned(), 89u);
  EXPECT_EQ(copy->usage().store.alone_pages, 89u);
  ASSERT_TRUE(set_word(*copy, 0, 70));  // in place by now
  EXPECT_EQ(owned(), 89u);
}

TEST_F(VmoTest, AWriteThatIsRefusedHasWrittenNothing) {
  const auto object = create(4);
  ASSERT_TRUE(object->commit(0, 4 * kPageSize));
  const auto copy = *object->clone(kRw);
  std::vector<std::byte> bytes(3 * kPageSize, std::byte{7});
  for (std::uint64_t left = 0; left < 3; ++left) {
    const test::Scarcity scarcity(kernel.frames, left);
    EXPECT_EQ(object->write(8, bytes).error(), SpaceError::kOutOfMemory);
  }
  EXPECT_EQ(word_at(*object, 8), 0u);
  const test::FailingNew failing(0);
  EXPECT_EQ(object->clone(kRw).error(), SpaceError::kOutOfMemory);
  EXPECT_EQ(PagedVmo::create(kernel.frames, kPageSize, kRw).error(), SpaceError::kOutOfMemory);
}

TEST_F(VmoTest, ASealedObjectNeverChanges) {
  const auto object = create(4);
  ASSERT_TRUE(set_word(*object, 0, 5));
  object->seal();
  object->seal();
  EXPECT_TRUE(object->is_sealed());
  EXPECT_FALSE(object->most().can_write());
  const std::uint64_t word = 6;
  EXPECT_EQ(object->write(0, std::as_bytes(std::span(&word, 1))).error(), SpaceError::kSealed);
  EXPECT_EQ(object->decommit(0, kPageSize).error(), SpaceError::kSealed);
  EXPECT_EQ(object->resize(8 * kPageSize).error(), SpaceError::kSealed);
  EXPECT_EQ(object->resize(kPageSize).error(), SpaceError::kSealed);
  EXPECT_EQ(page(*object, 0, Access::kWrite).error(), PageError::kSealed);
  EXPECT_FALSE(page(*object, 0, Access::kRead)->may_write);
  EXPECT_FALSE(page(*object, kPageSize, Access::kRead)->may_write);
  EXPECT_TRUE(object->commit(0, 4 * kPageSize));
  EXPECT_EQ(word_at(*object, 0), 5u);
  const auto copy = *object->clone(kRw);
  EXPECT_FALSE(copy->is_sealed());
  EXPECT_TRUE(set_word(*copy, 0, 7));
  EXPECT_EQ(word_at(*object, 0), 5u);
}

TEST_F(VmoTest, LendsPagesOfTheArchiveAndZerosBehindThem) {
  const PhysicalRange content(archive.start(), 2 * kPageSize + 100);
  EXPECT_EQ(ArchivePages::create(PhysicalRange(content.start(), 0)).error(), SpaceError::kEmpty);
  const auto object = create(5, *ArchivePages::create(content));
  const auto lent = page(*object, kPageSize, Access::kRead);
  EXPECT_EQ(lent->frame, content.start() + kPageSize);
  EXPECT_FALSE(lent->may_write);
  EXPECT_TRUE(lent->is_lent);
  EXPECT_EQ(owned(), 0u);
  // The last page has somebody else's bytes in it: a copy, made once.
  const auto last = page(*object, 2 * kPageSize, Access::kRead);
  EXPECT_NE(last->frame, content.start() + 2 * kPageSize);
  EXPECT_EQ(page(*object, 2 * kPageSize, Access::kExecute)->frame, last->frame);
  EXPECT_EQ(owned(), 1u);
  const auto* bytes = kernel.machine.phys_map().pointer<unsigned char>(last->frame);
  EXPECT_EQ(bytes[99], (2 * kPageSize + 99) / 99);
  EXPECT_EQ(bytes[100], 0);
  EXPECT_EQ(word_at(*object, 2 * kPageSize + 100), 0u);
  EXPECT_EQ(word_at(*object, 3 * kPageSize), 0u);
  // What is written is a copy; forgotten, it is the archive's again.
  const std::uint64_t was = word_at(*object, 0);
  const auto copy = *object->clone(kRw);
  ASSERT_TRUE(set_word(*object, 0, 1));
  EXPECT_EQ(owned(), 2u);
  EXPECT_EQ(word_at(*copy, 0), was);
  EXPECT_EQ(*static_cast<std::uint64_t*>(archive.data()), was);
  ASSERT_TRUE(object->decommit(0, kPageSize));
  EXPECT_EQ(word_at(*object, 0), was);
  // Behind an end that was nearer there are zeros.
  ASSERT_TRUE(object->resize(kPageSize));
  ASSERT_TRUE(object->resize(5 * kPageSize));
  EXPECT_EQ(word_at(*object, 0), was);
  EXPECT_EQ(word_at(*object, kPageSize), 0u);
  ASSERT_TRUE(object->commit(0, 5 * kPageSize));
  EXPECT_TRUE(page(*object, 0, Access::kRead)->is_lent);
}

TEST_F(VmoTest, CopiesWhatTheArchiveHasBetweenFrames) {
  const PhysicalRange content(archive.start() + 24, kPageSize + 100);
  const auto object = create(3, *ArchivePages::create(content));
  const auto* there = static_cast<const unsigned char*>(archive.data()) + 24;
  const auto first = page(*object, 0, Access::kRead);
  EXPECT_FALSE(first->is_lent);
  EXPECT_EQ(page(*object, 0, Access::kExecute)->frame, first->frame);
  const auto* bytes = kernel.machine.phys_map().pointer<unsigned char>(first->frame);
  EXPECT_TRUE(std::equal(bytes, bytes + kPageSize, there));
  EXPECT_EQ(owned(), 1u);
  const auto last = page(*object, kPageSize, Access::kRead);
  bytes = kernel.machine.phys_map().pointer<unsigned char>(last->frame);
  EXPECT_TRUE(std::equal(bytes, bytes + 100, there + kPageSize));
  EXPECT_TRUE(std::all_of(bytes + 100, bytes + kPageSize, [](auto byte) { return byte == 0; }));
  EXPECT_EQ(word_at(*object, 2 * kPageSize), 0u);
  // What is written is forgotten again.
  std::uint64_t was = 0;
  std::memcpy(&was, there, sizeof was);
  ASSERT_TRUE(set_word(*object, 0, 1));
  ASSERT_TRUE(object->decommit(0, kPageSize));
  EXPECT_EQ(word_at(*object, 0), was);
}

TEST_F(VmoTest, DoesNotBelieveItsProvider) {
  const PhysicalRange lends(archive.start(), 2 * kPageSize);
  auto* told = new test::ToldPages(lends);
  const auto object = create(2, PageProviderRef::adopt(told));
  const auto refusal = [&](PageAnswer answer) {
    told->answer = answer;
    const auto result = page(*object, 0, Access::kRead);
    return result ? std::optional<PageError>() : std::optional(result.error());
  };
  const auto lent = [](PhysicalAddress start, std::uint64_t size) {
    return LentPage{PhysicalRange(start, size)};
  };
  const PhysicalAddress start = archive.start();
  EXPECT_EQ(refusal(NoPage()), PageError::kUnavailable);
  EXPECT_EQ(refusal(lent(start, 0)), PageError::kUnavailable);
  EXPECT_EQ(refusal(lent(start + 8, kPageSize)), PageError::kUnavailable);
  EXPECT_EQ(refusal(lent(start, 3 * kPageSize)), PageError::kUnavailable);  // the object has two
  EXPECT_EQ(refusal(lent(start + 2 * kPageSize, kPageSize)), PageError::kUnavailable);
  EXPECT_EQ(refusal(lent(PhysicalAddress(0), kPageSize)), PageError::kUnavailable);
  EXPECT_EQ(refusal(lent(PhysicalAddress(~std::uint64_t{0xfff}), kPageSize)),
            PageError::kUnavailable);
  const auto copied = [](PhysicalAddress from, std::uint64_t size) {
    return CopiedPage{PhysicalRange(from, size)};
  };
  EXPECT_EQ(refusal(copied(start, 0)), PageError::kUnavailable);
  EXPECT_EQ(refusal(copied(start + 8, 2 * kPageSize + 1)), PageError::kUnavailable);
  EXPECT_EQ(refusal(copied(PhysicalAddress(8), 8)), PageError::kUnavailable);
  EXPECT_EQ(refusal(copied(PhysicalAddress(~std::uint64_t{0xff}), 8)), PageError::kUnavailable);
  EXPECT_EQ(owned(), 0u);
  EXPECT_EQ(object->commit(0, kPageSize).error(), SpaceError::kUnavailable);
  EXPECT_EQ(refusal(lent(start, 2 * kPageSize)), std::nullopt);
  EXPECT_EQ(refusal(ZeroPage()), std::nullopt);
  EXPECT_EQ(owned(), 1u);
  EXPECT_EQ(PagedVmo::create(kernel.frames, kPageSize, kRw,
                             PageProviderRef::adopt(new test::ToldPages(
                                 PhysicalRange(PhysicalAddress(0x1000), kPageSize))))
                .error(),
            SpaceError::kOutOfRange);
}

TEST_F(VmoTest, APageThatComesLaterIsRequestedOnce) {
  auto* told = new test::ToldPages;
  const auto object = create(4, PageProviderRef::adopt(told));
  EXPECT_EQ(page(*object, kPageSize, Access::kRead).error(), PageError::kMustWait);
  EXPECT_EQ(page(*object, kPageSize, Access::kWrite).error(), PageError::kMustWait);
  EXPECT_EQ(object->commit(kPageSize, kPageSize).error(), SpaceError::kUnavailable);
  ASSERT_EQ(told->fetched.size(), 1u);
  EXPECT_EQ(told->fetched[0], kPageSize);
  EXPECT_EQ(object->usage().requests, 1u);
  const PageRequestRef request = object->request(kPageSize);
  EXPECT_FALSE(object->request(0));
  EXPECT_EQ(request->offset(), kPageSize);
  EXPECT_EQ(request->state(), PageRequestState::kPending);
  std::array<test::CountingWaiter, 3> waiters;
  for (auto& waiter : waiters) ASSERT_TRUE(request->wait(waiter));
  EXPECT_TRUE(request->withdraw(waiters[1]));
  EXPECT_FALSE(request->withdraw(waiters[1]));

  // Wrong answers are refused, and the request goes on.
  const auto fresh = [&] { return std::move(*kernel.frames.allocate()); };
  EXPECT_EQ(object->supply(0, fresh()).error(), SupplyError::kNotRequested);
  EXPECT_EQ(object->supply(kPageSize + 8, fresh()).error(), SupplyError::kNotRequested);
  EXPECT_EQ(object->supply(9 * kPageSize, fresh()).error(), SupplyError::kNotRequested);
  EXPECT_EQ(object->supply(kPageSize, Frame()).error(), SupplyError::kBadFrame);
  EXPECT_EQ(object->supply(kPageSize, kernel.frames.zero_frame()).error(), SupplyError::kBadFrame);
  {
    const Frame kept = fresh();
    EXPECT_EQ(object->supply(kPageSize, kept.share()).error(), SupplyError::kBadFrame);
  }
  {
    const test::FailingNew failing(0);
    EXPECT_EQ(object->supply(kPageSize, fresh()).error(), SupplyError::kOutOfMemory);
    EXPECT_EQ(page(*object, 0, Access::kRead).error(), PageError::kOutOfMemory);
  }
  EXPECT_EQ(request->state(), PageRequestState::kPending);
  EXPECT_EQ(owned(), 0u);

  Frame frame = fresh();
  *static_cast<std::uint64_t*>(frame.data()) = 77;
  ASSERT_TRUE(object->supply(kPageSize, std::move(frame)));
  EXPECT_EQ(request->state(), PageRequestState::kSupplied);
  EXPECT_EQ(waiters[0].calls + waiters[2].calls, 2u);
  EXPECT_EQ(waiters[1].calls, 0u);
  EXPECT_FALSE(request->wait(waiters[1]));
  EXPECT_EQ(object->supply(kPageSize, fresh()).error(), SupplyError::kNotRequested);  // twice
  EXPECT_EQ(object->fail(kPageSize).error(), SupplyError::kNotRequested);
  EXPECT_EQ(word_at(*object, kPageSize), 77u);
  EXPECT_EQ(owned(), 1u);
}

TEST_F(VmoTest, ARequestThatFailsIsMadeAnew) {
  auto* told = new test::ToldPages;
  auto object = create(4, PageProviderRef::adopt(told));
  EXPECT_EQ(page(*object, 0, Access::kRead).error(), PageError::kMustWait);
  const PageRequestRef first = object->request(0);
  test::CountingWaiter waiter;
  ASSERT_TRUE(first->wait(waiter));
  ASSERT_TRUE(object->fail(0));
  EXPECT_EQ(first->state(), PageRequestState::kFailed);
  EXPECT_EQ(waiter.calls, 1u);
  EXPECT_EQ(page(*object, 0, Access::kRead).error(), PageError::kMustWait);
  EXPECT_EQ(page(*object, 3 * kPageSize, Access::kRead).error(), PageError::kMustWait);
  EXPECT_EQ(told->fetched.size(), 3u);
  // A copy asks for itself.
  const auto copy = *object->clone(kRw);
  EXPECT_EQ(page(*copy, 0, Access::kRead).error(), PageError::kMustWait);
  EXPECT_EQ(told->fetched.size(), 4u);
  // What is cut off, or ends, waits for nothing any more.
  const PageRequestRef last = object->request(3 * kPageSize);
  const PageRequestRef second = object->request(0);
  ASSERT_TRUE(object->resize(2 * kPageSize));
  EXPECT_EQ(last->state(), PageRequestState::kGone);
  EXPECT_EQ(second->state(), PageRequestState::kPending);
  ASSERT_TRUE(second->wait(waiter));
  object = {};
  EXPECT_EQ(second->state(), PageRequestState::kGone);
  EXPECT_EQ(waiter.calls, 2u);
}

TEST_F(VmoTest, PhysicalObjectsAreChecked) {
  const PhysicalRange device(PhysicalAddress(0x1000'0000), kPageSize);
  EXPECT_EQ(Vmo::create_physical(PhysicalRange(PhysicalAddress(0x1000'0008), kPageSize),
                                 paging::CacheMode::kDevice, kRw)
                .error(),
            SpaceError::kUnaligned);
  EXPECT_EQ(Vmo::create_physical(PhysicalRange(PhysicalAddress(0x1000'0000), 12),
                                 paging::CacheMode::kDevice, kRw)
                .error(),
            SpaceError::kUnaligned);
  EXPECT_EQ(Vmo::create_physical(PhysicalRange(PhysicalAddress(0x1000'0000), 0),
                                 paging::CacheMode::kDevice, kRw)
                .error(),
            SpaceError::kEmpty);
  EXPECT_EQ(
      Vmo::create_physical(device, paging::CacheMode::kDevice, Permissions::read_execute()).error(),
      SpaceError::kDenied);
  const auto object = *Vmo::create_physical(device, paging::CacheMode::kDevice, kRw);
  EXPECT_EQ(object->kind(), VmoKind::kPhysical);
  EXPECT_EQ(object->size(), kPageSize);
  EXPECT_EQ(object->as_paged(), nullptr);
}

}  // namespace
}  // namespace quoll::vm
