// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The start block as the runtime uses it: checked once, then views.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/abi/types.hpp>

namespace quoll::runtime {

/// A start block that has been checked: every table and string lies inside of it.
class StartBlockView {
 public:
  /// Nothing when the block is not of this version, or something points outside of it.
  /// *Requires*: as many bytes at `block` as it says itself, and no fewer than a StartBlock.
  static std::optional<StartBlockView> open(const abi::StartBlock* block);

  const abi::StartBlock& header() const { return *block_; }
  std::string_view module_name() const { return text(block_->module_name); }
  std::size_t argument_count() const { return block_->argument_count; }
  std::string_view argument(std::size_t index) const;
  std::size_t environment_count() const { return block_->environment_count; }
  std::string_view environment(std::size_t index) const;
  std::size_t preopen_count() const { return block_->preopen_count; }
  abi::StartPreopen preopen(std::size_t index) const;
  std::string_view text(abi::StartString string) const;

 private:
  explicit StartBlockView(const abi::StartBlock* block) : block_(block) {}

  const std::byte* bytes() const;
  bool fits_table(std::uint32_t offset, std::uint32_t count, std::size_t element) const;
  bool fits(abi::StartString string) const;
  abi::StartString string_at(std::uint32_t table, std::size_t index) const;

  const abi::StartBlock* block_;
};

}  // namespace quoll::runtime
