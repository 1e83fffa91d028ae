// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Words of page tables, their records and the walk sections, as the explorer sees them: what lies
// in memory is only an address; the value is an atomic of the explorer beside it.
#pragma once

#include "explorer.hpp"

namespace quoll::races {

/// Finds the explorer's atomic for each word.
class SharedWords {
 public:
  /// What kinds of words there are, for controls.
  enum Kind : unsigned { kEntry, kRecord, kWalk };
  static constexpr std::size_t kMost = 128;

  /// The model in whose memory all words lie now.
  static inline constinit SharedWords* current = nullptr;

  /// Entries and walk words are told apart by where they lie; the rest is records.
  void place(const void* entries, std::size_t entry_bytes, const void* walks,
             std::size_t walk_bytes) {
    entries_ = address(entries);
    entries_end_ = entries_ + entry_bytes;
    walks_ = address(walks);
    walks_end_ = walks_ + walk_bytes;
  }
  Kind kind(const void* word) const {
    const std::uintptr_t at = address(word);
    if (at >= entries_ && at < entries_end_) return kEntry;
    return at >= walks_ && at < walks_end_ ? kWalk : kRecord;
  }
  /// Whether only this thread writes a walk word: each hart has a line of 64 bytes, in order.
  bool is_own_walk(const void* word) const { return (address(word) - walks_) / 64 == self(); }
  /// How far into the entries a word lies.
  std::size_t entry_offset(const void* word) const { return address(word) - entries_; }

  rl::atomic<std::uint64_t>& operator[](const void* word) { return words_[place(word)]; }

  // What each thread did last: what it found in an entry, and whether it has just taken a lock.
  struct Last {
    const void* entry = nullptr;
    std::uint64_t value = 0;
    bool has_locked = false;
  };
  Last& last() { return last_[self()]; }
  /// The thread that wrote a record last: only who holds its lock does.
  unsigned& writer(const void* record) { return writers_[place(record)]; }

 private:
  std::size_t place(const void* word) {
    const std::uintptr_t key = address(word);
    std::size_t i = (key >> 2) * 0x9e37'79b9U % kMost;
    while (keys_[i] != 0 && keys_[i] != key) i = (i + 1) % kMost;
    if (keys_[i] == 0) {
      if (used_ == words_.size()) std::abort();
      // Zero when first met: so is all memory when the model begins.
      const Uninterrupted guard;
      words_[used_].store(0, rl::mo_relaxed, info_of(Where::current()));
      keys_[i] = key;
      places_[i] = used_++;
    }
    return places_[i];
  }

  static std::uintptr_t address(const void* word) { return std::bit_cast<std::uintptr_t>(word); }

  std::uintptr_t entries_ = 0, entries_end_ = 0, walks_ = 0, walks_end_ = 0;
  std::array<std::uintptr_t, kMost> keys_{};
  std::array<std::size_t, kMost> places_{};
  std::array<rl::atomic<std::uint64_t>, 40> words_;
  std::array<unsigned, 40> writers_{};
  std::array<Last, 4> last_{};
  std::size_t used_ = 0;
};

/// Called for each access to an entry, before it.
inline constinit void (*on_entry)(const void* word) = nullptr;

/// Satisfies what `paging::MachineWords` does.
struct ExploredWords {
  template <typename T>
  class Ref {
   public:
    explicit Ref(T& word) : word_(&word) {}

    T load(std::memory_order order, Where where = Where::current()) const {
      SharedWords& words = *SharedWords::current;
      const auto kind = touch();
      auto& last = words.last();
      const bool has_locked = std::exchange(last.has_locked, false);
      if (kind == SharedWords::kEntry && order == std::memory_order_acquire) {
        // The second look at an entry, when the table's lock was just taken.
        if (is_weakened(kind, Weakening::kCheck) && has_locked && last.entry == word_) {
          return static_cast<T>(last.value);
        }
        last.entry = word_;
        last.value = words[word_].load(to(order, kind), info_of(where));
        return static_cast<T>(last.value);
      }
      if (is_own(kind, order)) {
        const Uninterrupted guard;
        return static_cast<T>(words[word_].load(to(order, kind), info_of(where)));
      }
      return static_cast<T>(words[word_].load(to(order, kind), info_of(where)));
    }
    void store(T value, std::memory_order order, Where where = Where::current()) const {
      const auto kind = touch();
      SharedWords& words = *SharedWords::current;
      if (kind == SharedWords::kRecord) words.writer(word_) = self() + 1;
      words[word_].store(value, to(order, kind), info_of(where));
      if (kind == SharedWords::kRecord && order == std::memory_order_release &&
          words.writer(word_) == self() + 1) {
        words.writer(word_) = 0;
      }
    }
    T fetch_or(T value, std::memory_order order, Where where = Where::current()) const {
      const auto kind = touch();
      SharedWords& words = *SharedWords::current;
      const auto before =
          static_cast<T>(words[word_].fetch_or(value, to(order, kind), info_of(where)));
      if ((before & value) == 0) {
        words.writer(word_) = self() + 1;
        words.last().has_locked = true;
      }
      return before;
    }
    T fetch_add(T value, std::memory_order order, Where where = Where::current()) const {
      const auto kind = touch();
      SharedWords& words = *SharedWords::current;
      return static_cast<T>(words[word_].fetch_add(value, to(order, kind), info_of(where)));
    }

   private:
    SharedWords::Kind touch() const {
      const auto kind = SharedWords::current->kind(word_);
      if (kind == SharedWords::kEntry) on_entry(word_);
      return kind;
    }
    /// Loads of what nobody else may write at this time. No other thread need come before them:
    /// whatever it does, it could do after them as well.
    bool is_own(SharedWords::Kind kind, std::memory_order order) const {
      if (order != std::memory_order_relaxed) return false;
      if (kind == SharedWords::kWalk) return SharedWords::current->is_own_walk(word_);
      return kind != SharedWords::kRecord || SharedWords::current->writer(word_) == self() + 1;
    }
    static rl::memory_order to(std::memory_order order, SharedWords::Kind kind) {
      return explored(weakened(order, kind));
    }

    T* word_;
  };

  static void fence(std::memory_order order, Where where = Where::current()) {
    if (is_weakened(SharedWords::kWalk, Weakening::kFence)) return;
    rl::atomic_thread_fence(explored(order), info_of(where));
  }
};

}  // namespace quoll::races
