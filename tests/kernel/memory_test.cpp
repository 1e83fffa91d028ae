// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Frames and heap on the real machine: exhaustion, balance, and all harts at once.
#include <array>
#include <cstring>
#include <memory>
#include <new>

#include <quoll/arch/current.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::vm {
namespace {

/// A frame that holds its own handle, in a chain.
struct Hoarded {
  Frame frame;
  Hoarded* next;
};

/// Takes every frame there is.
class Hoard {
 public:
  Hoard() {
    while (auto frame = frames().allocate()) {
      void* const place = frame->data();
      first_ = new (place) Hoarded{std::move(*frame), first_};
      ++count_;
    }
  }
  Hoard(const Hoard&) = delete;
  Hoard& operator=(const Hoard&) = delete;
  ~Hoard() {
    while (first_ != nullptr) {
      Hoarded* const gone = first_;
      first_ = gone->next;
      // Out of the frame before it goes.
      const Frame frame = std::move(gone->frame);
    }
  }
  std::uint64_t count() const noexcept { return count_; }
  template <typename F>
  void for_each(F f) const {
    for (const Hoarded* frame = first_; frame != nullptr; frame = frame->next) f(frame->frame);
  }

 private:
  Hoarded* first_ = nullptr;
  std::uint64_t count_ = 0;
};

std::uint64_t bytes_of(handoff::RegionKind kind) noexcept {
  std::uint64_t bytes = 0;
  for (const handoff::MemoryRegion& region : kernel::state().boot_info->regions()) {
    if (region.kind == kind) bytes += region.range.size();
  }
  return bytes;
}

KTEST(Frames, LoaderMemoryIsFreeAgain) {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  EXPECT_TRUE(info.all_harts_left_loader());
  EXPECT_GT(bytes_of(handoff::RegionKind::kLoader), 0u);
  std::uint64_t of_loader = 0;
  std::uint64_t foreign = 0;
  {
    const Hoard hoard;
    hoard.for_each([&](const Frame& frame) {
      for (const handoff::MemoryRegion& region : info.regions()) {
        if (!region.range.contains(frame.address().value())) continue;
        if (region.kind == handoff::RegionKind::kLoader) ++of_loader;
        if (region.kind != handoff::RegionKind::kLoader &&
            region.kind != handoff::RegionKind::kFree) {
          ++foreign;
        }
      }
    });
  }
  // Tasks and devices have taken some of them already.
  EXPECT_GE(of_loader * mem::kPageSize * 8, bytes_of(handoff::RegionKind::kLoader));
  EXPECT_EQ(foreign, 0u);
}

KTEST(Frames, AreCountedOnce) {
  const FrameStatistics now = statistics().frames;
  EXPECT_EQ(now.free + now.cached + now.allocated, now.managed);
  const std::uint64_t given =
      (bytes_of(handoff::RegionKind::kFree) + bytes_of(handoff::RegionKind::kLoader)) /
      mem::kPageSize;
  EXPECT_EQ(now.managed + now.metadata, given);
}

async::Task<void> nothing() {
  co_return;
}

KTEST(Heap, SaysNoWhenThereIsNoMemoryAndRecovers) {
  heap().trim();
  const MemoryStatistics before = statistics();
  {
    const Hoard hoard;
    EXPECT_EQ(hoard.count(), before.frames.available());
    EXPECT_FALSE(frames().allocate().has_value());
    EXPECT_FALSE(frames().allocate_run(2).has_value());
    const std::unique_ptr<std::byte[]> large(new (std::nothrow) std::byte[64 * 1024]);
    EXPECT_TRUE(large == nullptr);
    // What lies free in slabs that exist is left; it comes to an end as well.
    struct Small {
      Small* next;
      std::array<std::byte, 1000> rest;
    };
    Small* all = nullptr;
    unsigned got = 0;
    while (auto* const small = new (std::nothrow) Small) {
      small->next = all;
      all = small;
      ++got;
    }
    EXPECT_LT(got, 1000u);
    while (all != nullptr) delete std::exchange(all, all->next);
  }
  EXPECT_TRUE(std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[64 * 1024]) != nullptr);
  heap().trim();
  const MemoryStatistics after = statistics();
  EXPECT_EQ(after.heap.used_bytes, before.heap.used_bytes);
  EXPECT_EQ(after.frames.available(), before.frames.available());
}

KTEST_TASK(Heap, SpawnFailsWithoutMemoryAndLaterDoesNot) {
  struct Block {
    Block* next;
    std::size_t size;
  };
  bool refused = false;
  {
    const Hoard hoard;
    // Every size class must be empty for the refusal to be certain.
    Block* all = nullptr;
    for (std::size_t size = 2048; size >= sizeof(Block); size /= 2) {
      while (void* const memory = ::operator new(size, std::nothrow)) {
        all = new (memory) Block{all, size};
      }
      while (void* const memory = ::operator new(size * 2 / 3 + 8, std::nothrow)) {
        all = new (memory) Block{all, size};
      }
    }
    refused = !exec::spawn(nothing()).has_value();
    while (all != nullptr) ::operator delete(std::exchange(all, all->next));
  }
  EXPECT_TRUE(refused);
  auto handle = exec::spawn(nothing());
  CO_ASSERT_TRUE(handle.has_value());
  CO_ASSERT_TRUE((co_await handle->join()).has_value());
}

/// A generator of its own for each worker; the seed is printed by the test that fails.
struct Chance {
  std::uint64_t state;
  std::uint64_t next() noexcept {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33;
  }
};

struct Piece {
  std::byte* bytes = nullptr;
  std::size_t size = 0;
  std::byte mark{};
};

async::Task<unsigned> storm(std::uint64_t seed, unsigned steps) {
  Chance chance{seed};
  constexpr std::size_t kPieces = 40;
  auto* const pieces = new (std::nothrow) std::array<Piece, kPieces>{};
  auto* const taken = new (std::nothrow) std::array<Frame, 16>{};
  unsigned wrong = 0;
  for (unsigned step = 0; step < steps && pieces != nullptr && taken != nullptr; ++step) {
    Piece& piece = (*pieces)[chance.next() % kPieces];
    if (piece.bytes != nullptr) {
      for (std::size_t i = 0; i < piece.size; ++i) wrong += piece.bytes[i] != piece.mark ? 1 : 0;
      ::operator delete(piece.bytes);
      piece.bytes = nullptr;
    } else {
      piece.size = 1 + chance.next() % (chance.next() % 16 == 0 ? 20000 : 700);
      piece.mark = static_cast<std::byte>(chance.next());
      piece.bytes = static_cast<std::byte*>(::operator new(piece.size, std::nothrow));
      if (piece.bytes != nullptr)
        std::memset(piece.bytes, static_cast<int>(piece.mark), piece.size);
    }
    Frame& frame = (*taken)[chance.next() % taken->size()];
    if (frame) {
      frame.reset();
    } else if (auto got = frames().allocate_zeroed()) {
      wrong += *static_cast<const std::uint64_t*>(got->data()) != 0 ? 1 : 0;
      std::memset(got->data(), 0xff, 64);
      frame = std::move(*got);
    }
    if (step % 16 == 0) co_await exec::yield_now();
  }
  if (pieces == nullptr || taken == nullptr) ++wrong;
  if (pieces != nullptr) {
    for (Piece& piece : *pieces) ::operator delete(piece.bytes);
  }
  delete pieces;
  delete taken;
  co_return wrong;
}

KTEST_TASK(Storm, AllHartsTakeAndGiveMemory) {
  constexpr unsigned kWorkers = 12;
  std::uint64_t seed = 0;
  random::fill(std::as_writable_bytes(std::span(&seed, 1)));
  heap().trim();
  const MemoryStatistics before = statistics();
  unsigned wrong = 0;
  {
    std::array<async::JoinHandle<unsigned>, kWorkers> workers;
    for (unsigned i = 0; i < kWorkers; ++i) {
      auto spawned = exec::spawn(storm(seed + i, 3000));
      CO_ASSERT_TRUE(spawned.has_value());
      workers[i] = std::move(*spawned);
    }
    for (auto& worker : workers) {
      const auto result = co_await worker.join();
      CO_ASSERT_TRUE(result.has_value());
      wrong += *result;
    }
  }
  EXPECT_EQ(wrong, 0u);
  const exec::Ticks limit = exec::now() + exec::ticks_per_second();
  const auto settled = [&before] {
    heap().trim();
    const MemoryStatistics now = statistics();
    return now.heap.used_bytes == before.heap.used_bytes &&
           now.frames.available() == before.frames.available();
  };
  bool balanced = settled();
  while (!balanced && exec::now() < limit) {
    co_await exec::yield_now();
    balanced = settled();
  }
  EXPECT_TRUE(balanced);
  if (!balanced || wrong != 0) {
    EXPECT_EQ(seed, 0u);  // says which
    EXPECT_EQ(statistics().heap.used_bytes, before.heap.used_bytes);
    EXPECT_EQ(statistics().frames.available(), before.frames.available());
  }
  const FrameStatistics now = statistics().frames;
  EXPECT_EQ(now.free + now.cached + now.allocated, now.managed);
}

KTEST(Random, NeverGivesTheSameTwice) {
  std::array<std::array<std::byte, 32>, 16> seen{};
  for (auto& one : seen) random::fill(one);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    EXPECT_TRUE(seen[i] != (std::array<std::byte, 32>{}));
    for (std::size_t k = 0; k < i; ++k) EXPECT_TRUE(seen[i] != seen[k]);
  }
  // The seed that the firmware gave is nowhere to be found any more.
  EXPECT_EQ(kernel::state().boot_info->rng_seed_size, 0u);
  for (const std::uint8_t byte : kernel::state().boot_info->rng_seed) EXPECT_EQ(byte, 0);
}

}  // namespace
}  // namespace quoll::vm
