// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Heap: the allocator of the runtime.
//
// One stretch of reserved addresses. Below `top` it is cut into blocks without gaps, used or
// free; above it, nothing has been handed out. Free blocks never lie side by side and never
// directly below `top`: they are merged at once. They are kept in lists by size, two levels of
// them, so that both taking and giving back need a bounded number of steps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quoll::runtime {

/// Makes `[from, to)` of the heap's addresses usable. Both are multiples of the page size.
using CommitPages = bool (*)(void* context, std::byte* from, std::byte* to);
/// Takes back what was committed there: contents need not survive. It cannot fail.
using DecommitPages = void (*)(void* context, std::byte* from, std::byte* to);

/// A heap in a reserved range of addresses, committed from below as it grows.
///
/// *Context*: one thread.
class Heap {
 public:
  static constexpr std::size_t kAlignment = 16;

  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;
  ~Heap() = default;

  /// *Requires*: `base` and `bytes` are multiples of the page size; called once.
  void open(std::byte* base, std::size_t bytes, CommitPages commit, DecommitPages decommit,
            void* context);

  /// Memory for `bytes`, aligned to kAlignment; nullptr when there is none.
  void* allocate(std::size_t bytes);
  /// As `allocate`, with an alignment that is a power of two.
  void* allocate_aligned(std::size_t bytes, std::size_t alignment);
  /// Gives back what `allocate` returned, or nullptr.
  void release(void* memory);

  /// Bytes in blocks that are in use, headers included.
  std::size_t used_bytes() const { return used_; }
  std::size_t committed_bytes() const { return static_cast<std::size_t>(committed_ - base_); }
  /// Whether the blocks fill the range below the top without gap, and the lists hold exactly the
  /// free ones: for tests.
  bool is_consistent() const;

 private:
  struct Block;

  static constexpr std::size_t kColumns = 16;
  static constexpr std::size_t kRows = 44;
  struct Slot {
    std::size_t row;
    std::size_t column;
  };

  static Slot slot_of(std::size_t size);
  Block* take_fitting(std::size_t size);
  Block* take_from_top(std::size_t size);
  bool grow(std::byte* needed);
  void shrink();
  void insert(Block* block);
  void remove(Block* block);
  void give_back(Block* block);
  void split(Block* block, std::size_t size);
  Block* next_of(Block* block) const;
  bool counts_blocks(std::size_t& free_blocks) const;

  std::byte* base_ = nullptr;
  std::byte* top_ = nullptr;
  std::byte* committed_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t used_ = 0;
  CommitPages commit_ = nullptr;
  DecommitPages decommit_ = nullptr;
  void* context_ = nullptr;
  std::uint64_t rows_ = 0;  ///< rows that have a free block; bits
  std::array<std::uint32_t, kRows> columns_{};
  std::array<std::array<Block*, kColumns>, kRows> lists_{};
};

}  // namespace quoll::runtime
