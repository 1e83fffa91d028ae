// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The explorer: Relacy, which runs a few threads of a model in every order that it is told to, and
// lets each atomic access see what the memory model of C++ lets it see, old values included. Here
// are its atomic and its plain words in the shape of ours, the command line, and the controls: ways
// to weaken the words of a model, each of which the explorer must notice.
//
// Its header redefines words of the language, so everything else is included before it, and one
// model is one program of one translation unit.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <relacy/relacy.hpp>
#include <source_location>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include <quoll/base/assert.hpp>

#undef VAR
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#undef Sleep

namespace quoll::races {

// Sources whose words are aside in a program: where all schedules up to a bound are explored, no
// thread is preempted just before one of their accesses. They have models of their own, or do not
// matter to this one; it brings more preemptions of the others within reach. Schedules by chance
// leave nothing aside.
#ifndef QUOLL_RACES_ASIDE
#define QUOLL_RACES_ASIDE ""
#endif

/// Whether such words are left aside in what is explored now.
inline constinit bool leaves_aside = false;

/// Where an access is written, and whether it is aside.
class Where {
 public:
  static consteval Where current(std::source_location at = std::source_location::current()) {
    return Where(at);
  }
  const char* function() const { return at_.function_name(); }
  const char* file() const { return at_.file_name(); }
  unsigned line() const { return at_.line(); }
  bool is_aside() const { return is_aside_ && leaves_aside; }

 private:
  consteval explicit Where(std::source_location at) : at_(at) {
    const std::string_view file(at.file_name());
    for (const std::string_view name : {QUOLL_RACES_ASIDE}) {
      if (!name.empty() && file.ends_with(name)) is_aside_ = true;
    }
  }

  std::source_location at_;
  bool is_aside_ = false;
};

inline rl::debug_info info_of(const Where& where) {
  return {where.function(), where.file(), where.line()};
}

/// One access, before which no thread is preempted if it is aside.
class Access {
 public:
  explicit Access(const Where& where) : where_(where), is_aside_(where.is_aside()) {
    if (is_aside_) rl::ctx().disable_preemption();
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  ~Access() {
    if (is_aside_) rl::ctx().enable_preemption();
  }
  rl::debug_info info() const { return info_of(where_); }

 private:
  const Where& where_;
  const bool is_aside_;
};

/// What a control weakens: the accesses of one kind of word, as the model calls it, in one way.
enum class Weakening : std::uint8_t {
  kNone,
  kAcquire,   ///< loads and exchanges acquire nothing
  kRelease,   ///< stores and exchanges release nothing
  kOrders,    ///< every access is relaxed
  kSequence,  ///< no access is sequentially consistent: each acquires and releases, no more
  kFence,     ///< fences are left out
  kCheck,     ///< a comparison is left out; the model says which
  kBroken,    ///< what the list of the program calls by the control's name; in a copy only
};

/// One way to weaken a model.
struct Control {
  const char* name;
  unsigned kind;  ///< of the words, as the model numbers them
  Weakening weakening;
};

inline constinit Control active_control{"", 0, Weakening::kNone};

inline bool is_weakened(unsigned kind, Weakening weakening) {
  return active_control.weakening == weakening && active_control.kind == kind;
}

/// For copies of sources: whether the control of that name is tried.
inline bool is_broken(std::string_view name) {
  return active_control.weakening == Weakening::kBroken && name == active_control.name;
}
#ifdef QUOLL_RACES_BROKEN
inline constexpr bool kHasBrokenCopy = true;
#else
inline constexpr bool kHasBrokenCopy = false;
#endif

inline std::memory_order weakened(std::memory_order order, unsigned kind) {
  using enum std::memory_order;
  if (is_weakened(kind, Weakening::kOrders)) return relaxed;
  if (is_weakened(kind, Weakening::kSequence) && order == seq_cst) return acq_rel;
  if (is_weakened(kind, Weakening::kAcquire)) {
    if (order == acquire) return relaxed;
    if (order == acq_rel) return release;
  }
  if (is_weakened(kind, Weakening::kRelease)) {
    if (order == release) return relaxed;
    if (order == acq_rel) return acquire;
  }
  return order;
}

inline rl::memory_order explored(std::memory_order order) {
  switch (order) {
    case std::memory_order::relaxed:
      return rl::mo_relaxed;
    case std::memory_order::consume:
    case std::memory_order::acquire:
      return rl::mo_acquire;
    case std::memory_order::release:
      return rl::mo_release;
    case std::memory_order::acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order::seq_cst:
      return rl::mo_seq_cst;
  }
  std::abort();
}

/// An atomic word of a model, with the operations of `std::atomic`.
template <typename T, unsigned kKind = 0>
class Atomic {
 public:
  Atomic() : Atomic(T{}) {}
  explicit Atomic(T value) : word_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(std::memory_order order = std::memory_order_seq_cst,
         Where where = Where::current()) const {
    return word_.load(loading(order), Access(where).info());
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst,
             Where where = Where::current()) {
    const rl::memory_order to = relacy(order);
    word_.store(value, to == rl::mo_acq_rel ? rl::mo_release : to, Access(where).info());
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
             Where where = Where::current()) {
    return word_.exchange(value, relacy(order), Access(where).info());
  }
  T fetch_add(T value, std::memory_order order = std::memory_order_seq_cst,
              Where where = Where::current()) {
    return word_.fetch_add(value, relacy(order), Access(where).info());
  }
  T fetch_sub(T value, std::memory_order order = std::memory_order_seq_cst,
              Where where = Where::current()) {
    return word_.fetch_sub(value, relacy(order), Access(where).info());
  }
  T fetch_or(T value, std::memory_order order = std::memory_order_seq_cst,
             Where where = Where::current()) {
    return word_.fetch_or(value, relacy(order), Access(where).info());
  }
  T fetch_and(T value, std::memory_order order = std::memory_order_seq_cst,
              Where where = Where::current()) {
    return word_.fetch_and(value, relacy(order), Access(where).info());
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order order,
                             std::memory_order failure, Where where = Where::current()) {
    return word_.compare_exchange(rl::bool_t<true>(), expected, value, relacy(order),
                                  loading(failure), Access(where).info());
  }
  bool compare_exchange_weak(T& expected, T value,
                             std::memory_order order = std::memory_order_seq_cst,
                             Where where = Where::current()) {
    return word_.compare_exchange(rl::bool_t<true>(), expected, value, relacy(order),
                                  Access(where).info());
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order order,
                               std::memory_order failure, Where where = Where::current()) {
    if (is_weakened(kKind, Weakening::kCheck)) return replaced(value, order, where);
    return word_.compare_exchange(rl::bool_t<false>(), expected, value, relacy(order),
                                  loading(failure), Access(where).info());
  }
  bool compare_exchange_strong(T& expected, T value,
                               std::memory_order order = std::memory_order_seq_cst,
                               Where where = Where::current()) {
    if (is_weakened(kKind, Weakening::kCheck)) return replaced(value, order, where);
    return word_.compare_exchange(rl::bool_t<false>(), expected, value, relacy(order),
                                  Access(where).info());
  }

 private:
  /// A comparison that was left out.
  bool replaced(T value, std::memory_order order, Where where) {
    (void)word_.exchange(value, relacy(order), Access(where).info());
    return true;
  }
  static rl::memory_order relacy(std::memory_order order) {
    return explored(weakened(order, kKind));
  }
  static rl::memory_order loading(std::memory_order order) {
    const rl::memory_order to = relacy(order);
    return to == rl::mo_acq_rel ? rl::mo_acquire : to;
  }

  rl::atomic<T> word_;
};

/// A plain word of a model. Two accesses that nothing orders, one of them a store, are a race.
template <typename T>
class Plain {
 public:
  Plain() = default;
  explicit Plain(T value) { store(value); }
  Plain(const Plain&) = delete;

  T load(Where where = Where::current()) const { return word_(info_of(where)).load(); }
  void store(T value, Where where = Where::current()) { word_(info_of(where)).store(value); }
  // As if it were a T.
  operator T() const { return load(); }  // NOLINT(google-explicit-constructor)
  Plain& operator=(T value) {            // NOLINT(misc-unconventional-assign-operator)
    store(value);
    return *this;
  }

 private:
  rl::var<T> word_;
};

/// The thread that runs now.
inline unsigned self() {
  return rl::thread_index();
}
/// Lets the others go on until something has changed.
inline void relax(Where where = Where::current()) {
  rl::ctx().yield(1, info_of(where));
}
/// The law that a model states of what it has seen.
inline void require(bool condition, const char* law, Where where = Where::current()) {
  if (!condition) rl::ctx().fail_test(law, rl::test_result_user_assert_failed, info_of(where));
}

/// For as long as it lives no other thread runs: what stands in for parts that are not explored.
class Uninterrupted {
 public:
  Uninterrupted() { rl::ctx().disable_preemption(); }
  Uninterrupted(const Uninterrupted&) = delete;
  Uninterrupted& operator=(const Uninterrupted&) = delete;
  ~Uninterrupted() { rl::ctx().enable_preemption(); }
};

/// What the command line asks for.
struct Options {
  unsigned bound = 3;
  std::uint64_t random = 0;  ///< schedules by chance rather than all of them
  bool controls = false;
  bool is_long = false;
  bool every_word = false;  ///< nothing is left aside
  std::string only;
  std::string replay;
};

/// A model: one suite of threads and what it is called.
struct Model {
  const char* name;
  bool (*simulate)(rl::test_params&);
  // How many preemptions are explored wholly, every day and on request, and how many schedules are
  // then tried by chance where that is few.
  unsigned bound;
  unsigned long_bound;
  std::uint64_t random;
  std::span<const Control> controls;
};

namespace detail {

inline bool passes(const Model& model, const Options& options, std::ostream& history,
                   rl::test_params& params) {
  static std::ofstream nowhere;
  params.output_stream = &history;
  params.progress_stream = &nowhere;
  params.context_bound = options.bound;
  leaves_aside = !options.every_word && options.random == 0;
  params.execution_depth_limit = 20000;
  params.search_type = rl::sched_bound;
  if (options.random != 0) {
    params.search_type = rl::sched_random;
    params.iteration_count = options.random;
  }
  if (!options.replay.empty()) {
    params.initial_state = options.replay;
    params.collect_history = true;
  }
  return model.simulate(params);
}

inline std::string how(const Options& options) {
  if (options.random != 0) return "by chance";
  return "bound " + std::to_string(options.bound) + (options.every_word ? ", every word" : "");
}

inline bool explore(const Model& model, const Options& options) {
  std::ostringstream history;
  rl::test_params params;
  const bool is_sound = passes(model, options, history, params);
  if (is_sound) {
    std::printf("%s: %llu schedules, %s: sound\n", model.name,
                static_cast<unsigned long long>(params.stop_iteration), how(options).c_str());
    return true;
  }
  std::printf("%s%s: broken in schedule %llu, %s\nagain: --only %s %s%s%s--replay '%s'\n",
              history.str().c_str(), model.name,
              static_cast<unsigned long long>(params.stop_iteration), how(options).c_str(),
              model.name, options.random != 0 ? "--random 1 " : "",
              options.random != 0 ? "" : ("--bound " + std::to_string(options.bound) + " ").c_str(),
              options.every_word ? "--every-word " : "", params.final_state.c_str());
  return false;
}

/// A control is caught when its model breaks.
inline bool is_caught(const Model& model, const Control& control, const Options& options) {
  active_control = control;
  bool caught = false;
  std::ostringstream history;
  // Most break soon; some need more preemptions than others.
  for (unsigned bound = 1; !caught && bound <= options.bound; ++bound) {
    rl::test_params params;
    Options now = options;
    now.bound = bound;
    caught = !passes(model, now, history, params);
    if (!caught) continue;
    std::printf("%s, %s: caught in schedule %llu, %s: %s\n", model.name, control.name,
                static_cast<unsigned long long>(params.stop_iteration), how(now).c_str(),
                rl::test_result_str(params.test_result));
  }
  active_control = {};
  if (!caught) std::printf("%s, %s: NOT caught\n", model.name, control.name);
  return caught;
}

inline int usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--long | --bound N | --random SCHEDULES] [--only MODEL] "
               "[--every-word] [--replay STATE] [--controls]\n",
               program);
  return 2;
}

}  // namespace detail

/// Explores all models, or the one that `--only` names, or shows that each control is caught.
// NOLINTNEXTLINE(readability-function-cognitive-complexity): one word after the other
inline int run(int argc, char** argv, std::span<const Model> models) {
  Options options;
  bool has_bound = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--controls" || word == "--long" || word == "--every-word") {
      (word == "--long"       ? options.is_long
       : word == "--controls" ? options.controls
                              : options.every_word) = true;
      continue;
    }
    if (i + 1 == argc) return detail::usage(argv[0]);
    const char* value = argv[++i];
    if (word == "--bound") {
      options.bound = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
      has_bound = true;
    } else if (word == "--random") {
      options.random = std::strtoull(value, nullptr, 10);
    } else if (word == "--only") {
      options.only = value;
    } else if (word == "--replay") {
      options.replay = value;
    } else {
      return detail::usage(argv[0]);
    }
  }
  bool is_good = true;
  bool found = false;
  for (const Model& model : models) {
    if (!options.only.empty() && options.only != model.name) continue;
    found = true;
    Options now = options;
    if (!has_bound) now.bound = options.is_long ? model.long_bound : model.bound;
    if (!options.controls) {
      is_good = detail::explore(model, now) && is_good;
      if (has_bound || options.random != 0 || !options.replay.empty() || model.random == 0)
        continue;
      now.random = options.is_long ? 20 * model.random : model.random;
      is_good = detail::explore(model, now) && is_good;
      continue;
    }
    now.bound = std::max(now.bound, 3U);
    for (const Control& control : model.controls) {
      if (control.weakening == Weakening::kBroken && !kHasBrokenCopy) continue;
      is_good = detail::is_caught(model, control, now) && is_good;
    }
  }
  if (!found) return detail::usage(argv[0]);
  return is_good ? 0 : 1;
}

}  // namespace quoll::races

namespace quoll::base {

/// A broken invariant of what is explored ends the schedule.
// NOLINTNEXTLINE(misc-definitions-in-headers): a program of models is one translation unit
void assertion_failed(const char* expression, const char* file, unsigned line) {
  rl::ctx().fail_test(expression, rl::test_result_user_assert_failed, {"", file, line});
  std::abort();
}

}  // namespace quoll::base
