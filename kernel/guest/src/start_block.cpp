// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>

#include <quoll/abi/limits.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/guest/start_block.hpp>

namespace quoll::guest {
namespace {

// Adds up sizes and remembers whether they ever exceeded the limit; each term is checked alone,
// so the sum cannot overflow.
class BoundedSize {
 public:
  void add(std::size_t bytes) noexcept {
    if (bytes > abi::kMaxStartBlock - size_) {
      exceeded_ = true;
    } else {
      size_ += bytes;
    }
  }
  void add_table(std::size_t count, std::size_t element) noexcept {
    if (count > abi::kMaxStartBlock / element) {
      exceeded_ = true;
    } else {
      add(count * element);
    }
  }
  // A string and the NUL behind it.
  void add_string(std::string_view text) noexcept {
    add(text.size());
    add(1);
  }
  std::optional<std::size_t> value() const noexcept {
    if (exceeded_) return std::nullopt;
    return size_;
  }

 private:
  std::size_t size_ = 0;
  bool exceeded_ = false;
};

// Places tables and strings one after another.
class Writer {
 public:
  explicit Writer(std::span<std::byte> out, std::size_t strings_at)
      : out_(out), next_string_(strings_at) {}

  template <typename T>
  void put(std::size_t offset, const T& value) {
    QUOLL_ASSERT(offset + sizeof(T) <= out_.size());
    std::memcpy(out_.data() + offset, &value, sizeof(T));
  }
  abi::StartString put_string(std::string_view text) {
    QUOLL_ASSERT(next_string_ + text.size() + 1 <= out_.size());
    const abi::StartString place{static_cast<std::uint32_t>(next_string_),
                                 static_cast<std::uint32_t>(text.size())};
    if (!text.empty()) std::memcpy(out_.data() + next_string_, text.data(), text.size());
    out_[next_string_ + text.size()] = std::byte{0};
    next_string_ += text.size() + 1;
    return place;
  }
  std::size_t end() const noexcept { return next_string_; }

 private:
  std::span<std::byte> out_;
  std::size_t next_string_;
};

}  // namespace

std::optional<std::size_t> start_block_size(const StartStrings& strings) noexcept {
  BoundedSize size;
  size.add(sizeof(abi::StartBlock));
  size.add_table(strings.arguments.size(), sizeof(abi::StartString));
  size.add_table(strings.environment.size(), sizeof(abi::StartString));
  size.add_table(strings.preopens.size(), sizeof(abi::StartPreopen));
  size.add_string(strings.module_name);
  for (const std::string_view text : strings.arguments) size.add_string(text);
  for (const std::string_view text : strings.environment) size.add_string(text);
  for (const PreopenName& preopen : strings.preopens) size.add_string(preopen.name);
  return size.value();
}

void write_start_block(std::span<std::byte> out, const abi::StartBlock& fixed,
                       const StartStrings& strings) noexcept {
  const std::size_t arguments_at = sizeof(abi::StartBlock);
  const std::size_t environment_at =
      arguments_at + strings.arguments.size() * sizeof(abi::StartString);
  const std::size_t preopens_at =
      environment_at + strings.environment.size() * sizeof(abi::StartString);
  Writer writer(out, preopens_at + strings.preopens.size() * sizeof(abi::StartPreopen));

  abi::StartBlock block = fixed;
  block.magic = abi::kStartMagic;
  block.version = abi::kVersion;
  block.size = static_cast<std::uint32_t>(out.size());
  block.module_name = writer.put_string(strings.module_name);
  block.argument_count = static_cast<std::uint32_t>(strings.arguments.size());
  block.arguments = static_cast<std::uint32_t>(arguments_at);
  block.environment_count = static_cast<std::uint32_t>(strings.environment.size());
  block.environment = static_cast<std::uint32_t>(environment_at);
  block.preopen_count = static_cast<std::uint32_t>(strings.preopens.size());
  block.preopens = static_cast<std::uint32_t>(preopens_at);

  std::size_t at = arguments_at;
  for (const std::string_view text : strings.arguments) {
    writer.put(at, writer.put_string(text));
    at += sizeof(abi::StartString);
  }
  for (const std::string_view text : strings.environment) {
    writer.put(at, writer.put_string(text));
    at += sizeof(abi::StartString);
  }
  for (const PreopenName& preopen : strings.preopens) {
    writer.put(at, abi::StartPreopen{preopen.handle, writer.put_string(preopen.name)});
    at += sizeof(abi::StartPreopen);
  }
  writer.put(0, block);
  QUOLL_ASSERT(writer.end() == out.size());
}

}  // namespace quoll::guest
