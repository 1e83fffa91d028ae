// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A block begins with the size of the one before it, which is valid only while that one is free
// and lies in its last bytes; then its own size. The memory handed out follows.
#include <algorithm>
#include <bit>

#include <quoll/abi/limits.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/runtime/heap.hpp>

namespace quoll::runtime {

struct Heap::Block {
  static constexpr std::size_t kFree = 1;
  static constexpr std::size_t kPreviousFree = 2;
  static constexpr std::size_t kFlags = 15;

  std::size_t previous_size;
  std::size_t size_and_flags;
  // Of a free block only.
  Block* next;
  Block* previous;

  std::size_t size() const { return size_and_flags & ~kFlags; }
  void set_size(std::size_t size) { size_and_flags = size | (size_and_flags & kFlags); }
  bool is_free() const { return (size_and_flags & kFree) != 0; }
  bool previous_is_free() const { return (size_and_flags & kPreviousFree) != 0; }
  void mark(std::size_t flag, bool on) {
    size_and_flags = on ? size_and_flags | flag : size_and_flags & ~flag;
  }
  std::byte* start() { return static_cast<std::byte*>(static_cast<void*>(this)); }
  void* memory() { return start() + kHeader; }

  static Block* at(std::byte* start) { return static_cast<Block*>(static_cast<void*>(start)); }
  static Block* of(void* memory) { return at(static_cast<std::byte*>(memory) - kHeader); }

  static constexpr std::size_t kHeader = 16;
  // A used block lends the size field of the one behind it: only one word of each is overhead.
  static constexpr std::size_t kOverhead = 8;
  static constexpr std::size_t kSmallest = 32;
};

namespace {

// Below 256 bytes every size has its own list; above, each power of two has sixteen.
constexpr std::size_t kSmallLimit = 256;
constexpr std::size_t kSmallShift = 4;
constexpr std::size_t kFirstLog = 8;
constexpr std::size_t kColumnBits = 4;
// What is committed at a time, and how much may lie idle above the top before it goes back.
constexpr std::size_t kGrowStep = std::size_t{64} << 10;
constexpr std::size_t kIdleLimit = std::size_t{1} << 20;

}  // namespace

void Heap::open(std::byte* base, std::size_t bytes, CommitPages commit, DecommitPages decommit,
                void* context) {
  base_ = base;
  top_ = base;
  committed_ = base;
  end_ = base + bytes;
  commit_ = commit;
  decommit_ = decommit;
  context_ = context;
}

Heap::Slot Heap::slot_of(std::size_t size) {
  if (size < kSmallLimit) return {0, size >> kSmallShift};
  const auto log = static_cast<std::size_t>(std::bit_width(size)) - 1;
  const std::size_t column = (size >> (log - kColumnBits)) & (kColumns - 1);
  return {log - kFirstLog + 1, column};
}

void* Heap::allocate(std::size_t bytes) {
  const auto padded = base::checked_add(bytes, Block::kOverhead);
  const auto rounded = padded ? base::checked_align_up(*padded, kAlignment) : std::nullopt;
  if (!rounded || *rounded > static_cast<std::size_t>(end_ - base_)) return nullptr;
  const std::size_t size = std::max(*rounded, Block::kSmallest);

  Block* block = take_fitting(size);
  if (block == nullptr) block = take_from_top(size);
  if (block == nullptr) return nullptr;
  used_ += block->size();
  return block->memory();
}

void* Heap::allocate_aligned(std::size_t bytes, std::size_t alignment) {
  if (alignment <= kAlignment) return allocate(bytes);
  const auto more = base::checked_add(bytes, alignment + Block::kSmallest);
  void* const memory = more ? allocate(*more) : nullptr;
  if (memory == nullptr) return nullptr;

  Block* block = Block::of(memory);
  const auto address = std::bit_cast<std::uintptr_t>(memory);
  if (base::is_aligned(address, alignment)) return memory;
  // The part before the aligned address becomes a block of its own and is given back.
  const std::uintptr_t aligned = base::align_up(address + Block::kSmallest, alignment);
  const std::size_t before = aligned - address;
  Block* const result = Block::at(block->start() + before);
  result->size_and_flags = block->size() - before;
  block->set_size(before);
  used_ -= before;
  give_back(block);
  return result->memory();
}

void Heap::release(void* memory) {
  if (memory == nullptr) return;
  Block* block = Block::of(memory);
  QUOLL_ASSERT(!block->is_free());
  used_ -= block->size();
  give_back(block);
}

// A used block becomes free, together with its free neighbours.
void Heap::give_back(Block* block) {
  if (block->previous_is_free()) {
    Block* const before = Block::at(block->start() - block->previous_size);
    remove(before);
    before->set_size(before->size() + block->size());
    block = before;
  }
  Block* const after = next_of(block);
  if (after != nullptr && after->is_free()) {
    remove(after);
    block->set_size(block->size() + after->size());
  }
  if (block->start() + block->size() == top_) {
    top_ = block->start();
    shrink();
    return;
  }
  insert(block);
}

// The block behind, or nullptr at the top.
Heap::Block* Heap::next_of(Block* block) const {
  std::byte* const behind = block->start() + block->size();
  return behind == top_ ? nullptr : Block::at(behind);
}

// Any block of the list that is found fits: sizes are rounded up to the next list's smallest.
Heap::Block* Heap::take_fitting(std::size_t size) {
  std::size_t least = size;
  if (size >= kSmallLimit) {
    const auto log = static_cast<std::size_t>(std::bit_width(size)) - 1;
    least = size + (std::size_t{1} << (log - kColumnBits)) - 1;
  }
  auto [row, column] = slot_of(least);
  std::uint32_t candidates = columns_[row] & (~std::uint32_t{0} << column);
  if (candidates == 0) {
    const std::uint64_t above = rows_ & (~std::uint64_t{0} << row << 1);
    if (above == 0) return nullptr;
    row = static_cast<std::size_t>(std::countr_zero(above));
    candidates = columns_[row];
  }
  Block* const block = lists_[row][static_cast<std::size_t>(std::countr_zero(candidates))];
  remove(block);
  split(block, size);
  return block;
}

// Keeps `size` bytes of a block that is in no list; the rest goes back to the lists.
void Heap::split(Block* block, std::size_t size) {
  const std::size_t rest = block->size() - size;
  if (rest < Block::kSmallest) return;
  block->set_size(size);
  Block* const tail = Block::at(block->start() + size);
  tail->size_and_flags = rest;
  insert(tail);
}

Heap::Block* Heap::take_from_top(std::size_t size) {
  // The header of what lies behind must be there too: the block lends part of it.
  const auto room = static_cast<std::size_t>(end_ - top_);
  if (room < Block::kHeader || size > room - Block::kHeader) return nullptr;
  if (!grow(top_ + size + Block::kHeader)) return nullptr;
  Block* const block = Block::at(top_);
  block->size_and_flags = size;
  top_ += size;
  return block;
}

bool Heap::grow(std::byte* needed) {
  if (needed <= committed_) return true;
  const auto missing = static_cast<std::size_t>(needed - committed_);
  const auto room = static_cast<std::size_t>(end_ - committed_);
  const std::size_t exact = base::align_up<std::size_t>(missing, abi::kPageSize);
  const std::size_t step = std::min(base::align_up<std::size_t>(missing, kGrowStep), room);
  for (const std::size_t bytes : {step, exact}) {
    if (commit_(context_, committed_, committed_ + bytes)) {
      committed_ += bytes;
      return true;
    }
  }
  return false;
}

void Heap::shrink() {
  if (static_cast<std::size_t>(committed_ - top_) < kIdleLimit) return;
  // Block headers at the top stay writable.
  const auto kept = static_cast<std::size_t>(top_ - base_) + kGrowStep;
  std::byte* const from = base_ + base::align_up<std::size_t>(kept, abi::kPageSize);
  if (from >= committed_) return;
  decommit_(context_, from, committed_);
  committed_ = from;
}

void Heap::insert(Block* block) {
  const auto [row, column] = slot_of(block->size());
  Block*& head = lists_[row][column];
  block->mark(Block::kFree, true);
  block->next = head;
  block->previous = nullptr;
  if (head != nullptr) head->previous = block;
  head = block;
  columns_[row] |= std::uint32_t{1} << column;
  rows_ |= std::uint64_t{1} << row;
  Block* const behind = Block::at(block->start() + block->size());
  behind->previous_size = block->size();
  behind->mark(Block::kPreviousFree, true);
}

void Heap::remove(Block* block) {
  const auto [row, column] = slot_of(block->size());
  if (block->previous != nullptr) block->previous->next = block->next;
  if (block->next != nullptr) block->next->previous = block->previous;
  if (lists_[row][column] == block) {
    lists_[row][column] = block->next;
    if (block->next == nullptr) {
      columns_[row] &= ~(std::uint32_t{1} << column);
      if (columns_[row] == 0) rows_ &= ~(std::uint64_t{1} << row);
    }
  }
  block->mark(Block::kFree, false);
  Block* const behind = next_of(block);
  if (behind != nullptr) behind->mark(Block::kPreviousFree, false);
}

// Whether each block says the truth about itself and the one before it.
bool Heap::counts_blocks(std::size_t& free_blocks) const {
  std::size_t used = 0;
  bool previous_free = false;
  std::size_t previous_size = 0;
  for (std::byte* at = base_; at != top_;) {
    Block* const block = Block::at(at);
    if (block->size() < Block::kSmallest || block->size() % kAlignment != 0) return false;
    if (block->size() > static_cast<std::size_t>(top_ - at)) return false;
    if (block->previous_is_free() != previous_free) return false;
    if (previous_free && (block->is_free() || block->previous_size != previous_size)) return false;
    if (block->is_free()) {
      ++free_blocks;
    } else {
      used += block->size();
    }
    previous_free = block->is_free();
    previous_size = block->size();
    at += block->size();
  }
  return !previous_free && used == used_;
}

bool Heap::is_consistent() const {
  std::size_t free_blocks = 0;
  if (!counts_blocks(free_blocks)) return false;
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      for (const Block* block = lists_[row][column]; block != nullptr; block = block->next) {
        const Slot slot = slot_of(block->size());
        if (!block->is_free() || slot.row != row || slot.column != column) return false;
        --free_blocks;
      }
    }
  }
  return free_blocks == 0;
}

}  // namespace quoll::runtime
