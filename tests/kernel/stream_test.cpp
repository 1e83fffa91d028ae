// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The virtio console against a host that takes part: tests/kernel/streams.py.
#include <array>

#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::device {
namespace {

/// The host sends, pauses, does not read for a while, and ends its side.
KTEST_TASK_APART(Streams, EchoUntilEndOfFile) {
  const StandardStreams streams = device::streams();
  CO_ASSERT_TRUE(streams.input != nullptr && streams.output != nullptr);
  std::array<std::byte, 777> piece;
  std::uint64_t total = 0;
  for (;;) {
    const auto got = co_await streams.input->read(piece);
    CO_ASSERT_TRUE(got.has_value());
    if (*got == 0) break;
    total += *got;
    std::span<const std::byte> rest(piece.data(), *got);
    while (!rest.empty()) {
      const auto put = co_await streams.output->write(rest);
      CO_ASSERT_TRUE(put.has_value());
      CO_ASSERT_TRUE(*put != 0 && *put <= rest.size());
      rest = rest.subspan(*put);
    }
  }
  EXPECT_EQ(total, std::uint64_t{1} << 20);
  // The end stays the end.
  const auto again = co_await streams.input->read(piece);
  CO_ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, 0u);
}

/// The host closes standard error at once.
KTEST_TASK_APART(Streams, AReaderThatWentAwayIsSeen) {
  ByteStream* const stream = device::streams().error;
  CO_ASSERT_TRUE(stream != nullptr);
  const std::array<std::byte, 100> bytes{};
  const exec::Ticks limit = exec::now() + 20 * exec::ticks_per_second();
  for (;;) {
    CO_ASSERT_TRUE(exec::now() < limit);
    const auto put = co_await stream->write(bytes);
    if (!put) {
      EXPECT_TRUE(put.error() == StreamError::kClosed);
      break;
    }
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
  }
}

/// The host sends nothing and never ends: a read waits until it is cancelled.
async::Task<bool> read_until_cancelled(ByteStream& stream) {
  const async::CancelToken token((co_await async::current_task()).cancel_source());
  std::array<std::byte, 16> piece;
  const auto got = co_await stream.read(piece, token);
  co_return !got && got.error() == StreamError::kCancelled;
}
KTEST_TASK_APART(Streams, AReadThatWaitsCanBeCancelled) {
  CO_ASSERT_TRUE(device::streams().input != nullptr);
  auto reader = exec::spawn(read_until_cancelled(*device::streams().input));
  CO_ASSERT_TRUE(reader.has_value());
  (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 50)).has_value();
  EXPECT_FALSE(reader->done());
  reader->cancel();
  const auto cancelled = co_await reader->join();
  CO_ASSERT_TRUE(cancelled.has_value());
  EXPECT_TRUE(*cancelled);
}

}  // namespace
}  // namespace quoll::device
