// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// record: an event into the ring of the hart that runs this. Each architecture says in
// <quoll/arch/trace_local.hpp> where a hart's `trace::Local` is, and what time it is.
#pragma once

#include <cstdint>

#include <quoll/arch/trace_local.hpp>
#include <quoll/trace/local.hpp>

namespace quoll::trace {

/// Whether events of this group are recorded on this hart. Four instructions with the branch.
[[gnu::always_inline]] inline bool enabled(Group group) noexcept {
  return arch::trace_local().wants(group);
}

/// The time of records, in ticks.
[[gnu::always_inline]] inline std::uint64_t now() noexcept {
  return arch::trace_clock();
}

/// When something begins whose end will be recorded with `record_since`; 0 when it will not be.
[[gnu::always_inline]] inline std::uint64_t begin(Group group) noexcept {
  return enabled(group) ? now() : 0;
}

/// Records an event if its group is switched on: `record<Event::kWake>(from, task, by)`, with the
/// arguments that the table names, in its order. *Context*: any.
template <Event kEvent, Recordable... V>
[[gnu::always_inline]] inline void record(V... values) noexcept {
  Local& local = arch::trace_local();
  if (!local.wants(info(kEvent).group)) [[likely]]
    return;
  local.write<kEvent>(arch::trace_clock(), values...);
}

/// Records an event that began at `begun`, which is its last argument, unless that is 0. Goes by
/// what was switched on when it began.
template <Event kEvent, Recordable... V>
[[gnu::always_inline]] inline void record_since(std::uint64_t begun, V... values) noexcept {
  if (begun == 0) [[likely]]
    return;
  arch::trace_local().write<kEvent>(arch::trace_clock(), values..., begun);
}

}  // namespace quoll::trace
