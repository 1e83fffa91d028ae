// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spans: what is going on while lines are logged. A span belongs to the task that opened it and
// goes with it from hart to hart; outside of tasks it belongs to the hart.
#pragma once

#include <cstdint>
#include <optional>

namespace quoll::log {

class Span;

/// The spans that are open in one task or on one hart, innermost first. Whoever runs them has one
/// and tells the room of it with `Backend::spans`.
class SpanList {
 public:
  constexpr SpanList() = default;
  SpanList(const SpanList&) = delete;
  SpanList& operator=(const SpanList&) = delete;
  const Span* innermost() const noexcept { return innermost_; }

 private:
  friend class Span;
  const Span* innermost_ = nullptr;
};

/// Open from its construction to its destruction; lines name it, with its number if it has one.
/// May live in a coroutine across suspensions. *Context*: any; the destructor in the same task.
class [[nodiscard]] Span {
 public:
  /// *Requires*: `name` is a constant of the program.
  explicit Span(const char* name) noexcept;
  Span(const char* name, std::uint64_t number) noexcept;
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  ~Span() {
    if (list_ != nullptr) list_->innermost_ = outer_;
  }

  const char* name() const noexcept { return name_; }
  std::optional<std::uint64_t> number() const noexcept { return number_; }
  const Span* outer() const noexcept { return outer_; }

 private:
  const char* name_;
  std::optional<std::uint64_t> number_;
  SpanList* list_ = nullptr;
  const Span* outer_ = nullptr;
};

}  // namespace quoll::log
