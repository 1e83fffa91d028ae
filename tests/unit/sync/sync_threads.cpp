// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that read a list without locks while two others change it: under ThreadSanitizer, which
// sees reads of what has been reclaimed, and reclaiming that nothing orders behind a read.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include <quoll/sync/quiescence.hpp>

namespace quoll::sync {
namespace {

void require(bool holds, const char* law) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", law);
  std::abort();
}

std::atomic<std::int64_t> alive{0};

/// A link of a list; links are sorted by their numbers.
struct Link : Retired {
  explicit Link(std::uint32_t its_number) : number(its_number), twice(2 * its_number) {
    alive.fetch_add(1, std::memory_order_relaxed);
    reclaim = [](Retired& retired) noexcept {
      const std::unique_ptr<Link> link(&static_cast<Link&>(retired));
      link->twice = 0;
    };
  }
  ~Link() { alive.fetch_sub(1, std::memory_order_relaxed); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  std::uint32_t number;
  std::uint32_t twice;
  std::atomic<Link*> behind{nullptr};
};

struct List {
  static constexpr std::uint32_t kNumbers = 16;

  Quiescence quiescence;
  std::atomic<Link*> first{nullptr};
  std::mutex writers;

  void change(std::mt19937& dice) {
    const std::lock_guard guard(writers);
    const auto number = static_cast<std::uint32_t>(dice()) % kNumbers;
    std::atomic<Link*>* place = &first;
    Link* link = place->load(std::memory_order_relaxed);
    while (link != nullptr && link->number < number) {
      place = &link->behind;
      link = place->load(std::memory_order_relaxed);
    }
    if (link != nullptr && link->number == number) {
      place->store(link->behind.load(std::memory_order_relaxed), std::memory_order_release);
      quiescence.retire(*link);
      return;
    }
    auto added = std::make_unique<Link>(number);
    added->behind.store(link, std::memory_order_relaxed);
    place->store(added.release(), std::memory_order_release);
  }

  void read() const {
    std::int64_t last = -1;
    for (const Link* link = first.load(std::memory_order_acquire); link != nullptr;
         link = link->behind.load(std::memory_order_acquire)) {
      require(link->number > last, "the list is sorted");
      require(link->twice == 2 * link->number, "what is read has not been reclaimed");
      last = link->number;
    }
  }
};

void serve(List& list, QuiescentHart& hart, unsigned number, unsigned seed) {
  constexpr unsigned kSteps = 20'000;
  std::mt19937 dice(seed + number);
  list.quiescence.join(hart);
  for (unsigned step = 0; step < kSteps; ++step) {
    list.read();
    if (number < 2) list.change(dice);
    list.quiescence.pass(hart);
    if (dice() % 16 != 0) continue;
    while (!list.quiescence.try_leave(hart)) list.quiescence.pass(hart);
    if (dice() % 4 == 0) std::this_thread::yield();
    list.quiescence.come_back(hart);
  }
  while (!list.quiescence.try_leave(hart)) list.quiescence.pass(hart);
}

int run() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  List list;
  std::array<QuiescentHart, 4> harts;
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < harts.size(); ++i) {
    threads.emplace_back([&list, &harts, i, seed] { serve(list, harts[i], i, seed); });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t left = 0;
  for (Link* link = list.first.load(); link != nullptr;) {
    const std::unique_ptr<Link> owned(link);
    link = link->behind.load();
    ++left;
  }
  require(alive.load() == 0, "what was retired has been reclaimed, once");
  require(left <= std::int64_t{List::kNumbers}, "each number is there once");
  return 0;
}

}  // namespace
}  // namespace quoll::sync

int main() {
  return quoll::sync::run();
}
