// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that play harts, and allocate and free each other's objects, under ThreadSanitizer. What
// is written to objects is written plainly: two owners of one object are a race. One thread trims
// and counts all the while. A program of its own, for everything in it is built for this sanitizer.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/heap.hpp>

namespace quoll::vm {
namespace {

using arch::mock::AsHart;
using mem::kPageSize;

constexpr unsigned kHarts = 4;
constexpr std::uint64_t kFrames = 256;
constexpr int kSteps = 40'000;
constexpr mem::PhysicalAddress kRam(0x8000'0000);

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

/// An object with its size in its first two bytes, and a mark in all others.
struct Piece {
  static unsigned char* fill(void* memory, std::size_t size, unsigned char mark) {
    auto* bytes = static_cast<unsigned char*>(memory);
    std::memset(bytes, mark, size);
    const auto stored = static_cast<std::uint16_t>(size);
    std::memcpy(bytes, &stored, sizeof stored);
    return bytes;
  }
  static std::size_t check(const unsigned char* bytes) {
    std::uint16_t size = 0;
    std::memcpy(&size, bytes, sizeof size);
    for (std::size_t i = sizeof size; i < size; ++i) {
      require(bytes[i] == bytes[size - 1], "an object has two owners");
    }
    return size;
  }
};

struct Shared {
  arch::mock::Machine machine{{mem::PhysicalRange(kRam, kFrames* kPageSize)}, kHarts};
  FrameAllocator frames;
  Heap heap{frames};
  std::array<std::atomic<unsigned char*>, 64> handed_over{};
  std::atomic<unsigned> refused{0};
  std::atomic<unsigned> running{kHarts - 1};
};

/// A hart that allocates, frees, and exchanges objects with others.
class Worker {
 public:
  Worker(Shared& shared, unsigned seed) : shared_(shared), random_(seed) {}

  void run() {
    for (int step = 0; step < kSteps; ++step) {
      switch (random_() % 4) {
        case 0:
        case 1:
          allocate();
          break;
        case 2:
          free_one();
          break;
        default:
          exchange();
      }
      if (own_.size() > 400) free_all();
    }
    free_all();
  }

 private:
  void allocate() {
    // Two classes mostly, so that there is something to fight for.
    const std::size_t size = random_() % 8 == 0 ? 3 + random_() % 2046 : 33 + random_() % 32;
    void* const memory = shared_.heap.allocate(size);
    if (memory == nullptr) {
      shared_.refused.fetch_add(1, std::memory_order_relaxed);
    } else {
      own_.push_back(Piece::fill(memory, size, static_cast<unsigned char>(random_())));
    }
  }
  void free_one() {
    if (own_.empty()) return;
    std::swap(own_[random_() % own_.size()], own_.back());
    give(own_.back());
    own_.pop_back();
  }
  void exchange() {
    unsigned char* piece = nullptr;
    if (!own_.empty()) {
      piece = own_.back();
      own_.pop_back();
    }
    auto& slot = shared_.handed_over[random_() % shared_.handed_over.size()];
    piece = slot.exchange(piece, std::memory_order_acq_rel);
    if (piece != nullptr) give(piece);
  }
  void free_all() {
    for (unsigned char* piece : own_) give(piece);
    own_.clear();
  }
  void give(unsigned char* piece) {
    const std::size_t size = Piece::check(piece);
    if (random_() % 2 == 0) {
      shared_.heap.deallocate(piece);
    } else {
      shared_.heap.deallocate(piece, size);
    }
  }

  Shared& shared_;
  std::mt19937 random_;
  std::vector<unsigned char*> own_;
};

void work(Shared& shared, unsigned hart, unsigned seed) {
  const AsHart as(hart);
  Worker(shared, seed + hart).run();
  shared.running.fetch_sub(1, std::memory_order_release);
}

void trim_and_count(Shared& shared) {
  const AsHart as(kHarts - 1);
  while (shared.running.load(std::memory_order_acquire) != 0) {
    shared.heap.trim();
    const HeapStatistics now = shared.heap.statistics();
    require(now.frames <= kFrames, "more frames than there are");
    std::this_thread::yield();
  }
}

int run(unsigned seed) {
  std::printf("seed %u\n", seed);
  Shared shared;
  const std::array free{mem::PhysicalRange(kRam, kFrames * kPageSize)};
  require(shared.frames.init(shared.machine.phys_map(), free).has_value(), "no frames");
  const std::uint64_t before = shared.frames.statistics().allocated;
  std::vector<std::thread> threads;
  for (unsigned hart = 0; hart + 1 < kHarts; ++hart) {
    threads.emplace_back([&shared, hart, seed] { work(shared, hart, seed); });
  }
  threads.emplace_back([&shared] { trim_and_count(shared); });
  for (std::thread& thread : threads) thread.join();
  for (auto& slot : shared.handed_over) {
    unsigned char* const piece = slot.load(std::memory_order_relaxed);
    if (piece != nullptr) shared.heap.deallocate(piece, Piece::check(piece));
  }
  const HeapStatistics rest = shared.heap.statistics();
  require(rest.objects == 0 && rest.used_bytes == 0, "objects are left");
  require(rest.frames == shared.frames.statistics().allocated - before, "frames do not add up");
  shared.heap.trim();
  require(shared.heap.statistics().frames == 0, "frames are left after a trim");
  require(shared.frames.statistics().allocated == before, "frames are lost");
  std::printf("%u times without memory\n", shared.refused.load());
  return 0;
}

}  // namespace
}  // namespace quoll::vm

int main(int argc, char** argv) {
  const unsigned seed =
      argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : std::random_device()();
  return quoll::vm::run(seed);
}
