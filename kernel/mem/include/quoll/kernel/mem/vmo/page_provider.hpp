// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Providers: what the pages of a paged object hold that nobody has written yet.
#pragma once

#include <cstdint>
#include <variant>

#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

class PagedVmo;

/// The page holds zeros.
struct ZeroPage {};
/// The page lies in these bytes, which last as long as the provider and never change. They begin
/// where a frame does; behind their end the page holds zeros. They may be more than the page.
struct LentPage {
  mem::PhysicalRange bytes;
};
/// The page holds what these bytes do, wherever they begin, and zeros behind them. They never
/// change. They may be more than the page.
struct CopiedPage {
  mem::PhysicalRange bytes;
};
/// The page comes later: the object makes a request of it and calls `fetch`.
struct LaterPage {};
/// There is no such page, or it cannot be read.
struct NoPage {};
using PageAnswer = std::variant<ZeroPage, LentPage, CopiedPage, LaterPage, NoPage>;

/// Where pages come from. Objects believe it nothing that they can check.
/// *Locking*: called under the lock of the object that asks: it asks no object in turn.
class PageProvider : public intrusive::RefCounted<PageProvider> {
 public:
  virtual ~PageProvider() = default;

  /// What is at `offset`, and perhaps behind it, but no more than `most` bytes. Both are multiples
  /// of the page size.
  virtual PageAnswer page(std::uint64_t offset, std::uint64_t most) noexcept = 0;
  /// Begins to get a page that it said comes later: it will call the object's `supply` or `fail`,
  /// from somewhere else than here. Called once for each request.
  virtual void fetch(PagedVmo& object, std::uint64_t offset) noexcept = 0;
  /// All memory that it may lend: no allocator knows it.
  mem::PhysicalRange lends() const noexcept { return lends_; }

 protected:
  explicit PageProvider(mem::PhysicalRange lends = {}) noexcept : lends_(lends) {}

 private:
  const mem::PhysicalRange lends_;
};

using PageProviderRef = intrusive::RefPtr<PageProvider>;

}  // namespace quoll::vm
