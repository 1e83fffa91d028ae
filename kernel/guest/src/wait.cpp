// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Waiting for streams and deadlines. After each co_await the guest may be on another hart; copies
// to its memory make its address space active there.
#include "wait.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>

#include <quoll/async/timer.hpp>
#include <quoll/kernel/guest/services.hpp>

#include "page_wait.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using base::err;

// What one read or write moves at most; the rest is for the next call.
constexpr std::uint64_t kChunk = 4096;

Error to_abi(device::StreamError error) {
  switch (error) {
    case device::StreamError::kClosed:
      return Error::kClosed;
    case device::StreamError::kOutOfMemory:
      return Error::kNoMemory;
    case device::StreamError::kCancelled:
    case device::StreamError::kFailed:
      return Error::kIo;
  }
  return Error::kIo;
}

std::unique_ptr<std::byte[]> allocate_chunk(std::uint64_t size) {
  return std::unique_ptr<std::byte[]>(new (std::nothrow) std::byte[size]);
}

// Ends a sleep early from any of several sides: streams that change, or the guest's end.
class Alarm {
 public:
  Alarm() = default;
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  /// Rings when `token` is cancelled; at once if it is already.
  void arm(async::CancelToken token) {
    guest_end_.alarm = this;
    if (!guest_end_.registration().arm(token, &GuestEndLink::ring)) bell_.cancel();
  }
  async::CancelToken token() noexcept { return bell_; }

  /// One stream's link to the alarm.
  struct StreamLink : device::Watcher {
    Alarm* alarm = nullptr;
    device::ByteStream* stream = nullptr;
    static void ring(device::Watcher& watcher) noexcept {
      static_cast<StreamLink&>(watcher).alarm->bell_.cancel();
    }
    ~StreamLink() {
      if (stream != nullptr) stream->unwatch(*this);
    }
  };
  void watch(StreamLink& link, device::ByteStream& stream) {
    link.alarm = this;
    link.changed = &StreamLink::ring;
    stream.watch(link);
    link.stream = &stream;
  }

 private:
  struct GuestEndLink : private async::CancelRegistration {
    Alarm* alarm = nullptr;
    async::CancelRegistration& registration() noexcept { return *this; }
    static void ring(async::CancelRegistration& registration) noexcept {
      static_cast<GuestEndLink&>(registration).alarm->bell_.cancel();
    }
  };

  async::CancelSource bell_;
  GuestEndLink guest_end_;
};

// A checked wait_many: the guest's items, and the streams behind them.
struct WaitSet {
  std::array<abi::WaitItem, abi::kMaxWaitItems> items{};
  std::array<device::ByteStream*, abi::kMaxWaitItems> streams{};
  std::size_t count = 0;

  base::Result<void, Error> copy_from(Guest& guest, std::uint64_t address, std::uint64_t wanted) {
    if (wanted > abi::kMaxWaitItems) return err(Error::kBadArgument);
    count = wanted;
    if (count != 0) TRY(copy_in(guest, items.data(), address, count * sizeof(abi::WaitItem)));
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t interest = items[i].interest;
      constexpr std::uint32_t kBoth = abi::readiness::kReadable | abi::readiness::kWritable;
      if (interest == 0 || (interest & ~kBoth) != 0) return err(Error::kBadArgument);
      std::uint32_t rights = 0;
      if ((interest & abi::readiness::kReadable) != 0) rights |= abi::rights::kRead;
      if ((interest & abi::readiness::kWritable) != 0) rights |= abi::rights::kWrite;
      const OpenObject object =
          TRY(guest.handles().find(items[i].handle, abi::ObjectKind::kStream, rights));
      streams[i] = object.stream;
    }
    return {};
  }

  // How many items are ready, noting which.
  std::uint64_t poll() {
    std::uint64_t ready_items = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::uint32_t ready = 0;
      const std::uint32_t interest = items[i].interest;
      if ((interest & abi::readiness::kReadable) != 0 && streams[i]->readable()) {
        ready |= abi::readiness::kReadable;
      }
      if ((interest & abi::readiness::kWritable) != 0 && streams[i]->writable()) {
        ready |= abi::readiness::kWritable;
      }
      items[i].ready = ready;
      if (ready != 0) ++ready_items;
    }
    return ready_items;
  }
};

// Everything that a wait needs, in one allocation: too much for a coroutine's frame of its own.
struct Wait {
  WaitSet set;
  std::optional<Alarm> alarm;  ///< outlives the links, which ring it
  std::array<Alarm::StreamLink, abi::kMaxWaitItems> links;
};

async::Ticks deadline_ticks(std::uint64_t deadline_ns) {
  return deadline_ns == abi::kNever ? async::kNever : services().clock().to_ticks(deadline_ns);
}

}  // namespace

WaitingCall call_wait_many(Guest& guest, CallArguments arguments) {
  const auto [address, wanted, deadline_ns, unused3, unused4, unused5] = arguments.a;
  const auto wait = std::unique_ptr<Wait>(new (std::nothrow) Wait);
  if (!wait) co_return fail(Error::kNoMemory);
  if (const auto copied = wait->set.copy_from(guest, address, wanted); !copied) {
    co_return fail(copied.error());
  }

  const async::Ticks deadline = deadline_ticks(deadline_ns);
  std::uint64_t ready = 0;
  for (;;) {
    Alarm& alarm = wait->alarm.emplace();
    alarm.arm(guest.kill_token());
    // Watching comes before looking, so that no change falls between the two.
    for (std::size_t i = 0; i < wait->set.count; ++i) {
      alarm.watch(wait->links[i], *wait->set.streams[i]);
    }
    ready = wait->set.poll();
    if (ready == 0 && services().now() < deadline) {
      (void)co_await async::sleep_until(deadline, alarm.token());
    }
    for (Alarm::StreamLink& link : std::span(wait->links).first(wait->set.count)) {
      link.stream->unwatch(link);
      link.stream = nullptr;
    }
    if (guest.killed()) co_return err(WaitOutcome::kKilled);
    if (ready != 0 || services().now() >= deadline) break;
  }
  // What became ready while the deadline passed still counts.
  if (ready == 0) ready = wait->set.poll();

  if (wait->set.count != 0) {
    const auto written =
        copy_out(guest, address, wait->set.items.data(), wait->set.count * sizeof(abi::WaitItem));
    if (!written) co_return fail(written.error());
  }
  co_return ready != 0 ? ok(ready) : fail(Error::kTimedOut);
}

WaitingCall call_stream_read(Guest& guest, CallArguments arguments) {
  const auto [handle, buffer, length, unused3, unused4, unused5] = arguments.a;
  const auto object = guest.handles().find(handle, abi::ObjectKind::kStream, abi::rights::kRead);
  if (!object) co_return fail(object.error());
  const std::uint64_t size = std::min(length, kChunk);
  if (size == 0) co_return ok(0);
  const auto chunk = allocate_chunk(size);
  if (!chunk) co_return fail(Error::kNoMemory);

  const auto read = co_await object->stream->read({chunk.get(), size}, guest.kill_token());
  if (guest.killed()) co_return err(WaitOutcome::kKilled);
  if (!read) co_return fail(to_abi(read.error()));
  // What was read cannot be read again: pages that are missing are awaited here.
  while (*read != 0) {
    const auto written = copy_out(guest, buffer, chunk.get(), *read);
    if (written) break;
    if (written.error() != kMustWait) co_return fail(written.error());
    PageWait wait(guest.awaited_page());
    if (wait.begin()) (void)co_await wait.complete(guest.kill_token());
    while (!wait.end()) (void)co_await wait.complete();
    if (guest.killed()) co_return err(WaitOutcome::kKilled);
    if (wait.failed()) co_return fail(Error::kBadAddress);
  }
  co_return ok(*read);
}

WaitingCall call_stream_write(Guest& guest, CallArguments arguments) {
  const auto [handle, buffer, length, unused3, unused4, unused5] = arguments.a;
  const auto object = guest.handles().find(handle, abi::ObjectKind::kStream, abi::rights::kWrite);
  if (!object) co_return fail(object.error());
  const std::uint64_t size = std::min(length, kChunk);
  if (size == 0) co_return ok(0);
  const auto chunk = allocate_chunk(size);
  if (!chunk) co_return fail(Error::kNoMemory);
  if (const auto copied = copy_in(guest, chunk.get(), buffer, size); !copied) {
    co_return fail(copied.error());
  }

  const auto written = co_await object->stream->write({chunk.get(), size}, guest.kill_token());
  if (guest.killed()) co_return err(WaitOutcome::kKilled);
  if (!written) co_return fail(to_abi(written.error()));
  co_return ok(*written);
}

}  // namespace quoll::guest
