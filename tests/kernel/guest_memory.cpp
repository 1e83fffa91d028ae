// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What guests have in memory: the module that all share, pages that come later, limits, and what a
// thousand of them cost.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include <quoll/containers/vector.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/file_object.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/format.hpp>

#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

using quoll::tests::Balance;
using quoll::tests::balance_at_rest;

KTEST_TASK(GuestMemory, TheModuleIsTheSameForAllWhoRunIt) {
  EXPECT_EQ(RUN_PROBE("module").exit_status, 0U);
  EXPECT_EQ(used_files(), 0U);
  std::array<GuestRef, 3> guests;
  for (GuestRef& guest : guests) {
    guest = start_probe({"sleep"});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    EXPECT_EQ(used_files(), 1U);
  }
  for (const GuestRef& guest : guests) {
    EXPECT_EQ(used_files(), 1U);
    guest->kill();
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
  }
  EXPECT_EQ(used_files(), 0U);
}

KTEST_TASK(GuestMemory, IsPlacedAtRandom) {
  const std::uint64_t first = RUN_PROBE("reserve").exit_status;
  const std::uint64_t second = RUN_PROBE("reserve").exit_status;
  EXPECT_NE(first, second);
  const OtherServices lowest([](Services::Parts& parts) { parts.random_placement = false; });
  EXPECT_EQ(RUN_PROBE("reserve").exit_status, RUN_PROBE("reserve").exit_status);
}

// A provider whose pages come when the test says so.
struct LatePages final : vm::PageProvider {
  vm::PageAnswer page(std::uint64_t, std::uint64_t) noexcept override { return vm::LaterPage(); }
  void fetch(vm::PagedVmo& object, std::uint64_t offset) noexcept override {
    wanted_offset.store(offset);
    wanted.store(&object);
  }
  static inline std::atomic<vm::PagedVmo*> wanted{nullptr};
  static inline std::atomic<std::uint64_t> wanted_offset{0};
};

void make_pages_late(Services::Parts& parts) {
  LatePages::wanted.store(nullptr);
  parts.machine.pages_of =
      [](mem::PhysicalRange) -> base::Result<vm::PageProviderRef, vm::SpaceError> {
    auto* const pages = new (std::nothrow) LatePages;
    if (pages == nullptr) return base::err(vm::SpaceError::kOutOfMemory);
    return vm::PageProviderRef::adopt(pages);
  };
}

// The object whose page is wanted, once one is.
async::Task<vm::PagedVmoRef> wanted_object() {
  vm::PagedVmo* object = nullptr;
  while ((object = LatePages::wanted.exchange(nullptr)) == nullptr) co_await exec::yield_now();
  co_return vm::PagedVmoRef::retain(object);
}

KTEST_TASK(GuestMemory, AFaultAwaitsAPageThatComesLaterAndOthersGoOn) {
  const OtherServices late(make_pages_late);
  for (const std::string_view action : {"module", "log-module"}) {
    const GuestRef guest = start_probe({action});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    const vm::PagedVmoRef object = (co_await wanted_object().checked()).value();
    EXPECT_EQ(RUN_PROBE("exit", "7").exit_status, 7U);
    EXPECT_FALSE(guest->ended().is_set());
    auto frame = vm::frames().allocate_zeroed();
    CO_ASSERT_TRUE(frame.has_value());
    std::memcpy(frame->data(), "abc", 3);
    EXPECT_TRUE(object->supply(LatePages::wanted_offset.load(), std::move(*frame)).has_value());
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
    EXPECT_EQ(guest->end().reason, EndReason::kExited);
    EXPECT_EQ(guest->end().exit_status, 0U);
  }
}

KTEST_TASK(GuestMemory, APageThatDoesNotComeIsAFault) {
  const OtherServices late(make_pages_late);
  for (const std::string_view action : {"module", "log-module"}) {
    const GuestRef guest = start_probe({action});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    const vm::PagedVmoRef object = (co_await wanted_object().checked()).value();
    EXPECT_TRUE(object->fail(LatePages::wanted_offset.load()).has_value());
    // Whoever has not begun to wait by then asks once more.
    while (!guest->ended().is_set()) {
      if (LatePages::wanted.exchange(nullptr) != nullptr) {
        (void)object->fail(LatePages::wanted_offset.load());
      }
      co_await exec::yield_now();
    }
    if (action == "module") {
      EXPECT_EQ(guest->end().reason, EndReason::kFaulted);
      EXPECT_EQ(guest->end().cause, abi::FaultCause::kUnavailable);
    } else {
      EXPECT_EQ(guest->end().exit_status, static_cast<std::uint64_t>(abi::Error::kBadAddress));
    }
  }
}

KTEST_TASK(GuestMemory, AGuestThatAwaitsAPageIsKilled) {
  const Balance before = (co_await balance_at_rest().checked()).value();
  {
    const OtherServices late(make_pages_late);
    const GuestRef guest = start_probe({"module"});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    const vm::PagedVmoRef object = (co_await wanted_object().checked()).value();
    guest->kill();
    CO_ASSERT_TRUE((co_await wait(*guest)).has_value());
    EXPECT_EQ(guest->end().reason, EndReason::kInterrupted);
    EXPECT_EQ(object->usage().mappings, 0U);
  }
  EXPECT_BALANCED(before);
}

KTEST_TASK(GuestMemory, NobodyGetsMoreThanTheLimitInOneStepOrInAMillion, within("300s")) {
  const Balance before = (co_await balance_at_rest().checked()).value();
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 20;
  constexpr std::uint64_t kAttempts = 1'000'000;
  const Hex attempts(kAttempts);
  GuestRef greedy = start_probe({"grow", attempts.text(), {}, kLimit});
  CO_ASSERT_TRUE(static_cast<bool>(greedy));
  EXPECT_EQ(RUN_PROBE("memory").exit_status, 0U);
  CO_ASSERT_TRUE((co_await wait(*greedy)).has_value());
  EXPECT_EQ(greedy->end().reason, EndReason::kExited);
  EXPECT_GT(greedy->end().exit_status, kLimit / abi::kPageSize / 2);
  EXPECT_LT(greedy->end().exit_status, kLimit / abi::kPageSize);
  greedy = {};
  EXPECT_BALANCED(before);
}

KTEST_TASK(GuestMemory, AGuestThatTakesAllThereIsLeavesTheReserveAndItsNeighbours) {
  const Balance before = (co_await balance_at_rest().checked()).value();
  GuestRef neighbour = start_probe({"sleep"});
  CO_ASSERT_TRUE(static_cast<bool>(neighbour));
  const vm::FrameStatistics all = vm::frames().statistics();
  GuestRef greedy = start_probe({"grow", "1", {}, 2 * all.managed * abi::kPageSize});
  CO_ASSERT_TRUE(static_cast<bool>(greedy));
  std::uint64_t fewest = ~std::uint64_t{0};
  while (!greedy->ended().is_set()) {
    const vm::FrameStatistics now = vm::frames().statistics();
    fewest = std::min(fewest, now.managed - now.allocated);
    co_await exec::yield_now();
  }
  EXPECT_EQ(greedy->end().reason, EndReason::kFaulted);
  EXPECT_EQ(greedy->end().fault, abi::FaultKind::kOutOfMemory);
  EXPECT_GT(fewest, 0U);
  EXPECT_FALSE(neighbour->ended().is_set());
  EXPECT_EQ(RUN_PROBE("memory").exit_status, 0U);
  neighbour->kill();
  CO_ASSERT_TRUE((co_await wait(*neighbour)).has_value());
  neighbour = {};
  greedy = {};
  EXPECT_BALANCED(before);
}

// What so many guests that wait have, summed up.
struct Cost {
  std::uint64_t written = 0;
  std::uint64_t page_tables = 0;
  void add(vm::AddressSpace& space) {
    const vm::SpaceUsage usage = space.usage();
    written += usage.resident_pages;
    page_tables += usage.page_tables;
  }
};

/// Input that never comes; it knows how many wait for it.
class SilentStream final : public device::ByteStream {
 public:
  using Moved = async::Task<base::Result<std::size_t, device::StreamError>>;
  Moved read(std::span<std::byte>, async::CancelToken token) override {
    readers.fetch_add(1);
    (void)co_await nothing_.wait_unless([] { return false; }, token);
    co_return base::err(device::StreamError::kCancelled);
  }
  Moved write(std::span<const std::byte> from, async::CancelToken) override {
    co_return from.size();
  }
  bool readable() noexcept override { return false; }
  bool writable() noexcept override { return true; }
  void watch(device::Watcher&) noexcept override {}
  void unwatch(device::Watcher&) noexcept override {}

  std::atomic<std::size_t> readers{0};

 private:
  async::WaitQueue nothing_;
};

using Guests = containers::Vector<GuestRef>;

/// Holds what an idle guest costs to the limits, and prints it. Whatever is neither the guests' own
/// pages nor their page tables is the kernel's.
void check_cost_of_idle(std::string_view what, const Guests& guests, const Balance& before,
                        const Balance& idle) {
  constexpr std::uint64_t kKernelMost = std::uint64_t{16} << 10;
  constexpr std::uint64_t kTablesMost = std::uint64_t{48} << 10;
  Cost cost;
  for (const GuestRef& guest : guests) {
    EXPECT_FALSE(guest->ended().is_set());
    cost.add(guest->space());
  }
  const auto each = [&](std::uint64_t pages) { return pages * abi::kPageSize / guests.size(); };
  const std::uint64_t frames = idle.frames - before.frames;
  const std::uint64_t heap = (idle.heap_bytes - before.heap_bytes) / guests.size();
  const std::uint64_t kernel = each(frames - cost.written - cost.page_tables) + heap;
  std::array<char, 200> line;
  const std::size_t size =
      log::format_to(std::span<char>(line),
                     "{} x {}: {} bytes of pages that it wrote, {} of page tables, {} of the "
                     "kernel's ({} in {} objects"
                     " of the heap)\n",
                     guests.size(), what, each(cost.written), each(cost.page_tables), kernel, heap,
                     (idle.heap_objects - before.heap_objects) / guests.size());
  tracing::write(std::string_view(line.data(), size));
  EXPECT_LE(kernel, kKernelMost);
  EXPECT_LE(each(cost.page_tables), kTablesMost);
}

async::Task<void> end_guests(Guests& guests) {
  for (const GuestRef& guest : guests) guest->kill();
  for (const GuestRef& guest : guests) EXPECT_TRUE((co_await wait(*guest)).has_value());
  guests = {};
}

KTEST_TASK(GuestMemory, AThousandIdleGuestsOfOneModule, within("300s")) {
  constexpr std::size_t kGuests = 1000;
  EXPECT_EQ(RUN_PROBE("exit", "0").exit_status, 0U);
  Guests guests;
  CO_ASSERT_TRUE(guests.try_reserve(kGuests));
  const Balance before = (co_await balance_at_rest().checked()).value();
  for (std::size_t i = 0; i < kGuests; ++i) {
    GuestRef guest = start_probe({"sleep"});
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    CO_ASSERT_TRUE(guests.try_push_back(std::move(guest)));
  }
  const Balance idle = (co_await balance_at_rest().checked()).value();
  EXPECT_EQ(used_files(), 1U);
  check_cost_of_idle("an idle guest", guests, before, idle);
  CO_ASSERT_TRUE((co_await end_guests(guests).checked()).has_value());
  EXPECT_BALANCED(before);
}

// A thousand where the machine's memory suffices.
KTEST_TASK(GuestMemory, AThousandWebAssemblyProgramsThatAwaitInput, within("300s")) {
  constexpr std::uint64_t kRoomOfOne = std::uint64_t{400} << 10;
  const RealRuntime runtime;
  static constinit SilentStream input;
  input.readers.store(0);
  device::StandardStreams streams;
  streams.input = &input;
  Guests guests;
  const vm::FrameStatistics memory = vm::frames().statistics();
  const std::size_t count = std::min<std::size_t>(
      (memory.managed - memory.allocated) * abi::kPageSize / kRoomOfOne, 1000);
  CO_ASSERT_TRUE(guests.try_reserve(count));
  const Balance before = (co_await balance_at_rest().checked()).value();
  for (std::size_t i = 0; i < count; ++i) {
    GuestRef guest = runtime.start("bin/cat.wasm", streams);
    CO_ASSERT_TRUE(static_cast<bool>(guest));
    CO_ASSERT_TRUE(guests.try_push_back(std::move(guest)));
  }
  while (input.readers.load() < count) {
    (void)co_await exec::sleep_until(exec::now() + exec::ticks_from_nanoseconds(10'000'000));
  }
  const Balance idle = (co_await balance_at_rest().checked()).value();
  EXPECT_EQ(used_files(), 1U);
  check_cost_of_idle("an idle WebAssembly program", guests, before, idle);
  CO_ASSERT_TRUE((co_await end_guests(guests).checked()).has_value());
  EXPECT_BALANCED(before);
}

}  // namespace
}  // namespace quoll::guest::tests
