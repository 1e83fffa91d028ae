// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The model of a paged object: maps of its pages and of the nodes that hold them.
//
// A frame and a node are values of their own that maps share; how many maps have one tells who
// is alone. A node is named by its level and by its place there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <quoll/kernel/mem/vmo/paged_vmo.hpp>

#include "objects_provider.hpp"

namespace quoll::model::objects {

/// What a page holds, in its first word and in its last.
struct Content {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  bool operator==(const Content&) const = default;
};

struct FrameModel {
  Content content;
  std::uint64_t address = 0;  ///< 0: not seen yet
};
using FrameRef = std::shared_ptr<FrameModel>;

/// A provider, with how many requests it should have heard of.
struct ProviderModel {
  Answers answers;
  vm::PageProviderRef provider;
  ToldPages* told = nullptr;
  std::uint64_t fetches = 0;
};

struct ObjectModel {
  vm::PagedVmo* object = nullptr;
  std::uint64_t size = 0;      ///< in pages
  std::uint64_t provided = 0;  ///< in pages: how far the provider is asked
  bool is_sealed = false;
  mem::Permissions most;
  ProviderModel* provider = nullptr;
  std::map<std::uint64_t, FrameRef> pages;
  std::set<std::uint64_t> requests;

  FrameModel* find(std::uint64_t page) const {
    const auto found = pages.find(page);
    return found == pages.end() ? nullptr : found->second.get();
  }
  bool is_alone(std::uint64_t page) const { return pages.at(page).use_count() == 1; }
  mem::Permissions allowed() const { return is_sealed ? most.without_write() : most; }
  Said said(std::uint64_t page) const {
    return page < provided ? provider->answers.say(page) : Said();
  }
  bool lends(const FrameModel& frame) const;

  void put(std::uint64_t page, FrameRef frame);
  void clear(std::uint64_t first, std::uint64_t end);
  vm::PageStoreUsage usage() const;
  /// Has the pages of another one, and shares its nodes.
  void share(const ObjectModel& other);

  using Node = std::shared_ptr<int>;
  using Nodes = std::map<std::pair<unsigned, std::uint64_t>, Node>;
  const Nodes& nodes() const { return nodes_; }

 private:
  static void own(Node& node) {
    if (node.use_count() != 1) node = std::make_shared<int>(0);
  }

  Nodes nodes_;
  unsigned height_ = 0;
};
using ObjectRef = std::shared_ptr<ObjectModel>;

}  // namespace quoll::model::objects
