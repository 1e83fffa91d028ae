// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a test's machine must say on its console, declared beside the test and compared by whoever
// started the machine (tools/lib/quoll/expectation.py).
//
//     KTEST_DEATH(Failures, NullRead, says("null pointer: load page fault…"), names("read_null"))
//
// `…` stands for anything.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace quoll::tests {

/// One demand: a word that says which, and its texts, in order.
class Expectation {
 public:
  static constexpr std::size_t kMost = 6;

  constexpr Expectation() = default;
  template <std::convertible_to<const char*>... T>
    requires(sizeof...(T) <= kMost)
  constexpr explicit Expectation(const char* word, T... texts)
      : word_(word), texts_{texts...}, count_(sizeof...(T)) {}

  constexpr const char* word() const noexcept { return word_; }
  constexpr std::span<const char* const> texts() const noexcept {
    return std::span(texts_).first(count_);
  }

 private:
  const char* word_ = nullptr;
  std::array<const char*, kMost> texts_{};
  std::size_t count_ = 0;
};

/// The first report's message, whole. A death test stops the machine with it, any other contains
/// it; there is no report but those that are declared.
constexpr Expectation says(const char* message) {
  return Expectation("says", message);
}
/// The next report's message. What follows is said of this report.
constexpr Expectation then(const char* message) {
  return Expectation("then", message);
}
/// Functions in the report's backtrace, innermost first; others may stand between. With
/// " (inlined)" behind it, one that must be shown as inlined.
template <typename... T>
constexpr Expectation names(T... functions) {
  return Expectation("names", functions...);
}
/// Lines that must be there, or parts of them.
template <typename... T>
constexpr Expectation prints(T... lines) {
  return Expectation("prints", lines...);
}
/// The same report comes so many times on each hart.
constexpr Expectation on_each_hart(const char* times) {
  return Expectation("on_each_hart", times);
}
/// How many harts the machine must have; several: one machine after the other.
template <typename... T>
constexpr Expectation harts(T... counts) {
  return Expectation("harts", counts...);
}
/// What the machine must be started with.
template <typename... T>
constexpr Expectation bootargs(T... arguments) {
  return Expectation("bootargs", arguments...);
}

/// The test shares nothing that another one could disturb: it runs together with others that say
/// so. Its expectations stand in its own task, and nobody balances its accounts.
constexpr Expectation beside_others() {
  return Expectation("beside_others");
}
/// How much guest time it may take, such as "200ms", if not what `tests.limit` says.
constexpr Expectation within(const char* time) {
  return Expectation("within", time);
}
/// Frames, heap or tasks are more or fewer afterwards, for this reason. Otherwise that is a failure
/// of a test that runs alone.
constexpr Expectation unbalanced(const char* reason) {
  return Expectation("unbalanced", reason);
}

/// All that one test declares.
class Expectations {
 public:
  static constexpr std::size_t kMost = 8;

  template <std::same_as<Expectation>... E>
    requires(sizeof...(E) <= kMost)
  constexpr explicit Expectations(E... expectations)
      : all_{expectations...}, count_(sizeof...(E)) {}
  constexpr std::span<const Expectation> all() const noexcept {
    return std::span(all_).first(count_);
  }
  /// The first with that word, or null.
  constexpr const Expectation* find(std::string_view word) const noexcept {
    for (const Expectation& one : all()) {
      if (one.word() == word) return &one;
    }
    return nullptr;
  }

 private:
  std::array<Expectation, kMost> all_{};
  std::size_t count_ = 0;
};

}  // namespace quoll::tests

/// `Expectations` of words that need no namespace.
#define QUOLL_EXPECTATIONS_(...)                 \
  [] {                                           \
    using namespace ::quoll::tests; /* NOLINT */ \
    return Expectations(__VA_ARGS__);            \
  }()
