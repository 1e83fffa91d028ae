// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "awaiting.hpp"

#include <coroutine>
#include <optional>

#include <quoll/arch/user_memory.hpp>
#include <quoll/async/promise_link.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::panic {
namespace {

constexpr unsigned kMaxCoroutines = 32;

/// A link of the chain, copied.
struct Link : async::PromiseLink {};

// The chain may be what was destroyed: it is read by the one routine that faults may meet.
template <typename T>
bool read(const void* from, T& into) noexcept {
  return arch::UserMemory::copy_in(&into, mem::address_of(from), sizeof(T)) == sizeof(T);
}

std::uint64_t linked(const void* code) noexcept {
  return mem::address_of(code).value() - tracing::kernel_bias();
}

// The code that goes on with a coroutine, which lies at the start of its frame.
const void* function_of(const async::PromiseLink& link) noexcept {
  const void* const frame =
      std::coroutine_handle<const async::PromiseLink>::from_promise(link).address();
  const void* function = nullptr;
  return read(frame, function) ? function : nullptr;
}

std::string_view name_of(const void* function, const backtrace::Symbols& symbols) noexcept {
  if (function == nullptr) return {};
  const auto location = symbols.find(linked(function));
  return location ? location->places[location->count - 1].function : std::string_view{};
}

// Where it waits, told by the line of its own code: what is inlined there is the awaiter's.
backtrace::Place place_of(std::string_view name, const void* suspended_at,
                          const backtrace::Symbols& symbols) noexcept {
  backtrace::Place place;
  place.function = name;
  if (suspended_at == nullptr) return place;
  const auto location = symbols.find(linked(suspended_at));
  if (!location) return place;
  // Its code may have been put into that of the coroutine which resumes it.
  for (const backtrace::Place& candidate : location->all()) {
    if (candidate.function == name || name.empty()) place = candidate;
  }
  return place;
}

}  // namespace

void print_awaiting(Sink sink, backtrace::Style style, const backtrace::Symbols* symbols) noexcept {
  const async::TaskHeader* const task = exec::current_task();
  if (task == nullptr || style == backtrace::Style::kOff) return;
  const async::PromiseLink* at = task->innermost();
  Link link;
  if (at == nullptr || !read(at, link)) return;
  for (unsigned number = 0; number < kMaxCoroutines; ++number) {
    at = link.awaited_by();
    if (at == nullptr) return;
    if (!read(at, link)) return say(sink, "    (the chain is not sound beyond this)\n");
    if (number == 0) say(sink, "  awaited by:\n");
    const void* const function = function_of(*at);
    const void* const pc = link.suspended_at() != nullptr ? link.suspended_at() : function;
    backtrace::Place place;
    if (symbols != nullptr) {
      place = place_of(name_of(function, *symbols), link.suspended_at(), *symbols);
    }
    backtrace::print_place(sink, style, number, mem::address_of(pc).value(), place);
  }
  say(sink, "    (and more)\n");
}

}  // namespace quoll::panic
