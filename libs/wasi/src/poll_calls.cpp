// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// poll_oneoff: waiting for clocks and streams at once.
//
// Subscriptions are read twice, before and after the wait, and may have been overwritten by events
// in between when the program lets the two arrays overlap: each reading is checked by itself.
#include <algorithm>
#include <array>
#include <optional>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

/// One subscription, read.
struct Subscription {
  std::uint64_t userdata = 0;
  EventType type = EventType::kClock;
  std::uint32_t descriptor = 0;
  std::uint32_t clock = 0;
  std::uint64_t timeout = 0;
  bool absolute = false;
};

/// What has happened to a subscription.
struct Event {
  Errno error = Errno::kSuccess;
  std::uint64_t bytes = 0;
  bool hang_up = false;
};

class Poll {
 public:
  explicit Poll(Call& call)
      : call_(call),
        layout_(call.dialect == Dialect::kPreview1 ? kSubscriptionPreview1 : kSubscriptionUnstable),
        from_(call.u32(0)),
        to_(call.u32(1)),
        count_(call.u32(2)) {}

  Done run() {
    if (count_ == 0) return base::err(Errno::kInval);
    TRY(call_.memory.array(from_, count_, layout_.total));
    TRY(call_.memory.array(to_, count_, event_layout::kSize));
    TRY(call_.memory.range(call_.u32(3), sizeof(std::uint32_t)));

    started_ns_ = TRY(read_clock(call_.process, static_cast<std::uint32_t>(ClockId::kMonotonic)));
    std::uint32_t events = 0;
    while (events == 0) {
      TRY(collect());
      TRY(wait());
      events = TRY(report());
    }
    return call_.memory.store<std::uint32_t>(call_.u32(3), events);
  }

 private:
  WasiResult<Subscription> read(std::uint32_t index) const {
    const std::uint32_t at = from_ + index * layout_.total;
    const GuestMemory& memory = call_.memory;
    Subscription out;
    out.userdata = TRY(memory.load<std::uint64_t>(at + layout_.userdata));
    const auto type = TRY(memory.load<std::uint8_t>(at + layout_.type));
    if (type > static_cast<std::uint8_t>(EventType::kFdWrite)) return base::err(Errno::kInval);
    out.type = static_cast<EventType>(type);
    out.descriptor = TRY(memory.load<std::uint32_t>(at + layout_.descriptor));
    out.clock = TRY(memory.load<std::uint32_t>(at + layout_.clock));
    out.timeout = TRY(memory.load<std::uint64_t>(at + layout_.timeout));
    out.absolute = (TRY(memory.load<std::uint16_t>(at + layout_.flags)) & kAbsoluteTime) != 0;
    return out;
  }

  // The monotonic time at which a clock subscription is due. Absolute times of other clocks are
  // carried over by the difference that the clocks have now.
  WasiResult<std::uint64_t> due(const Subscription& of) const {
    const std::uint64_t there = TRY(read_clock(call_.process, of.clock));
    if (!of.absolute) return saturating_add(started_ns_, of.timeout);
    if (of.timeout <= there) return std::uint64_t{0};
    const std::uint64_t here =
        TRY(read_clock(call_.process, static_cast<std::uint32_t>(ClockId::kMonotonic)));
    return saturating_add(here, of.timeout - there);
  }

  // kNever would be a deadline that does not come at all; one before it does not come either.
  static std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
    return std::min(base::checked_add(a, b).value_or(abi::kNever), abi::kNever - 1);
  }

  // The stream to wait for, or nothing when the descriptor is ready, or refused, at once.
  std::optional<abi::Handle> stream_of(const Subscription& of) const {
    const auto found = call_.process.descriptor(of.descriptor);
    if (!found || (*found)->kind != Descriptor::Kind::kStream) return std::nullopt;
    return (*found)->handle;
  }

  static std::uint32_t interest_of(const Subscription& of) {
    return of.type == EventType::kFdRead ? abi::readiness::kReadable : abi::readiness::kWritable;
  }

  // Each stream once, however often it is subscribed to. False: there is no room for one more.
  bool add_item(abi::Handle stream, std::uint32_t interest) {
    for (abi::WaitItem& item : items()) {
      if (item.handle == stream) {
        item.interest |= interest;
        return true;
      }
    }
    if (item_count_ == items_.size()) return false;
    items_[item_count_++] = {.handle = stream, .interest = interest, .ready = 0, .reserved = 0};
    return true;
  }

  std::span<abi::WaitItem> items() { return std::span(items_).first(item_count_); }

  std::uint32_t ready_of(abi::Handle stream) {
    for (const abi::WaitItem& item : items()) {
      if (item.handle == stream) return item.ready;
    }
    return 0;
  }

  /// Finds out what to wait for and until when.
  Done collect() {
    item_count_ = 0;
    deadline_ns_ = abi::kNever;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const Subscription subscription = TRY(read(i));
      if (subscription.type == EventType::kClock) {
        // A clock that does not exist is an event at once.
        deadline_ns_ = std::min(deadline_ns_, due(subscription).value_or(std::uint64_t{0}));
      } else if (const auto stream = stream_of(subscription)) {
        if (!add_item(*stream, interest_of(subscription))) return base::err(Errno::kNotsup);
      } else {
        deadline_ns_ = 0;
      }
    }
    return {};
  }

  Done wait() {
    const auto waited = call_.process.host().wait_many(items(), deadline_ns_);
    if (waited || waited.error() == abi::Error::kTimedOut) return {};
    return base::err(to_errno(waited.error()));
  }

  // What happened to a subscription, or nothing yet.
  WasiResult<std::optional<Event>> event_of(const Subscription& of) {
    if (of.type == EventType::kClock) {
      const auto due_ns = due(of);
      if (!due_ns) return std::optional(Event{.error = due_ns.error()});
      const std::uint64_t now =
          TRY(read_clock(call_.process, static_cast<std::uint32_t>(ClockId::kMonotonic)));
      return now >= *due_ns ? std::optional(Event{}) : std::nullopt;
    }
    const auto found = call_.process.descriptor(of.descriptor);
    if (!found) return std::optional(Event{.error = found.error()});
    const Descriptor& descriptor = **found;
    if (descriptor.kind == Descriptor::Kind::kStream) return stream_event(of, descriptor);
    if (descriptor.kind == Descriptor::Kind::kDirectory) {
      return std::optional(Event{.error = Errno::kBadf});
    }
    const auto stat = call_.process.host().handle_stat(descriptor.handle);
    if (!stat) return std::optional(Event{.error = to_errno(stat.error())});
    const bool more = stat->size > descriptor.offset;
    return std::optional(Event{.bytes = more ? stat->size - descriptor.offset : 0});
  }

  std::optional<Event> stream_event(const Subscription& of, const Descriptor& descriptor) {
    const std::uint32_t ready = ready_of(descriptor.handle);
    const bool hang_up = (ready & abi::readiness::kHangUp) != 0;
    if ((ready & interest_of(of)) == 0 && !hang_up) return std::nullopt;
    // How much there is cannot be known without reading it: at least one byte, or the end.
    return Event{.bytes = 1, .hang_up = hang_up};
  }

  /// Writes an event for each subscription that something has happened to.
  WasiResult<std::uint32_t> report() {
    std::uint32_t written = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      const auto subscription = read(i);
      // Only the program's own events can have spoilt it: what was written before counts.
      if (!subscription) break;
      const auto event = TRY(event_of(*subscription));
      if (!event) continue;
      TRY(put_event(written, *subscription, *event));
      ++written;
    }
    return written;
  }

  Done put_event(std::uint32_t index, const Subscription& of, const Event& event) {
    Record<event_layout::kSize> record;
    record.put<std::uint64_t>(event_layout::kUserdata, of.userdata);
    record.put<std::uint16_t>(event_layout::kError, static_cast<std::uint16_t>(event.error));
    record.put<std::uint8_t>(event_layout::kType, static_cast<std::uint8_t>(of.type));
    record.put<std::uint64_t>(event_layout::kBytes, event.bytes);
    record.put<std::uint16_t>(event_layout::kFlags, event.hang_up ? kEventHangUp : 0);
    return call_.memory.store(to_ + index * event_layout::kSize, record.bytes());
  }

  Call& call_;
  const SubscriptionLayout& layout_;
  std::uint32_t from_;
  std::uint32_t to_;
  std::uint32_t count_;
  std::uint64_t started_ns_ = 0;
  std::uint64_t deadline_ns_ = abi::kNever;
  // A program has three streams; a host may give it more some day.
  std::array<abi::WaitItem, 8> items_{};
  std::size_t item_count_ = 0;
};

}  // namespace

Done poll_oneoff(Call& call) {
  return Poll(call).run();
}

}  // namespace quoll::wasi::calls
