// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walk sections: how a page table is known to be out of every lock-free walk.
//
// Each hart has a word that is odd while the hart walks. The walker and whoever unlinked a table
// meet like this:
//
//     walker                               unlinker
//     word = odd          (relaxed)        entry = vacant      (relaxed)
//     fence               (seq_cst)        fence               (seq_cst)
//     read entries        (acquire)        read word           (acquire)
//     word = even         (release)        odd: read it until it changes
//
// One of the two fences comes first. If it is the walker's, the unlinker reads the odd word, or a
// later one, and waits for the end of that section; what it then reads was written by a release
// behind all reads of the section, so the table's next user comes after them. If it is the
// unlinker's, the walker reads the vacant entry and never reaches the table. A hart that enters
// again while it is waited for is in a later section: the word has changed, which is enough.
//
// Most cursors of a hart want the table of granules that its last one had, so the hart remembers
// that table and need not go down to it. Whether it still is one is told by a count of the tables
// that were ever unlinked: `unlinked`. The hart reads the count while it has the table's lock, and
// again when it comes back, in a section and before it touches the table's record. Whoever unlinks
// the table takes its lock in between, and counts behind that: with a higher number than the first.
// So an equal number the second time means that the table was not unlinked, or that the count of it
// is not seen yet. In the latter case the walker's fence is the first of the two, for the count
// stands before the unlinker's like the vacant entry does; so the section is waited for, and until
// its end the record is that of a page table, which is stale and does not let itself be locked.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/paging/words.hpp>

namespace quoll::paging {

/// The table of granules that a hart locked last. The hart's own.
struct LastLeaf {
  const void* tree = nullptr;  ///< whose, or none
  std::uint64_t block = 0;     ///< which of the stretches that such a table covers
  std::uint64_t unlinked = 0;  ///< `unlinked()` when the hart had the lock
  mem::PhysicalAddress table;
  void* entries = nullptr;
  std::uint32_t* state = nullptr;  ///< of its record
  std::uint32_t* next = nullptr;
};

/// What walks of page tables enter and leave, by hart.
template <typename S>
concept Sections = requires(S& sections, const S& view, unsigned hart, void (*relax)()) {
  { sections.enter(hart) } noexcept -> std::same_as<void>;
  { sections.leave(hart) } noexcept -> std::same_as<void>;
  /// Returns when every hart below `hart` was seen outside of a section, or in a later one,
  /// since the call. *Requires*: the caller is in none.
  { sections.wait_for_walkers(hart, relax) } -> std::same_as<void>;
  /// How many tables were unlinked, and that one was.
  { view.unlinked() } noexcept -> std::same_as<std::uint64_t>;
  { sections.count_unlinked() } noexcept -> std::same_as<void>;
  { sections.last_leaf(hart) } noexcept -> std::same_as<LastLeaf&>;
};

/// The sections of one machine, for up to `kHarts` harts. Sections do not nest and do not block;
/// two threads never play the same hart at once.
template <std::size_t kHarts, typename Words = MachineWords>
class WalkSections {
 public:
  constexpr WalkSections() = default;
  WalkSections(const WalkSections&) = delete;
  WalkSections& operator=(const WalkSections&) = delete;

  void enter(unsigned hart) noexcept {
    Ref word(words_[hart].value);
    const std::uint64_t before = word.load(std::memory_order_relaxed);
    QUOLL_DEBUG_ASSERT(before % 2 == 0);
    word.store(before + 1, std::memory_order_relaxed);
    Words::fence(std::memory_order_seq_cst);
  }
  void leave(unsigned hart) noexcept {
    Ref word(words_[hart].value);
    const std::uint64_t before = word.load(std::memory_order_relaxed);
    QUOLL_DEBUG_ASSERT(before % 2 == 1);
    word.store(before + 1, std::memory_order_release);
  }
  template <typename Relax>
  void wait_for_walkers(unsigned hart_count, Relax&& relax) {
    QUOLL_ASSERT(hart_count <= kHarts);
    Words::fence(std::memory_order_seq_cst);
    for (unsigned hart = 0; hart < hart_count; ++hart) {
      Ref word(words_[hart].value);
      const std::uint64_t seen = word.load(std::memory_order_acquire);
      if (seen % 2 == 0) continue;
      while (word.load(std::memory_order_acquire) == seen) relax();
    }
  }
  std::uint64_t unlinked() const noexcept {
    return Ref(const_cast<std::uint64_t&>(unlinked_)).load(std::memory_order_relaxed);
  }
  void count_unlinked() noexcept { Ref(unlinked_).fetch_add(1, std::memory_order_relaxed); }
  LastLeaf& last_leaf(unsigned hart) noexcept { return words_[hart].last; }

 private:
  using Ref = typename Words::template Ref<std::uint64_t>;

  struct alignas(64) Word {
    std::uint64_t value = 0;
    LastLeaf last;
  };
  static_assert(sizeof(Word) == 64 || sizeof(void*) != 8);

  std::array<Word, kHarts> words_{};
  alignas(64) std::uint64_t unlinked_ = 0;
};

static_assert(Sections<WalkSections<1>>);

}  // namespace quoll::paging
