// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the engine asks of a system under test, and how a system says that it is not as its model.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operation.hpp"

namespace quoll::model {

/// The system and its model, or the raw bytes and the model, differ.
class Mismatch {
 public:
  explicit Mismatch(std::string what) : what_(std::move(what)) {}
  const std::string& what() const { return what_; }

 private:
  std::string what_;
};

template <typename... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void mismatch(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  throw Mismatch(text.str());
}

/// What has to hold. The parts say what did not.
template <typename... Parts>
void require(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]] {
    mismatch(parts...);
  }
}

/// One kind of operation: how often it is drawn, and everything that can come of it.
struct Kind {
  std::string_view name;
  std::uint32_t weight = 1;
  std::vector<std::string_view> outcomes;
  /// Out of how many of these one gets few frames and objects; 0: none.
  std::uint32_t scarce_one_in = 0;
};

/// What came of an operation.
struct Step {
  static constexpr std::uint32_t kIdle = 0xff;  ///< there was nothing to apply it to

  std::uint32_t outcome = kIdle;
  bool changed = false;  ///< whether the model's state is another one than before
};

/// A system under test together with its model.
class System {
 public:
  System() = default;
  System(const System&) = delete;
  System& operator=(const System&) = delete;
  virtual ~System() = default;

  /// Applies an operation to both. Throws `Mismatch` when they answer differently.
  virtual Step apply(const Operation& operation) = 0;
  /// Compares all of both states. Throws `Mismatch`.
  virtual void compare() = 0;
  /// Ends everything that lives and checks that all is as it was at the start.
  virtual void finish() = 0;
};

/// A system by its name.
struct SystemInfo {
  std::string_view name;
  std::span<const Kind> kinds;
  std::span<const unsigned> modes;
  std::unique_ptr<System> (*create)(unsigned mode, unsigned harts);
  /// Of a hundred steps of a run over all systems, how many are this one's.
  unsigned share = 0;
  /// Steps between a fresh system and its end.
  unsigned episode = 1000;
};

const SystemInfo& frames_system();
const SystemInfo& cursors_system();
const SystemInfo& spaces_system();
const SystemInfo& objects_system();

inline constexpr unsigned kTranslating[] = {39, 48, 57};
inline constexpr unsigned kUntranslated[] = {0};

}  // namespace quoll::model
