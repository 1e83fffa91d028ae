// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What requests are made of, and what every answer to one is checked for.
#include <algorithm>

#include "cursors_system.hpp"

namespace quoll::model::cursors {

using paging::MapError;

CursorsSystem::Size CursorsSystem::draw_size(Picker& pick, const OpenCursor& cursor,
                                             std::uint64_t most) {
  const std::uint64_t remaining = cursor.remaining();
  if (pick.below(10) < 3) {
    switch (pick.below(3)) {
      case 0:
        return {(1 + pick.below(8)) * kPage + 1 + pick.below(kPage - 1), MapError::kUnaligned};
      case 1:
        return {0, MapError::kEmpty};
      default: {
        std::uint64_t size = remaining + (1 + pick.below(16)) * kPage;
        if (pick.one_in(3)) size = 0 - (1 + pick.below(16)) * kPage;
        return {size, MapError::kOutsideCursor};
      }
    }
  }
  std::uint64_t size = (1 + pick.below(12)) * kPage;
  if (pick.one_in(4)) size = kPage;
  if (pick.one_in(3)) size = remaining;
  if (pick.one_in(4)) size = 2 << 20;
  size = std::min({size, remaining, most});
  if (size == 0) return {kPage, MapError::kOutsideCursor};
  return {size, std::nullopt};
}

PageProperties CursorsSystem::draw_properties(Picker& pick, bool user_half) {
  PageProperties p;
  switch (pick.below(5)) {
    case 0:
      p.read = true;
      break;
    case 1:
    case 2:
      p.read = p.write = true;
      break;
    case 3:
      p.read = p.execute = true;
      break;
    default:
      break;
  }
  p.user = user_half && !pick.one_in(6);
  p.global = !user_half && pick.one_in(2);
  p.type = pick.one_in(5) ? 1 + static_cast<unsigned>(pick.below(2)) : 0;
  return p;
}

paging::Properties CursorsSystem::to_library(const PageProperties& p) {
  mem::Permissions permissions = p.write     ? mem::Permissions::read_write()
                                 : p.execute ? mem::Permissions::read_execute()
                                 : p.read    ? mem::Permissions::read_only()
                                             : mem::Permissions::none();
  if (p.user) permissions = permissions.for_user();
  return {permissions, static_cast<paging::CacheMode>(p.type),
          p.global ? paging::Scope::kGlobal : paging::Scope::kSpace};
}

PageProperties CursorsSystem::stored(PageProperties properties) const {
  if (!has_types_) properties.type = 0;
  return properties;
}

bool CursorsSystem::equals(const paging::Leaf& leaf, const ModelPage& page) {
  return leaf.address.value() == page.physical && leaf.properties == to_library(page.properties);
}

void CursorsSystem::require_item(const paging::VmItem& item, const OpenCursor& cursor,
                                 std::uint64_t at, std::string_view who) const {
  const ModelTree& model = trees_[cursor.tree]->model;
  const auto page = model.page_at(at);
  if (page == model.pages().end()) {
    require(!item.is_mapped(), who, ": a page where there is none, at ", at);
    const std::uint64_t rest = cursor.size - (at - cursor.start);
    const std::uint64_t size = ModelTree::chunk(at, rest, model.end_level(at));
    require(item.range.start().value() == at && item.range.size() == size, who,
            ": vacant addresses from ", item.range.start().value(), " size ", item.range.size(),
            ", not ", at, " size ", size);
    return;
  }
  require(item.is_mapped(), who, ": nothing at ", at);
  require(item.range.start().value() == page->first &&
              item.range.size() == ModelTree::bytes(page->second.level),
          who, ": the page at ", at, " has another range");
  require(equals(*item.leaf, page->second), who, ": the page at ", at, " is another one");
}

void CursorsSystem::require_position(OpenCursor& cursor) {
  const std::uint64_t at = cursor.with([](auto& c) { return c.position().value(); });
  require(at == cursor.at, "the cursor stands at ", at, ", not at ", cursor.at);
}

void CursorsSystem::add_tables(OpenCursor& cursor, const ModelTree& model,
                               const std::set<TableKey>& tables) {
  if (model.reclaims()) cursor.locks.insert(tables.begin(), tables.end());
}

void CursorsSystem::drop_tables(OpenCursor& cursor, const std::set<TableKey>& tables) {
  for (const TableKey& table : tables) cursor.locks.erase(table);
  cursor.token->retired += tables.size();
}

}  // namespace quoll::model::cursors
