// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/abi/limits.hpp>
#include <quoll/kernel/guest/start_block.hpp>

namespace quoll::guest {
namespace {

// Reads a block back as a guest would: by offsets, from the bytes alone.
class Reader {
 public:
  explicit Reader(const std::vector<std::byte>& bytes) : bytes_(bytes) {
    std::memcpy(&block, bytes.data(), sizeof block);
  }
  std::string string(abi::StartString place) const {
    EXPECT_LT(std::size_t{place.offset} + place.length, bytes_.size());
    EXPECT_EQ(bytes_[place.offset + place.length], std::byte{0});
    return {reinterpret_cast<const char*>(bytes_.data()) + place.offset, place.length};
  }
  std::string string_at(std::uint32_t table, std::uint32_t index) const {
    return string(read<abi::StartString>(table + index * 8));
  }
  abi::StartPreopen preopen(std::uint32_t index) const {
    return read<abi::StartPreopen>(block.preopens + index * 12);
  }
  abi::StartBlock block;

 private:
  template <typename T>
  T read(std::uint32_t offset) const {
    T value;
    EXPECT_LE(offset + sizeof(T), bytes_.size());
    std::memcpy(&value, bytes_.data() + offset, sizeof value);
    return value;
  }
  const std::vector<std::byte>& bytes_;
};

std::vector<std::byte> build(const abi::StartBlock& fixed, const StartStrings& strings) {
  const auto size = start_block_size(strings);
  EXPECT_TRUE(size.has_value());
  std::vector<std::byte> bytes(size.value_or(0), std::byte{0xee});
  write_start_block(bytes, fixed, strings);
  return bytes;
}

TEST(StartBlock, ReadsBackWhatWasGiven) {
  const std::string_view arguments[] = {"prog", "", "two words"};
  const std::string_view environment[] = {"A=1"};
  const PreopenName preopens[] = {{7, "/"}, {9, "data"}};
  abi::StartBlock fixed{};
  fixed.module = 3;
  fixed.stdin_stream = 4;
  fixed.stack_high = 0x1234000;
  const auto bytes = build(fixed, {"prog.wasm", arguments, environment, preopens});
  const Reader reader(bytes);
  EXPECT_EQ(reader.block.magic, abi::kStartMagic);
  EXPECT_EQ(reader.block.version, abi::kVersion);
  EXPECT_EQ(reader.block.size, bytes.size());
  EXPECT_EQ(reader.block.module, 3u);
  EXPECT_EQ(reader.block.stdin_stream, 4u);
  EXPECT_EQ(reader.block.stack_high, 0x1234000u);
  EXPECT_EQ(reader.string(reader.block.module_name), "prog.wasm");
  ASSERT_EQ(reader.block.argument_count, 3u);
  EXPECT_EQ(reader.string_at(reader.block.arguments, 0), "prog");
  EXPECT_EQ(reader.string_at(reader.block.arguments, 1), "");
  EXPECT_EQ(reader.string_at(reader.block.arguments, 2), "two words");
  ASSERT_EQ(reader.block.environment_count, 1u);
  EXPECT_EQ(reader.string_at(reader.block.environment, 0), "A=1");
  ASSERT_EQ(reader.block.preopen_count, 2u);
  EXPECT_EQ(reader.preopen(1).handle, 9u);
  EXPECT_EQ(reader.string(reader.preopen(0).name), "/");
  EXPECT_EQ(reader.string(reader.preopen(1).name), "data");
}

TEST(StartBlock, HoldsNothingWhenGivenNothing) {
  const auto bytes = build({}, {});
  EXPECT_EQ(bytes.size(), sizeof(abi::StartBlock) + 1);
  const Reader reader(bytes);
  EXPECT_EQ(reader.block.argument_count, 0u);
  EXPECT_EQ(reader.string(reader.block.module_name), "");
}

TEST(StartBlock, IsRefusedJustAboveTheLimit) {
  const std::size_t rest = sizeof(abi::StartBlock) + sizeof(abi::StartString) + 2;
  std::string text(abi::kMaxStartBlock - rest, 'x');
  std::string_view arguments[] = {text};
  EXPECT_EQ(start_block_size({"", arguments, {}, {}}), abi::kMaxStartBlock);
  text += 'x';
  arguments[0] = text;
  EXPECT_FALSE(start_block_size({"", arguments, {}, {}}));
}

TEST(StartBlock, ManyEmptyArgumentsCountToo) {
  const std::vector<std::string_view> arguments(abi::kMaxStartBlock / 9 + 1);
  EXPECT_FALSE(start_block_size({"", arguments, {}, {}}));
}

}  // namespace
}  // namespace quoll::guest
