// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The page tables' bytes, locks and records against the model, and what is left at the end.
#include <algorithm>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using mem::PhysicalAddress;

/// The words of all leaves are those that the specification and the model ask for.
void CursorsSystem::compare_pages(const ModelTree& model, const RawTree& raw, std::size_t index) {
  auto page = model.pages().begin();
  for (const RawLeaf& leaf : raw.leaves) {
    require(page != model.pages().end() && page->first == leaf.address, "raw: tree ", index,
            " has a page at ", leaf.address, ", and the model has its next at ",
            page == model.pages().end() ? 0 : page->first);
    const PageProperties& p = page->second.properties;
    const std::uint64_t word =
        expected_word(page->second.physical, p.read, p.write, p.execute, p.user, p.global, p.type);
    require(leaf.level == page->second.level && leaf.word == word, "raw: tree ", index,
            ", page at ", leaf.address, ": level ", leaf.level, " word ", std::hex, leaf.word,
            ", not level ", page->second.level, " word ", word);
    ++page;
  }
  require(page == model.pages().end(), "raw: tree ", index, " has no page at ",
          page == model.pages().end() ? 0 : page->first);
}

bool CursorsSystem::is_locked(std::size_t tree, const TableKey& table) const {
  return std::any_of(cursors_.begin(), cursors_.end(), [&](const auto& cursor) {
    return cursor->tree == tree && cursor->locks.count(table) != 0;
  });
}

/// There are the tables that the model has, with counts of their entries, and those that open
/// cursors hold are locked.
void CursorsSystem::compare_tables(Tree& tree, const RawTree& raw, std::size_t index) {
  std::set<std::uint64_t> held;
  if (is_locked(index, {tree.model.top(), 0})) held.insert(tree.root);
  require(raw.tables.size() == tree.model.tables().size(), "raw: tree ", index, " has ",
          raw.tables.size(), " page tables, not ", tree.model.tables().size());
  for (const RawTable& table : raw.tables) {
    const TableKey key{table.level, table.first};
    require(tree.model.tables().count(key) != 0, "raw: tree ", index, " has a page table of level ",
            table.level, " for ", table.first);
    if (!tree.model.reclaims()) continue;
    const paging::TableRecord record = pool_.record(PhysicalAddress(table.address));
    require(record.live() == table.entries, "the table of level ", table.level, " for ",
            table.first, " has ", table.entries, " entries and counts ", record.live());
    const bool locked = is_locked(index, key);
    require(record.is_locked() == locked, "the table of level ", table.level, " for ", table.first,
            locked ? " is not locked" : " is locked");
    if (locked) held.insert(table.address);
  }
  require(tree.locked.tables == held, "tree ", index, ": other tables are locked, ",
          tree.locked.tables.size(), " and not ", held.size());
}

void CursorsSystem::compare_tree(Tree& tree, std::size_t index) {
  const WordsOf words_of = [this](std::uint64_t page) -> const std::uint64_t* {
    return pool_.is_in_use(page) ? words(page) : nullptr;
  };
  const bool shares = index == 1;
  const RawTree raw = read_tree(words_of, tree.root, bits_, 0, shares ? 256 : 512);
  if (shares) {
    for (unsigned i = 256; i < 512; ++i) {
      require(words(tree.root)[i] == words(kernel_root_)[i],
              "raw: the kernel half of the root is not the shared one");
    }
  }
  compare_pages(tree.model, raw, index);
  compare_tables(tree, raw, index);
}

void CursorsSystem::compare() {
  std::uint64_t tables = own_tables_;
  for (std::size_t i = 0; i < trees_.size(); ++i) {
    compare_tree(*trees_[i], i);
    tables += trees_[i]->model.tables().size();
  }
  bool owed = false;
  for (const auto& token : pending_) {
    tables += token->retired;
    owed |= token->owes_fence();
  }
  for (const auto& cursor : cursors_) {
    tables += cursor->token->retired;
    owed |= cursor->token->owes_fence();
    require(cursor->token->flush.holds_tables() == (cursor->token->retired != 0),
            "a flush token holds other tables");
  }
  require(!miscounted_, "a flush token gave back another number of page tables");
  require(pool_.in_use() == tables, pool_.in_use(), " page tables are in use, not ", tables);
  if (!owed) {
    require(machine_.stale_translations() == 0, "translations are stale, and nobody owes a fence");
  }
}

void CursorsSystem::finish() {
  close_all();
  while (!pending_.empty()) apply_token(0);
  compare();
  for (std::size_t i = 0; i < trees_.size(); ++i) {
    for (const std::uint64_t start : {std::uint64_t{0}, 0 - half_}) {
      if (i == 1 && start != 0) continue;
      // Over all of a half: what is left of page tables goes.
      OpenCursor& cursor = open_at(i, start, half_, true);
      const auto result = cursor.change->unmap(half_, cursor.token->flush, [](auto&&...) {});
      require(result.has_value(), "unmapping a half is refused");
      drop_tables(cursor, trees_[i]->model.remove(cursor.guard, start, half_));
      close(cursors_.size() - 1);
    }
  }
  while (!pending_.empty()) apply_token(0);
  compare();
  for (std::size_t i = 0; i < 2; ++i) {
    require(trees_[i]->model.tables().empty(), "page tables are left over");
  }
}

}  // namespace quoll::model::cursors
