// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables and cursors, against a map of pages and a set of page tables.
//
// Three trees share a pool of page tables: one with both halves of the address space, one whose
// kernel half belongs to somebody else, and one whose page tables are never taken out. The first
// two are active on the harts. Cursors stay open and flush tokens unapplied across operations; who
// wants to open a cursor where others are in the way closes those first, for on one thread nobody
// would give way to it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <quoll/arch/mock/machine.hpp>

#include "cursors_kinds.hpp"
#include "cursors_state.hpp"
#include "spec_walker.hpp"
#include "system.hpp"

namespace quoll::model::cursors {

inline constexpr std::uint64_t kLarge = std::uint64_t{2} << 20;
inline constexpr std::uint64_t kHuge = std::uint64_t{1} << 30;
inline constexpr std::uint64_t kPhysicalLimit = std::uint64_t{1} << 56;
/// Beyond as many pages in a tree, no more are added.
inline constexpr std::size_t kMostPages = 4000;

/// A range that a cursor's guard table shall cover; none of its own when its size is 0.
struct Around {
  std::uint64_t start = 0;
  std::uint64_t size = 0;
};

/// What should come of a request: nothing when it should be done.
using Expected = std::optional<paging::MapError>;

class CursorsSystem : public System {
 public:
  CursorsSystem(unsigned bits, unsigned harts);
  ~CursorsSystem() override;

  Step apply(const Operation& operation) override;
  void compare() override;
  void finish() override;

 private:
  unsigned levels() const { return (bits_ - 12) / 9; }
  std::uint64_t* words(std::uint64_t table) {
    return static_cast<std::uint64_t*>(pool_.pointer(mem::PhysicalAddress(table)));
  }
  std::size_t tree_index_of(unsigned hart) const { return hart % 2; }
  ModelTree& model_of(const OpenCursor& cursor) { return trees_[cursor.tree]->model; }
  Step apply_in(const Operation& operation);

  // Opening and closing: cursors_open.cpp.
  bool is_inside(std::uint64_t start, std::uint64_t size, std::uint64_t from) const {
    return start - from <= half_ && size <= half_ - (start - from);
  }
  Expected check_open(std::size_t tree, std::uint64_t start, std::uint64_t size) const;
  Step open(const Operation& operation);
  void spoil_range(Picker& bad, std::size_t& tree, std::uint64_t& start, std::uint64_t& size) const;
  Step open_refused(std::size_t tree, std::uint64_t start, std::uint64_t size, bool to_change,
                    paging::MapError expected);
  /// Opens a cursor, closing those in its way.
  OpenCursor& open_at(std::size_t tree, std::uint64_t start, std::uint64_t size, bool to_change,
                      Around around = {});
  bool close_in_the_way(std::size_t tree, std::uint64_t start, std::uint64_t size, unsigned lowest);
  void close(std::size_t i);
  void close_all() {
    while (!cursors_.empty()) close(cursors_.size() - 1);
  }

  // Flush tokens.
  Step settle(Picker& pick);
  void fence(std::size_t tree, unsigned hart, mem::VirtualRange range, paging::FenceReach reach);
  void apply(Token& token);
  void apply_token(std::size_t i);
  bool is_pending(std::size_t tree, std::uint64_t address) const;

  // Finding a cursor that an operation can do something with: cursors_pick.cpp.
  std::size_t random_range(Picker& pick, std::uint64_t& start, std::uint64_t& size);
  OpenCursor& pick_any(Picker& pick);
  /// A cursor to change things with, opened if there is none.
  OpenCursor& pick_mutable(Picker& pick, const OpenCursor* not_this = nullptr);
  /// A cursor to change things with that stands at a large page, or in one.
  OpenCursor& pick_large(Picker& pick);
  OpenCursor* find_large(std::uint64_t& at);
  OpenCursor& make_large(Picker& pick, std::uint64_t& at);
  /// Opens a cursor over small pages that make up a large one; null when there are none.
  OpenCursor* open_uniform(Picker& pick);
  void jump(OpenCursor& cursor, std::uint64_t to);
  void jump_to_end(OpenCursor& cursor);
  /// Goes somewhere: to a page, or to where is none, if there is such a place.
  void steer(Picker& pick, OpenCursor& cursor, bool to_page);

  // Requests and what they should answer: cursors_requests.cpp.
  struct Size {
    std::uint64_t bytes;
    Expected refused;
  };
  Size draw_size(Picker& pick, const OpenCursor& cursor, std::uint64_t most = ~std::uint64_t{0});
  static PageProperties draw_properties(Picker& pick, bool user_half);
  static paging::Properties to_library(const PageProperties& properties);
  /// What is left of properties in a machine that may have no memory types.
  PageProperties stored(PageProperties properties) const;
  static bool equals(const paging::Leaf& leaf, const ModelPage& page);
  void require_item(const paging::VmItem& item, const OpenCursor& cursor, std::uint64_t at,
                    std::string_view who) const;
  /// The cursor stands where the model says that it does.
  static void require_position(OpenCursor& cursor);
  template <typename R>
  static Step refused(std::uint32_t kind, const R& result, paging::MapError expected,
                      OpenCursor& cursor) {
    require(!result.has_value(), kinds()[kind].name,
            ": done, and should be refused: ", name_of(expected));
    require(result.error() == expected, kinds()[kind].name, ": refused as ",
            name_of(result.error()), ", not as ", name_of(expected));
    require_position(cursor);
    return {outcome_of(kind, expected), false};
  }
  template <typename R>
  static void require_done(std::uint32_t kind, const R& result) {
    require(result.has_value(), kinds()[kind].name, ": refused as ",
            result ? "" : name_of(result.error()));
  }
  // Tables that came and went under an open cursor.
  static void add_tables(OpenCursor& cursor, const ModelTree& model,
                         const std::set<TableKey>& tables);
  static void drop_tables(OpenCursor& cursor, const std::set<TableKey>& tables);

  // Looking: cursors_look.cpp.
  Step query(Picker& pick, Picker& second);
  Step next(Picker& pick, Picker& second);
  Step jump(Picker& pick, Picker& second);
  Step find_next(Picker& pick);
  Step touch(Picker& pick, unsigned hart);
  bool touch_page(Picker& pick, unsigned hart);
  Step look_up(Picker& pick);
  std::uint64_t address_near_page(Picker& pick, const ModelTree& model, std::uint64_t address);

  // Adding and replacing: cursors_map.cpp.
  Step map(Picker& pick, Picker& second);
  std::optional<std::uint64_t> enlarge(Picker& second, OpenCursor& cursor, Size& size);
  static Expected spoil_address(Picker& second, std::uint64_t size, std::uint64_t& to);
  Expected check_plan(bool vacant, const Plan& plan) const;
  void enter(OpenCursor& cursor, const Plan& plan, std::uint64_t size);
  Step map_frames(Picker& pick, Picker& second);
  static Expected draw_frames(Picker& second, const OpenCursor& cursor,
                              std::vector<mem::PhysicalAddress>& frames);
  Step replace(Picker& pick, Picker& second);

  // Copying: cursors_copy.cpp.
  Step copy(Picker& pick, Picker& second);
  /// Addresses, virtual and physical, of pages that were shared.
  using Shared = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  OpenCursor* pick_target(Picker& pick, const OpenCursor* source);
  void protect_source(OpenCursor& source, std::uint64_t size, const Shared& told);
  void align_copy(OpenCursor& source, OpenCursor& to, Size& size);
  bool plan_copy(const OpenCursor& source, const OpenCursor& to, std::uint64_t size, Plan& plan);

  // Taking away and protecting: cursors_change.cpp.
  Step unmap(Picker& pick);
  Step protect(Picker& pick, Picker& second);
  Step protect_next(Picker& pick, Picker& second);

  // Other sizes of pages: cursors_sizes.cpp.
  Step split(Picker& pick);
  Step merge(Picker& pick, Picker& second);
  bool is_page_size(unsigned shift) const;
  void go_to_large(OpenCursor& cursor);
  void go_to_mergeable(Picker& second, OpenCursor& cursor, unsigned level);
  Expected check_split(const OpenCursor& cursor, unsigned shift);
  Expected check_merge(const OpenCursor& cursor, unsigned shift, unsigned level);

  // Comparing: cursors_compare.cpp.
  void compare_pages(const ModelTree& model, const RawTree& raw, std::size_t index);
  void compare_tables(Tree& tree, const RawTree& raw, std::size_t index);
  bool is_locked(std::size_t tree, const TableKey& table) const;
  void compare_tree(Tree& tree, std::size_t index);

  const unsigned bits_;
  const std::uint64_t half_;
  const bool has_types_;
  arch::mock::Machine machine_;
  TablePool pool_;
  std::uint64_t kernel_root_ = 0;
  std::uint64_t own_tables_ = 0;
  bool miscounted_ = false;
  std::vector<std::uint64_t> anchors_;  // where ranges begin, or near there
  std::vector<std::unique_ptr<Tree>> trees_;
  std::vector<std::unique_ptr<Token>> pending_;
  std::vector<std::unique_ptr<OpenCursor>> cursors_;
};

}  // namespace quoll::model::cursors
