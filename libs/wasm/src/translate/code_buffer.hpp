// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// CodeBuffer: threaded code while it is being written.
#pragma once

#include <bit>
#include <cstdint>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/limits.hpp>

#include "interpret/handler.hpp"
#include "translate/trap_sites.hpp"

namespace quoll::wasm {

/// A branch whose distance is not known yet: the place of its distance field. Fields that wait
/// for the same label form a list through themselves.
class PendingBranch {
 public:
  enum class Field : std::uint8_t {
    kSecondWord,  ///< upper half of a cell's second word; counts from the cell
    kThirdWord,   ///< lower half of a cell's third word; counts from the cell
    kTableLow,    ///< half a word of a branch table; counts from itself
    kTableHigh,
  };

  constexpr PendingBranch() = default;
  constexpr PendingBranch(std::uint32_t word, Field field)
      : bits_(word << 2 | static_cast<std::uint32_t>(field)) {}
  constexpr bool exists() const { return bits_ != kNone; }
  constexpr std::uint32_t word() const { return bits_ >> 2; }
  constexpr Field field() const { return static_cast<Field>(bits_ & 3); }
  constexpr std::uint32_t bits() const { return bits_; }
  static constexpr PendingBranch from_bits(std::uint32_t bits) {
    PendingBranch branch;
    branch.bits_ = bits;
    return branch;
  }

 private:
  static constexpr std::uint32_t kNone = 0xffffffffu;
  std::uint32_t bits_ = kNone;
};
static_assert(kMaxCodeBytes / kWordBytes <= 1u << 30);

/// Words of code, with branches to be filled in. Running out of memory sticks.
class CodeBuffer {
 public:
  void clear() {
    words_.clear();
    sites_.clear();
    failed_ = false;
  }
  bool failed() const { return failed_; }
  bool too_large() const { return words_.size() > kMaxCodeBytes / kWordBytes; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(words_.size()); }
  std::span<const std::uint64_t> words() const { return words_.span(); }
  /// As SiteReader reads them.
  std::span<const std::uint8_t> sites() const { return sites_.bytes(); }
  std::uint64_t& operator[](std::uint32_t word) { return words_[word]; }

  void append(std::uint64_t word) {
    if (too_large() || !words_.try_push_back(word)) failed_ = true;
  }
  void append(Handler handler) { append(std::bit_cast<std::uint64_t>(handler)); }
  void truncate(std::uint32_t words) { words_.truncate(words); }
  /// The next cell can trap, or calls; its instruction stands at `offset` in the body.
  void add_site(std::uint32_t offset) {
    if (!sites_.try_add({size(), offset})) failed_ = true;
  }

  /// Lets a branch go to `target`.
  void resolve(PendingBranch branch, std::uint32_t target);
  /// Puts a branch at the head of the list of those that wait with it.
  void link(PendingBranch branch, PendingBranch& head);
  /// Lets all branches of the list go to `target`, and empties it.
  void resolve_all(PendingBranch& head, std::uint32_t target);

 private:
  std::uint32_t field(PendingBranch branch) const;
  void set_field(PendingBranch branch, std::uint32_t value);
  bool is_valid(PendingBranch branch) const { return branch.word() < words_.size(); }

  containers::Vector<std::uint64_t> words_;
  SiteTable sites_;
  bool failed_ = false;
};

}  // namespace quoll::wasm
