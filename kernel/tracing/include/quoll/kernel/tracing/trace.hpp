// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The trace of the whole machine: every hart's ring, switched on and read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/trace/dump.hpp>
#include <quoll/trace/group.hpp>

namespace quoll::tracing {

/// How many records each hart keeps when nobody says how many.
inline constexpr std::size_t kDefaultTraceSize = 256;
inline constexpr std::size_t kMaxTraceSize = std::size_t{1} << 22;

/// Decides what every hart is going to record, and how many records it keeps (rounded to a power
/// of two within bounds). *Context*: boot hart, before any `start_hart_trace`.
void configure_trace(trace::GroupMask groups, std::size_t size,
                     std::uint64_t ticks_per_second) noexcept;

/// Gives this hart its ring and lets it record. A hart for whose ring there is no memory goes
/// without. *Context*: each hart, once, when memory can be allocated.
void start_hart_trace() noexcept;

/// Switches groups on and off, on every hart that has a ring. *Context*: any.
void record_groups(trace::GroupMask groups) noexcept;
/// What is recorded now.
trace::GroupMask recorded_groups() noexcept;

/// Each hart's share, by logical id; null for one without a ring.
std::span<const trace::Local* const> trace_locals() noexcept;

/// Keeps a guest's name for the trace; the oldest of many is forgotten. *Context*: task.
void note_guest(std::uint64_t guest, std::uint64_t task, std::string_view name) noexcept;

/// What a dump of the whole machine is made of. *Requires*: recording is off until it is complete.
trace::DumpSource dump_source() noexcept;

/// The words for numbers in records.
trace::Vocabulary trace_words() noexcept;

/// Writes the last `count` records of a hart, the oldest first, as lines, behind one that says what
/// the hart does now. *Context*: any, panics included: takes no lock, allocates nothing.
void print_last(unsigned hart, std::size_t count, void (*put)(std::string_view)) noexcept;
/// The same for every hart that has a ring.
void print_last_of_all(std::size_t count, void (*put)(std::string_view)) noexcept;

}  // namespace quoll::tracing
