// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Tally: how many commands of each kind a script has, and how many came out as it says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quoll::spec {

/// The kinds of commands, which are the columns of the suite's tables of counts.
enum class Kind : std::uint8_t {
  kModule,
  kModuleDefinition,
  kModuleInstance,
  kRegister,
  kAction,
  kAssertReturn,
  kAssertTrap,
  kAssertExhaustion,
  kAssertException,
  kAssertInvalid,
  kAssertMalformed,
  kAssertMalformedText,  ///< a module in the text format, which is for assemblers
  kAssertUnlinkable,
  kAssertUninstantiable,
};
inline constexpr std::size_t kKinds = 14;

/// The heading of the kind's column; without what is in brackets, the command's name.
constexpr std::string_view heading(Kind kind) {
  constexpr std::array<std::string_view, kKinds> kHeadings = {"module",
                                                              "module_definition",
                                                              "module_instance",
                                                              "register",
                                                              "action",
                                                              "assert_return",
                                                              "assert_trap",
                                                              "assert_exhaustion",
                                                              "assert_exception",
                                                              "assert_invalid",
                                                              "assert_malformed(bin)",
                                                              "assert_malformed(text)",
                                                              "assert_unlinkable",
                                                              "assert_uninstantiable"};
  return kHeadings[static_cast<std::size_t>(kind)];
}

/// The kind whose column has that heading.
constexpr std::optional<Kind> kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kKinds; ++i) {
    if (heading(static_cast<Kind>(i)) == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

/// What can be judged by a runtime of binary modules.
constexpr bool is_assertion(Kind kind) {
  return heading(kind).starts_with("assert_") && kind != Kind::kAssertMalformedText;
}

/// One number for each kind.
class Counts {
 public:
  unsigned& operator[](Kind kind) { return counts_[static_cast<std::size_t>(kind)]; }
  unsigned operator[](Kind kind) const { return counts_[static_cast<std::size_t>(kind)]; }
  Counts& operator+=(const Counts& other) {
    for (std::size_t i = 0; i < kKinds; ++i) counts_[i] += other.counts_[i];
    return *this;
  }
  friend bool operator==(const Counts&, const Counts&) = default;

  unsigned assertions() const {
    unsigned sum = 0;
    for (std::size_t i = 0; i < kKinds; ++i) {
      if (is_assertion(static_cast<Kind>(i))) sum += counts_[i];
    }
    return sum;
  }

 private:
  std::array<unsigned, kKinds> counts_{};
};

/// What became of a script, or of several.
struct Tally {
  Counts seen;
  Counts met;           ///< came out as the script says
  unsigned listed = 0;  ///< did not, and the list of exceptions says so
  unsigned faults = 0;  ///< everything else that a run fails for

  Tally& operator+=(const Tally& other) {
    seen += other.seen;
    met += other.met;
    listed += other.listed;
    faults += other.faults;
    return *this;
  }
};

}  // namespace quoll::spec
