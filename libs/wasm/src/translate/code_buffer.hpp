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

/// What a word of code names by its address: a handler, or something of the instance by its index.
enum class Named : std::uint8_t { kHandler, kFunction, kType, kTable, kMemory, kGlobal };

/// Says which word holds an address, and of what. A handler has no index.
struct CodeNote {
  std::uint32_t word = 0;
  Named named = Named::kHandler;
  std::uint32_t index = 0;
};

/// Words of code, with branches to be filled in. Running out of memory sticks.
class CodeBuffer {
 public:
  void clear() {
    words_.clear();
    sites_.clear();
    failed_ = false;
    if (notes_ != nullptr) notes_->clear();
  }
  /// Which words hold addresses is written down from now on, in `notes`, in no order. Nobody needs
  /// that to run the code.
  void keep_notes(containers::Vector<CodeNote>& notes) { notes_ = &notes; }
  bool failed() const { return failed_; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(words_.size()); }
  std::span<const std::uint64_t> words() const { return words_.span(); }
  /// As SiteReader reads them.
  std::span<const std::uint8_t> sites() const { return sites_.bytes(); }
  std::uint64_t& operator[](std::uint32_t word) { return words_[word]; }

  void append(std::uint64_t word) {
    if (words_.size() == words_.capacity()) [[unlikely]] {
      if (!make_room()) return;
    }
    words_.push_back_reserved(word);
  }
  void append(Handler handler) {
    if (notes_ != nullptr) [[unlikely]]
      note(size(), Named::kHandler);
    append(std::bit_cast<std::uint64_t>(handler));
  }
  /// Appends an address of something that is not a handler.
  void append(Named named, std::uint32_t index, const void* address) {
    note(size(), named, index);
    append(std::bit_cast<std::uint64_t>(address));
  }
  /// The word holds, or will hold, an address.
  void note(std::uint32_t word, Named named, std::uint32_t index = 0) {
    if (notes_ != nullptr && !notes_->try_push_back({word, named, index})) [[unlikely]]
      failed_ = true;
  }
  void truncate(std::uint32_t words) {
    words_.truncate(words);
    if (notes_ != nullptr) drop_notes();
  }
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
  /// For one word more, unless there is no memory or the code is too large already.
  bool make_room();
  /// Forgets the notes on words that are there no more.
  void drop_notes();

  containers::Vector<std::uint64_t> words_;
  SiteTable sites_;
  containers::Vector<CodeNote>* notes_ = nullptr;
  bool failed_ = false;
};

}  // namespace quoll::wasm
