// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "translate/code_buffer.hpp"

namespace quoll::wasm {

namespace {

constexpr bool is_upper_half(PendingBranch branch) {
  return branch.field() == PendingBranch::Field::kSecondWord ||
         branch.field() == PendingBranch::Field::kTableHigh;
}

/// The byte from which the branch's distance counts.
constexpr std::int64_t origin(PendingBranch branch) {
  const std::int64_t word = branch.word();
  switch (branch.field()) {
    case PendingBranch::Field::kSecondWord:
      return (word - 1) * kWordBytes;
    case PendingBranch::Field::kThirdWord:
      return (word - 2) * kWordBytes;
    case PendingBranch::Field::kTableLow:
      return word * kWordBytes;
    case PendingBranch::Field::kTableHigh:
      return word * kWordBytes + 4;
  }
  return 0;
}

}  // namespace

bool CodeBuffer::make_room() {
  const std::size_t room = words_.size() + words_.size() / 2 + 16;
  if (words_.size() > kMaxCodeBytes / kWordBytes || !words_.try_reserve(room)) failed_ = true;
  return !failed_;
}

std::uint32_t CodeBuffer::field(PendingBranch branch) const {
  const std::uint64_t word = words_[branch.word()];
  return static_cast<std::uint32_t>(is_upper_half(branch) ? word >> 32 : word);
}

void CodeBuffer::set_field(PendingBranch branch, std::uint32_t value) {
  std::uint64_t& word = words_[branch.word()];
  if (is_upper_half(branch)) {
    word = (word & 0xffffffffu) | std::uint64_t{value} << 32;
  } else {
    word = (word & ~std::uint64_t{0xffffffffu}) | value;
  }
}

void CodeBuffer::drop_notes() {
  while (!notes_->empty() && notes_->back().word >= size()) notes_->pop_back();
}

void CodeBuffer::resolve(PendingBranch branch, std::uint32_t target) {
  if (!is_valid(branch)) return;  // memory ran out before the field was written
  const std::int64_t distance = std::int64_t{target} * kWordBytes - origin(branch);
  set_field(branch, static_cast<std::uint32_t>(distance));
}

void CodeBuffer::link(PendingBranch branch, PendingBranch& head) {
  if (!is_valid(branch)) return;
  set_field(branch, head.bits());
  head = branch;
}

void CodeBuffer::resolve_all(PendingBranch& head, std::uint32_t target) {
  while (head.exists()) {
    const PendingBranch next = PendingBranch::from_bits(field(head));
    resolve(head, target);
    head = next;
  }
}

}  // namespace quoll::wasm
