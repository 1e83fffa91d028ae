// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tests that run in the kernel, in GoogleTest's words.
//
//     KTEST(Frames, ComeBack) { EXPECT_EQ(before, after); }
//     KTEST_TASK(Sleep, EndsInTime) { CO_ASSERT_TRUE(co_await …); }
//     KTEST_DEATH(Panic, Stops, says("…")) { panic::stop("…"); }   a machine of its own, which
//                                                                  must stop with these words
#pragma once

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string_view>
#include <type_traits>

#include <quoll/async/task.hpp>
#include <quoll/kernel/tests/expectation.hpp>
#include <quoll/log/format.hpp>

namespace quoll::tests {

enum class Kind : std::uint8_t {
  kUsual,
  kApart,  ///< needs a machine of its own or somebody outside: runs only when named in full
  kDeath,  ///< likewise, and must not return
};

/// One test, in the section that the runner walks.
struct Test {
  const char* suite;
  const char* name;
  void (*plain)();
  async::Task<void> (*task)();
  Kind kind;
  const Expectations* expectations;
};

/// Notes that the running test has failed, and prints why.
void report_failure(const char* file, unsigned line, std::string_view message) noexcept;

namespace detail {

template <typename T>
constexpr bool kPrintable = std::constructible_from<log::Argument, T>;

template <typename A, typename B>
void report_comparison(const char* file, unsigned line, const char* expression, const A& a,
                       const B& b) noexcept {
  char text[200];
  std::size_t size = 0;
  if constexpr (kPrintable<A> && kPrintable<B>) {
    size = log::format_to(std::span<char>(text), "{}, with {} and {}", expression, a, b);
  } else {
    size = log::format_to(std::span<char>(text), "{}", expression);
  }
  report_failure(file, line, std::string_view(text, size));
}

class Contained;

/// Its promise: a panic goes no further.
class ContainedPromise {
 public:
  static void* operator new(std::size_t size) noexcept {
    return ::operator new(size, std::nothrow);
  }
  static void operator delete(void* frame) noexcept { ::operator delete(frame); }
  Contained get_return_object() noexcept;
  static Contained get_return_object_on_allocation_failure() noexcept;
  std::suspend_never initial_suspend() const noexcept { return {}; }
  std::suspend_always final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  void unhandled_exception() noexcept { panicked_ = true; }
  bool panicked() const noexcept { return panicked_; }

 private:
  bool panicked_ = false;
};

/// A coroutine that runs at once, cannot suspend, and keeps what panics in it to itself.
class Contained {
 public:
  using promise_type = ContainedPromise;

  explicit Contained(std::coroutine_handle<ContainedPromise> handle) noexcept : handle_(handle) {}
  Contained(const Contained&) = delete;
  Contained& operator=(const Contained&) = delete;
  ~Contained() {
    if (handle_) handle_.destroy();
  }
  bool panicked() const noexcept { return handle_ && handle_.promise().panicked(); }

 private:
  std::coroutine_handle<ContainedPromise> handle_;
};

inline Contained ContainedPromise::get_return_object() noexcept {
  return Contained(std::coroutine_handle<ContainedPromise>::from_promise(*this));
}
inline Contained ContainedPromise::get_return_object_on_allocation_failure() noexcept {
  return Contained({});
}

template <typename F>
Contained run_contained(F& action) {
  action();
  co_return;
}

/// Whether `action` ends in a panic that can be contained.
template <typename F>
bool panics(F action) {
  return run_contained(action).panicked();
}

/// Whether a task that was awaited with `contained()` has panicked.
template <typename R>
bool has_panicked(const R& result) noexcept {
  return !result.has_value() && result.error() == async::TaskError::kPanicked;
}

}  // namespace detail
}  // namespace quoll::tests

#define QUOLL_TEST_(suite, name, plain, task, kind, ...)                                   \
  static constexpr ::quoll::tests::Expectations quoll_test_expectations_##suite##_##name = \
      QUOLL_EXPECTATIONS_(__VA_ARGS__);                                                    \
  [[gnu::section(".quoll_tests"), gnu::used,                                               \
    gnu::retain]] const ::quoll::tests::Test quoll_test_##suite##_##name {                 \
    #suite, #name, plain, task, ::quoll::tests::Kind::kind,                                \
        &quoll_test_expectations_##suite##_##name                                          \
  }
#define QUOLL_PLAIN_TEST_(suite, name, kind, ...)                                          \
  static void quoll_test_body_##suite##_##name();                                          \
  QUOLL_TEST_(suite, name, &quoll_test_body_##suite##_##name, nullptr, kind, __VA_ARGS__); \
  static void quoll_test_body_##suite##_##name()
#define QUOLL_TASK_TEST_(suite, name, kind, ...)                                           \
  static ::quoll::async::Task<void> quoll_test_body_##suite##_##name();                    \
  QUOLL_TEST_(suite, name, nullptr, &quoll_test_body_##suite##_##name, kind, __VA_ARGS__); \
  static ::quoll::async::Task<void> quoll_test_body_##suite##_##name()

// Behind its name, each may say how it runs and what is to be read on the console:
// `expectation.hpp`.

/// A test that suspends nowhere.
#define KTEST(suite, name, ...) QUOLL_PLAIN_TEST_(suite, name, kUsual, __VA_ARGS__)
/// A test that is a coroutine.
#define KTEST_TASK(suite, name, ...) QUOLL_TASK_TEST_(suite, name, kUsual, __VA_ARGS__)
/// A test that only runs when `tests=` names it in full.
#define KTEST_APART(suite, name, ...) QUOLL_PLAIN_TEST_(suite, name, kApart, __VA_ARGS__)
/// A coroutine that only runs when `tests=` names it in full: somebody outside takes part.
#define KTEST_TASK_APART(suite, name, ...) QUOLL_TASK_TEST_(suite, name, kApart, __VA_ARGS__)
/// A test that stops the machine; whoever started the machine looks at its status and last words.
#define KTEST_DEATH(suite, name, ...) QUOLL_PLAIN_TEST_(suite, name, kDeath, __VA_ARGS__)
/// The same as a coroutine.
#define KTEST_TASK_DEATH(suite, name, ...) QUOLL_TASK_TEST_(suite, name, kDeath, __VA_ARGS__)

#define QUOLL_EXPECT_(condition, text, leave)                             \
  do {                                                                    \
    if (!(condition)) {                                                   \
      ::quoll::tests::report_failure(__FILE__, unsigned{__LINE__}, text); \
      leave;                                                              \
    }                                                                     \
  } while (false)
#define QUOLL_COMPARE_(a, op, b, leave)                                                          \
  do {                                                                                           \
    const auto& quoll_a = (a);                                                                   \
    const auto& quoll_b = (b);                                                                   \
    if (!(quoll_a op quoll_b)) {                                                                 \
      ::quoll::tests::detail::report_comparison(__FILE__, unsigned{__LINE__}, #a " " #op " " #b, \
                                                quoll_a, quoll_b);                               \
      leave;                                                                                     \
    }                                                                                            \
  } while (false)

#define EXPECT_TRUE(condition) QUOLL_EXPECT_(condition, #condition, (void)0)
#define EXPECT_FALSE(condition) QUOLL_EXPECT_(!(condition), "!(" #condition ")", (void)0)
#define EXPECT_EQ(a, b) QUOLL_COMPARE_(a, ==, b, (void)0)
#define EXPECT_NE(a, b) QUOLL_COMPARE_(a, !=, b, (void)0)
#define EXPECT_LT(a, b) QUOLL_COMPARE_(a, <, b, (void)0)
#define EXPECT_LE(a, b) QUOLL_COMPARE_(a, <=, b, (void)0)
#define EXPECT_GT(a, b) QUOLL_COMPARE_(a, >, b, (void)0)
#define EXPECT_GE(a, b) QUOLL_COMPARE_(a, >=, b, (void)0)

/// The statement, which suspends nowhere, panics, and the panic can be contained. Its report is on
/// the console: the test declares it with `says`.
#define EXPECT_PANIC(...)                                                                       \
  QUOLL_EXPECT_(::quoll::tests::detail::panics([&] { __VA_ARGS__; }), "a panic: " #__VA_ARGS__, \
                (void)0)
/// The same of a task, awaited here.
#define CO_EXPECT_PANIC(...)                                                              \
  QUOLL_EXPECT_(::quoll::tests::detail::has_panicked(co_await (__VA_ARGS__).contained()), \
                "a panic: " #__VA_ARGS__, (void)0)

#define ASSERT_TRUE(condition) QUOLL_EXPECT_(condition, #condition, return)
#define ASSERT_FALSE(condition) QUOLL_EXPECT_(!(condition), "!(" #condition ")", return)
#define ASSERT_EQ(a, b) QUOLL_COMPARE_(a, ==, b, return)
#define ASSERT_NE(a, b) QUOLL_COMPARE_(a, !=, b, return)

#define CO_ASSERT_TRUE(condition) QUOLL_EXPECT_(condition, #condition, co_return)
#define CO_ASSERT_FALSE(condition) QUOLL_EXPECT_(!(condition), "!(" #condition ")", co_return)
#define CO_ASSERT_EQ(a, b) QUOLL_COMPARE_(a, ==, b, co_return)
#define CO_ASSERT_NE(a, b) QUOLL_COMPARE_(a, !=, b, co_return)
