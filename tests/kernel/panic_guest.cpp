// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A panic in a guest's system call is the end of that guest only.
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tests/balance.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

/// A stream that breaks when somebody writes to it, at once or after a suspension.
class BrokenStream final : public device::ByteStream {
 public:
  using Moved = async::Task<base::Result<std::size_t, device::StreamError>>;
  explicit BrokenStream(bool suspends) : suspends_(suspends) {}

  Moved read(std::span<std::byte>, async::CancelToken) override { co_return std::size_t{0}; }
  Moved write(std::span<const std::byte> from, async::CancelToken) override {
    if (suspends_) co_await exec::yield_now();
    panic::panic("in a stream, with {} bytes", from.size());
    co_return std::size_t{0};
  }
  bool readable() noexcept override { return true; }
  bool writable() noexcept override { return true; }
  void watch(device::Watcher&) noexcept override {}
  void unwatch(device::Watcher&) noexcept override {}

 private:
  bool suspends_;
};

async::Task<GuestEnd> run_into(device::ByteStream& output, device::ByteStream* error) {
  device::StandardStreams streams;
  streams.output = &output;
  streams.error = error;
  co_return RUN_PROBE("output", "text", streams);
}

KTEST_TASK(GuestPanics, EndTheGuestAndNothingElse) {
  for (const bool suspends : {false, true}) {
    BrokenStream broken(suspends);
    MemoryStream error;
    (void)(co_await run_into(broken, &error).checked()).value();
    const auto before = (co_await quoll::tests::balance_at_rest().checked()).value();
    for (unsigned i = 0; i < 20; ++i) {
      MemoryStream said;
      const std::uint64_t contained = panic::contained();
      const GuestEnd end = (co_await run_into(broken, &said).checked()).value();
      EXPECT_EQ(end.reason, EndReason::kPanicked);
      EXPECT_EQ(end.status(), 125);
      EXPECT_EQ(panic::contained(), contained + 1);
      EXPECT_TRUE(said.written() == "quoll: output: killed by a kernel panic\n");
    }
    EXPECT_BALANCED(before);
  }
}

KTEST_TASK(GuestPanics, EndItAlsoWhenTheReportPanics) {
  BrokenStream broken(true);
  const GuestEnd end = (co_await run_into(broken, &broken).checked()).value();
  EXPECT_EQ(end.reason, EndReason::kPanicked);
}

KTEST_TASK(GuestPanics, LeaveOtherGuestsAlone) {
  const GuestRef other = start_probe({"secret"});
  CO_ASSERT_TRUE(static_cast<bool>(other));
  BrokenStream broken(false);
  const GuestEnd end = (co_await run_into(broken, nullptr).checked()).value();
  EXPECT_EQ(end.reason, EndReason::kPanicked);
  EXPECT_FALSE(other->ended().is_set());
  other->kill();
  CO_ASSERT_TRUE((co_await wait(*other)).has_value());
}

}  // namespace
}  // namespace quoll::guest::tests
