// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memory that is given back wrongly, or that there is no more of: the first half of "Memory and
// locks" of docs/panic.md.
#include <array>
#include <cstring>
#include <optional>

#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/log/log.hpp>

#include "failures_support.hpp"

namespace quoll::failures {

QUOLL_LOG_TARGET(kMemoryTest, "test");

namespace {

constexpr std::size_t kSize = 64;

void* allocate() {
  void* const memory = vm::heap().allocate(kSize);
  if (memory == nullptr) panic::panic("no memory for the test");
  return memory;
}

QUOLL_NAMED void free_twice(void* memory) {
  vm::heap().deallocate(memory);
  vm::heap().deallocate(memory);
}
KTEST_DEATH(Failures, DoubleFree, says("the heap: …: freed twice"),
            names("quoll::vm::Heap::deallocate_small", "free_twice")) {
  free_twice(opaque(allocate()));
}

QUOLL_NAMED void free_twice_later(void* memory, void* other) {
  vm::heap().deallocate(memory);
  vm::heap().deallocate(other);
  vm::heap().deallocate(memory);
}
KTEST_DEATH(Failures, DoubleFreeLater, says("the heap: …: freed twice"),
            names("quoll::vm::Heap::deallocate_small", "free_twice_later")) {
  free_twice_later(opaque(allocate()), opaque(allocate()));
}

QUOLL_NAMED void free_inside(std::byte* memory) {
  vm::heap().deallocate(memory + 16);
}
KTEST_DEATH(Failures, FreeOfInside, says("the heap: …: not an object"), names("free_inside")) {
  free_inside(static_cast<std::byte*>(opaque(allocate())));
}

QUOLL_NAMED void free_stack() {
  std::array<std::uint64_t, 8> words{};
  vm::heap().deallocate(opaque(words.data()));
}
KTEST_DEATH(Failures, FreeOfStack, says("the heap: …: not an object"), names("free_stack"),
            then("a panic reached a noexcept function")) {
  free_stack();
}

QUOLL_NAMED void allocate_after_overwriting(void* memory) {
  vm::heap().deallocate(memory);
  std::memset(memory, 0x55, sizeof(std::uint64_t));
  (void)opaque(vm::heap().allocate(kSize));
  (void)opaque(vm::heap().allocate(kSize));
}
KTEST_DEATH(Failures, CorruptedHeapList, says("the heap: …: the list of free objects is corrupted"),
            names("quoll::vm::Heap::allocate_small", "allocate_after_overwriting")) {
  allocate_after_overwriting(opaque(allocate()));
}

QUOLL_NAMED void give_frame_twice(mem::PhysicalAddress address) {
  vm::Frame::adopt(vm::frames(), address).reset();
  vm::Frame::adopt(vm::frames(), address).reset();
}
KTEST_DEATH(Failures, FrameFreedTwice, says("the frame allocator: …: freed twice"),
            names("quoll::vm::FrameAllocator::…", "give_frame_twice"),
            then("a panic reached a noexcept function")) {
  auto frame = vm::frames().allocate();
  ASSERT_TRUE(frame.has_value());
  give_frame_twice(frame->leak());
}

QUOLL_NAMED void take_corrupted_block(mem::PhysicalAddress address) {
  vm::FrameInfo& record = vm::frames().info(address);
  record.next = opaque(vm::kNoFrame - 1);
  (void)vm::frames().allocate_run(1024);
}
KTEST_DEATH(Failures, CorruptedFrameList,
            says("the frame allocator: …: the list of free blocks is corrupted"),
            names("quoll::vm::FrameAllocator::…", "take_corrupted_block")) {
  // What was given back last is the first of its list, alone or at the head of a larger block.
  auto run = vm::frames().allocate_run(1024);
  ASSERT_TRUE(run.has_value());
  const mem::PhysicalAddress start = run->start();
  auto above = vm::frames().allocate_run(1024);
  ASSERT_TRUE(above.has_value());
  run->reset();
  take_corrupted_block(start);
}

/// Everything that can be had: all frames, and all that the heap still had room for.
class AllMemory {
 public:
  AllMemory() : frames_(vm::frames()) {
    while (auto frame = vm::frames().allocate()) frames_.push(std::move(*frame));
    // From large to small, each chained to the one before.
    for (std::size_t size = 2048; size >= 16; size -= 16) {
      while (void* const memory = vm::heap().allocate(size)) {
        std::memcpy(memory, &last_, sizeof last_);
        last_ = memory;
      }
    }
  }
  AllMemory(const AllMemory&) = delete;
  AllMemory& operator=(const AllMemory&) = delete;
  ~AllMemory() {
    while (void* const memory = last_) {
      std::memcpy(&last_, memory, sizeof last_);
      vm::heap().deallocate(memory);
    }
  }

 private:
  vm::FrameList frames_;
  void* last_ = nullptr;
};

async::Task<void> panic_without_memory() {
  const AllMemory all;
  log::warn(kMemoryTest, "without memory");
  panic_plainly("without memory");
  co_return;
}
KTEST_TASK(Failures, OutOfMemoryInLogger, says("without memory"),
           names("panic_plainly", "panic_without_memory")) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    auto spawned = exec::spawn(panic_without_memory(), "hungry");
    CO_ASSERT_TRUE(spawned.has_value());
    const auto joined = co_await spawned->join();
    EXPECT_TRUE(!joined && joined.error() == async::WaitError::kPanicked);
  }
  EXPECT_BALANCED(before);
}

// Not inlined, or its frame would be a part of its caller's.
[[gnu::noinline]] async::Task<int> never_made() {
  co_return 1;
}
KTEST_TASK(Failures, OutOfMemory) {
  const auto before = (co_await tests::balance_at_rest().checked()).value();
  {
    const AllMemory all;
    const auto spawned = exec::spawn(never_made(), "never");
    EXPECT_TRUE(!spawned && spawned.error() == async::SpawnError::kOutOfMemory);
    const auto awaited = co_await never_made().checked();
    EXPECT_TRUE(!awaited && awaited.error() == async::AllocationError::kOutOfMemory);
  }
  EXPECT_BALANCED(before);
}

/// Hands out a reference to itself when it goes.
class Revived : public intrusive::RefCounted<Revived> {
 public:
  QUOLL_NAMED void revive() const { add_reference(); }

 private:
  friend class intrusive::RefCounted<Revived>;
  ~Revived() { revive(); }
};
KTEST_DEATH(Failures, RefCountFromZero, says("before != 0 && …"), names("revive"),
            then("a panic reached a noexcept function")) {
  // NOLINTNEXTLINE(clang-analyzer-cplusplus.NewDeleteLeaks): gone with its last reference
  auto object = intrusive::RefPtr<Revived>::adopt(opaque(new (std::nothrow) Revived));
  ASSERT_TRUE(static_cast<bool>(object));
  object = nullptr;
}

}  // namespace
}  // namespace quoll::failures
