// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Allocation under load on all harts: frames, runs and heap, given back by others than those who
// took them; and the end of all memory, with everything going on afterwards.
#include <atomic>
#include <cstring>
#include <new>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/user_copy.hpp>

#include "guest_support.hpp"
#include "memory_storm.hpp"

namespace quoll::vm::storms {
namespace {

using mem::kPageSize;

/// What one worker leaves for another to give back. Everything lies in its own memory.
struct Parcel {
  std::uint64_t size;  ///< of the heap object; 0: a run of its own, which holds the parcel
  std::uint64_t mark;
  FrameRun run;
  Frame frame;
};

using Mailbox = std::array<std::atomic<Parcel*>, 24>;

/// Gives a parcel back; whether it was as it had been left.
bool open_parcel(Parcel* parcel) {
  if (parcel == nullptr) return true;
  bool sound = true;
  if (parcel->size != 0) {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(parcel);  // SAFETY: as bytes
    for (std::uint64_t i = sizeof(Parcel); i < parcel->size; ++i) {
      sound = sound && bytes[i] == static_cast<unsigned char>(parcel->mark);
    }
    if (parcel->frame) {
      sound = sound && *static_cast<const std::uint64_t*>(parcel->frame.data()) == parcel->mark;
    }
    parcel->~Parcel();
    ::operator delete(parcel);
    return sound;
  }
  const auto* const last = static_cast<const std::byte*>(parcel->run.data()) +
                           parcel->run.count() * kPageSize - sizeof(std::uint64_t);
  std::uint64_t word = 0;
  std::memcpy(&word, last, sizeof word);
  sound = word == parcel->mark;
  // Out of the run before it goes.
  const FrameRun run = std::move(parcel->run);
  return sound;
}

Parcel* make_run_parcel(Chance& chance) {
  const std::uint64_t count = 1 + chance.below(24);
  auto run = frames().allocate_run(count, std::uint64_t{1} << chance.below(5));
  if (!run) return nullptr;
  const std::uint64_t mark = chance.next();
  void* const place = run->data();
  std::memcpy(static_cast<std::byte*>(place) + count * kPageSize - sizeof mark, &mark, sizeof mark);
  return new (place) Parcel{0, mark, std::move(*run), Frame()};
}

Parcel* make_heap_parcel(Chance& chance) {
  const std::uint64_t rest = chance.below(chance.below(8) == 0 ? 3 * kPageSize : 900);
  const std::uint64_t size = sizeof(Parcel) + rest;
  void* const memory = ::operator new(size, std::nothrow);
  if (memory == nullptr) return nullptr;
  const std::uint64_t mark = chance.next();
  std::memset(memory, static_cast<int>(mark), size);
  auto* const parcel = new (memory) Parcel{size, mark, FrameRun(), Frame()};
  if (auto frame = frames().allocate_zeroed()) {
    std::memcpy(frame->data(), &mark, sizeof mark);
    parcel->frame = std::move(*frame);
  }
  return parcel;
}

async::Task<std::uint64_t> trade(Mailbox& mailbox, std::uint64_t seed, unsigned steps) {
  Chance chance{seed};
  std::uint64_t wrong = 0;
  for (unsigned step = 0; step < steps; ++step) {
    Parcel* const made = chance.below(4) == 0 ? make_run_parcel(chance) : make_heap_parcel(chance);
    if (made == nullptr) ++wrong;
    Parcel* const found = mailbox[chance.below(mailbox.size())].exchange(made);
    if (!open_parcel(found)) ++wrong;
    if (step % 8 == 0) co_await exec::yield_now();
  }
  co_return wrong;
}

KTEST_TASK(MemoryStorm, OthersGiveBackWhatAHartTook, within("60s")) {
  const std::uint64_t seed = printed_seed();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    Mailbox mailbox{};
    const auto wrong = co_await run_workers(2 * arch::Harts::count() + 1, [&](unsigned i) {
                         return trade(mailbox, seed + i, 1500);
                       }).checked();
    CO_ASSERT_TRUE(wrong.has_value());
    EXPECT_EQ(*wrong, 0u);
    for (auto& slot : mailbox) EXPECT_TRUE(open_parcel(slot.exchange(nullptr)));
  }
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

struct Feast {
  std::atomic<bool> may_begin{false};  // those that come later need memory too
  std::atomic<unsigned> sated{0};
  std::atomic<bool> may_give_back{false};
};

/// Takes whatever there is, together with others, keeps it until all have nothing left to take, and
/// gives it back.
async::Task<std::uint64_t> devour(Feast& feast) {
  struct Bite {
    Bite* next;
  };
  FrameList frames_taken(frames());
  Bite* bites = nullptr;
  unsigned turn = 0;
  while (!feast.may_begin.load()) co_await exec::yield_now();
  for (;;) {
    auto frame = frames().allocate();
    if (frame) frames_taken.push(std::move(*frame));
    auto* const bite = static_cast<Bite*>(::operator new(16 + turn * 40 % 2000, std::nothrow));
    if (bite != nullptr) bites = new (bite) Bite{bites};
    if (!frame && bite == nullptr && turn % 50 == 49) break;
    if (++turn % 64 == 0) co_await exec::yield_now();
  }
  feast.sated.fetch_add(1);
  // What others give back meanwhile is taken too.
  while (!feast.may_give_back.load()) {
    while (auto frame = frames().allocate()) frames_taken.push(std::move(*frame));
    co_await exec::yield_now();
  }
  while (bites != nullptr) ::operator delete(std::exchange(bites, bites->next));
  co_return 0;
}

/// Whether an attempt is refused now that there is nothing left. Harts that still run may give a
/// frame back at any moment, so whatever there is gets eaten before each of several attempts.
template <typename Attempt>
bool refuses(Attempt succeeds) {
  FrameList rest(frames());
  for (unsigned i = 0; i < 32; ++i) {
    while (auto frame = frames().allocate()) rest.push(std::move(*frame));
    if (!succeeds(i)) return true;
  }
  return false;
}

KTEST_TASK(MemoryStorm, AllMemoryIsTakenAndComesBack, within("60s")) {
  (void)printed_seed();
  const unsigned eaters = 2 * arch::Harts::count();
  // Once before, for what is made by the first guest and kept.
  const guest::GuestEnd first = RUN_PROBE("exit", "7");
  EXPECT_EQ(first.exit_status, 7u);
  kernel_space().activate();
  const FreeMemory before = (co_await free_memory(std::nullopt).checked()).value();
  {
    auto space = AddressSpace::create(kernel_space());
    CO_ASSERT_TRUE(space.has_value());
    const auto range = (*space)->map_anonymous(Placement::anywhere(), 64 * kPageSize,
                                               mem::Permissions::read_write().for_user());
    CO_ASSERT_TRUE(range.has_value());
    const guest::tests::Hex duration(exec::ticks_per_second());
    const guest::GuestRef busy = guest::tests::start_probe({"spin", duration.text(), {}});
    CO_ASSERT_TRUE(static_cast<bool>(busy));

    Feast feast;
    std::array<async::JoinHandle<std::uint64_t>, 32> handles;
    for (unsigned i = 0; i < eaters; ++i) {
      auto spawned = exec::spawn(devour(feast), "eater");
      CO_ASSERT_TRUE(spawned.has_value());
      handles[i] = std::move(*spawned);
    }
    feast.may_begin.store(true);
    while (feast.sated.load() < eaters) co_await exec::yield_now();
    // Every door says so, and the kernel stands.
    EXPECT_TRUE(refuses([](unsigned) { return frames().allocate().has_value(); }));
    EXPECT_TRUE(
        refuses([](unsigned) { return frames().allocate_zeroed(FrameUse::kGuest).has_value(); }));
    EXPECT_TRUE(refuses([](unsigned) { return frames().allocate_run(2).has_value(); }));
    EXPECT_TRUE(refuses([](unsigned) { return AddressSpace::create(kernel_space()).has_value(); }));
    EXPECT_TRUE(refuses([&](unsigned i) {
      return (*space)->handle_fault(range->start() + i * kPageSize, mem::Access::kWrite) !=
             FaultOutcome::kOutOfMemory;
    }));
    const std::uint64_t word = 1;
    EXPECT_TRUE(refuses([&](unsigned i) {
      return copy_to_user(**space, range->start() + (32 + i) * kPageSize, &word, sizeof word)
          .has_value();
    }));
    feast.may_give_back.store(true);
    for (unsigned i = 0; i < eaters; ++i) {
      CO_ASSERT_TRUE((co_await handles[i].join()).has_value());
    }
    CO_ASSERT_TRUE((co_await guest::wait(*busy)).has_value());
    EXPECT_TRUE(busy->end().reason == guest::EndReason::kExited);
    EXPECT_TRUE((*space)->handle_fault(range->start(), mem::Access::kWrite) ==
                FaultOutcome::kResolved);
  }
  kernel_space().activate();
  const guest::GuestEnd last = RUN_PROBE("exit", "8");
  EXPECT_EQ(last.exit_status, 8u);
  kernel_space().activate();
  expect_equal((co_await free_memory(before).checked()).value(), before);
}

}  // namespace
}  // namespace quoll::vm::storms
