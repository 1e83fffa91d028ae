// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>

#include <quoll/abi/limits.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/runtime/start_block.hpp>

namespace quoll::runtime {

std::optional<StartBlockView> StartBlockView::open(const abi::StartBlock* block) {
  if (block == nullptr || block->magic != abi::kStartMagic || block->version != abi::kVersion ||
      block->size < sizeof(abi::StartBlock)) {
    return std::nullopt;
  }
  const StartBlockView view(block);
  if (!view.fits(block->module_name) ||
      !view.fits_table(block->arguments, block->argument_count, sizeof(abi::StartString)) ||
      !view.fits_table(block->environment, block->environment_count, sizeof(abi::StartString)) ||
      !view.fits_table(block->preopens, block->preopen_count, sizeof(abi::StartPreopen))) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < block->argument_count; ++i) {
    if (!view.fits(view.string_at(block->arguments, i))) return std::nullopt;
  }
  for (std::size_t i = 0; i < block->environment_count; ++i) {
    if (!view.fits(view.string_at(block->environment, i))) return std::nullopt;
  }
  for (std::size_t i = 0; i < block->preopen_count; ++i) {
    if (!view.fits(view.preopen(i).name)) return std::nullopt;
  }
  return view;
}

std::string_view StartBlockView::argument(std::size_t index) const {
  return text(string_at(block_->arguments, index));
}

std::string_view StartBlockView::environment(std::size_t index) const {
  return text(string_at(block_->environment, index));
}

abi::StartPreopen StartBlockView::preopen(std::size_t index) const {
  abi::StartPreopen out{};
  std::memcpy(&out, bytes() + block_->preopens + index * sizeof(out), sizeof(out));
  return out;
}

std::string_view StartBlockView::text(abi::StartString string) const {
  // SAFETY: characters may be looked at in any object; `open` has checked the range.
  return {reinterpret_cast<const char*>(bytes() + string.offset), string.length};
}

const std::byte* StartBlockView::bytes() const {
  return static_cast<const std::byte*>(static_cast<const void*>(block_));
}

bool StartBlockView::fits_table(std::uint32_t offset, std::uint32_t count,
                                std::size_t element) const {
  return base::fits_within<std::uint64_t>(offset, std::uint64_t{count} * element, block_->size);
}

bool StartBlockView::fits(abi::StartString string) const {
  return base::fits_within<std::uint64_t>(string.offset, string.length, block_->size);
}

abi::StartString StartBlockView::string_at(std::uint32_t table, std::size_t index) const {
  abi::StartString out{};
  std::memcpy(&out, bytes() + table + index * sizeof(out), sizeof(out));
  return out;
}

}  // namespace quoll::runtime
