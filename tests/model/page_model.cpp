// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "page_model.hpp"

namespace quoll::model {

ModelTree::Pages::const_iterator ModelTree::page_at(std::uint64_t address) const {
  auto found = pages_.upper_bound(address);
  if (found == pages_.begin()) return pages_.end();
  --found;
  return address - found->first < bytes(found->second.level) ? found : pages_.end();
}

ModelTree::Pages::const_iterator ModelTree::first_page(std::uint64_t at, std::uint64_t size) const {
  const auto here = page_at(at);
  if (here != pages_.end()) return here;
  const auto next = pages_.lower_bound(at);
  return next != pages_.end() && next->first - at < size ? next : pages_.end();
}

unsigned ModelTree::end_level(std::uint64_t address) const {
  unsigned level = top_;
  while (level > 0 && tables_.count(key(level - 1, address)) != 0) --level;
  return level;
}

unsigned ModelTree::covering(std::uint64_t start, std::uint64_t size) {
  const std::uint64_t last = start + (size - 1);
  unsigned level = 0;
  while (level < 4 && start / bytes(level + 1) != last / bytes(level + 1)) ++level;
  return level;
}

TableKey ModelTree::guard(std::uint64_t start, unsigned lowest) const {
  if (!reclaims_) return {top_, 0};
  unsigned level = top_;
  while (level > lowest && tables_.count(key(level - 1, start)) != 0) --level;
  return key(level, start);
}

template <typename F>
void ModelTree::for_tables_below(unsigned level, std::uint64_t at, std::uint64_t size,
                                 F&& f) const {
  const std::uint64_t last = at + (size - 1);
  for (unsigned l = 0; l < level; ++l) {
    for (auto it = tables_.lower_bound(key(l, at));
         it != tables_.end() && it->first == l && it->second <= last; ++it) {
      f(*it);
    }
  }
}

std::set<TableKey> ModelTree::locks(std::uint64_t start, std::uint64_t size,
                                    const TableKey& guard) const {
  std::set<TableKey> out{guard};
  if (!reclaims_) return out;
  for_tables_below(guard.first, start, size, [&](const TableKey& table) { out.insert(table); });
  return out;
}

std::set<TableKey> ModelTree::end_splits(std::uint64_t at, std::uint64_t size) const {
  std::set<TableKey> out;
  const auto cut = [&](std::uint64_t inside, std::uint64_t boundary) {
    const auto page = page_at(inside);
    if (page == pages_.end()) return;
    for (unsigned level = page->second.level; boundary % bytes(level) != 0; --level) {
      out.insert(key(level - 1, inside));
    }
  };
  cut(at, at);
  cut(at + (size - 1), at + size);
  return out;
}

void ModelTree::split_at(std::uint64_t address) {
  const auto page = page_at(address);
  const std::uint64_t start = page->first;
  const ModelPage large = page->second;
  pages_.erase(page);
  const unsigned level = large.level - 1;
  tables_.insert(key(level, start));
  auto hint = pages_.lower_bound(start);
  for (std::uint64_t i = 0; i < 512; ++i) {
    const std::uint64_t offset = i * bytes(level);
    hint = pages_.emplace_hint(hint, start + offset,
                               ModelPage{level, large.physical + offset, large.properties});
    ++hint;
  }
}

void ModelTree::split_ends(std::uint64_t at, std::uint64_t size) {
  const auto cut = [&](std::uint64_t inside, std::uint64_t boundary) {
    for (auto page = page_at(inside);
         page != pages_.end() && boundary % bytes(page->second.level) != 0;
         page = page_at(inside)) {
      split_at(inside);
    }
  };
  cut(at, at);
  cut(at + (size - 1), at + size);
}

bool ModelTree::plan_below(unsigned level, std::uint64_t at, std::uint64_t size, std::uint64_t to,
                           const PageProperties& properties, bool large, Plan& out) const {
  while (size > 0) {
    const std::uint64_t part = chunk(at, size, level);
    bool table = false;
    TableKey below;
    if (level > 0) {
      below = key(level - 1, at);
      table = tables_.count(below) != 0 || out.tables.count(below) != 0;
    }
    if (!table) {
      if (page_at(at) != pages_.end()) return false;
      if (level == 0 || (large && part == bytes(level) && (to & (bytes(level) - 1)) == 0)) {
        out.pages.push_back({at, {level, to, properties}});
      } else {
        out.tables.insert(below);
        table = true;
      }
    }
    if (table && !plan_below(level - 1, at, part, to, properties, large, out)) return false;
    at += part;
    to += part;
    size -= part;
  }
  return true;
}

void ModelTree::enter(const Plan& plan) {
  tables_.insert(plan.tables.begin(), plan.tables.end());
  for (const auto& [at, page] : plan.pages) pages_.emplace(at, page);
}

bool ModelTree::is_empty(const TableKey& table) const {
  const auto [level, start] = table;
  if (first_page(start, bytes(level + 1)) != pages_.end()) return false;
  bool empty = true;
  for_tables_below(level, start, bytes(level + 1), [&](const TableKey&) { empty = false; });
  return empty;
}

std::set<TableKey> ModelTree::remove(const TableKey& guard, std::uint64_t at, std::uint64_t size) {
  for (auto page = first_page(at, size); page != pages_.end() && page->first - at < size;) {
    page = pages_.erase(page);
  }
  std::set<TableKey> gone;
  if (!reclaims_) return gone;
  std::vector<TableKey> below;
  for_tables_below(guard.first, at, size, [&](const TableKey& table) { below.push_back(table); });
  // In order of levels, lowest first.
  for (const TableKey& table : below) {
    if (!is_empty(table)) continue;
    tables_.erase(table);
    gone.insert(table);
  }
  return gone;
}

bool ModelTree::is_uniform(std::uint64_t at, std::uint64_t size) const {
  const auto first = page_at(at);
  if (first == pages_.end() || (first->second.physical & (size - 1)) != 0) return false;
  std::uint64_t offset = 0;
  for (auto page = first; offset < size; ++page) {
    if (page == pages_.end() || page->first != at + offset) return false;
    if (page->second.physical != first->second.physical + offset) return false;
    if (page->second.properties != first->second.properties) return false;
    offset += bytes(page->second.level);
  }
  return true;
}

std::set<TableKey> ModelTree::merge(std::uint64_t at, unsigned level) {
  ModelPage large = pages_.at(at);
  large.level = level;
  for (auto page = pages_.find(at); page != pages_.end() && page->first - at < bytes(level);) {
    page = pages_.erase(page);
  }
  std::set<TableKey> gone;
  for_tables_below(level, at, bytes(level), [&](const TableKey& table) { gone.insert(table); });
  for (const TableKey& table : gone) tables_.erase(table);
  pages_.emplace(at, large);
  return gone;
}

}  // namespace quoll::model
