// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "cursors_system.hpp"

#include <utility>

namespace quoll::model::cursors {

using mem::PhysicalAddress;

namespace {

constexpr std::uint64_t kPoolPages = 768;

}  // namespace

CursorsSystem::CursorsSystem(unsigned bits, unsigned harts)
    : bits_(bits),
      half_(std::uint64_t{1} << (bits - 1)),
      has_types_(harts % 2 == 1),
      machine_({mem::PhysicalRange(PhysicalAddress(TablePool::kRam), kPoolPages * kPage)}, harts),
      pool_(machine_, kPoolPages) {
  const riscv::Sv format(static_cast<riscv::PagingMode>((bits - 39) / 9 + 8),
                         has_types_ ? riscv::Svpbmt::kPresent : riscv::Svpbmt::kAbsent);
  // Somebody else's kernel half: two tables with pages in them.
  kernel_root_ = pool_.allocate()->value();
  for (const std::uint64_t slot : {std::uint64_t{256}, std::uint64_t{511}}) {
    const std::uint64_t below = pool_.allocate()->value();
    const std::uint64_t to = slot << (12 + 9 * (levels() - 2));
    words(kernel_root_)[slot] = below >> 12 << 10 | spec::kV;
    words(below)[slot] = expected_word(to, true, true, false, false, true);
  }
  for (const bool reclaims : {true, true, false}) {
    const std::uint64_t root = pool_.allocate()->value();
    trees_.push_back(std::make_unique<Tree>(format, root, &pool_, bits, reclaims));
  }
  trees_[1]->table.share_kernel_half(PhysicalAddress(kernel_root_));
  own_tables_ = pool_.in_use();
  for (unsigned hart = 0; hart < harts; ++hart) {
    machine_.set_root(hart, format.mode(), PhysicalAddress(trees_[tree_index_of(hart)]->root));
  }
  anchors_ = {0x10000,
              2 * kHuge - 4 * kPage,
              kHuge,
              kHuge + 6 * kLarge,
              kHuge + 3 * kLarge,
              half_ - 48 * kPage,
              3 * kHuge,
              0 - half_,
              0 - 64 * kPage,
              0 - half_ + kHuge - 9 * kPage,
              0 - 2 * kHuge};
  if (bits > 39) anchors_.push_back((std::uint64_t{1} << 39) - 3 * kPage);
  if (bits > 48) anchors_.push_back((std::uint64_t{1} << 48) - 5 * kPage);
}

CursorsSystem::~CursorsSystem() {
  // Also when something was found: tokens must not end unapplied.
  close_all();
  while (!pending_.empty()) apply_token(0);
}

Step CursorsSystem::apply(const Operation& operation) {
  pool_.set_room(operation.frames);
  const Step step = apply_in(operation);
  pool_.set_room(kPlenty);
  return step;
}

Step CursorsSystem::apply_in(const Operation& operation) {
  Picker pick(operation.operands[0]);
  Picker second(operation.operands[1]);
  switch (operation.kind) {
    case kOpen:
      return open(operation);
    case kClose:
      if (cursors_.empty()) return {};
      close(pick.below(cursors_.size()));
      return {0, true};
    case kQuery:
      return query(pick, second);
    case kNext:
      return next(pick, second);
    case kJump:
      return jump(pick, second);
    case kFindNext:
      return find_next(pick);
    case kMap:
      return map(pick, second);
    case kMapFrames:
      return map_frames(pick, second);
    case kReplace:
      return replace(pick, second);
    case kUnmap:
      return unmap(pick);
    case kProtect:
      return protect(pick, second);
    case kProtectNext:
      return protect_next(pick, second);
    case kCopy:
      return copy(pick, second);
    case kSplit:
      return split(pick);
    case kMerge:
      return merge(pick, second);
    case kSettle:
      return settle(pick);
    case kTouch:
      return touch(pick, arch::mock::Machine::hart_id());
    default:
      return look_up(pick);
  }
}

Step CursorsSystem::settle(Picker& pick) {
  if (!pending_.empty() && !pick.one_in(4)) {
    apply_token(pick.below(pending_.size()));
    return {0, true};
  }
  // The token of a cursor that goes on.
  OpenCursor& cursor = pick_any(pick);
  const bool owed = cursor.token->owes_fence();
  apply(*cursor.token);
  return {owed ? 0U : 1U, owed};
}

}  // namespace quoll::model::cursors

namespace quoll::model {

const SystemInfo& cursors_system() {
  static const SystemInfo info{"cursors",
                               cursors::kinds(),
                               kTranslating,
                               [](unsigned mode, unsigned harts) -> std::unique_ptr<System> {
                                 return std::make_unique<cursors::CursorsSystem>(mode, harts);
                               },
                               40,
                               1000};
  return info;
}

}  // namespace quoll::model
