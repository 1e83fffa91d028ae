// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/fdt/walk.hpp>

#include "compile.hpp"

namespace quoll::fdt {
namespace {

using test::Blob;

constexpr char kSource[] = R"(/dts-v1/;
/memreserve/ 0x80000000 0x20000;
/memreserve/ 0x123456789a 0x1000;
/ {
  #address-cells = <2>;
  #size-cells = <1>;
  aliases { console = &uart; };
  memory@80000000 { device_type = "memory"; reg = <0x0 0x80000000 0x1000>; };
  soc {
    #address-cells = <1>;
    #size-cells = <1>;
    uart: serial@100 {
      compatible = "vendor,fast", "ns16550a";
      reg = <0x100 0x10>;
      status = "okay";
      long = <0x1 0x2>;
      flag;
      wide = [01 02 03];
    };
    off@200 { status = "disabled"; };
  };
};
)";

#define COMPILE_OR_SKIP(name, source)                  \
  const auto name##_blob = test::compile_tree(source); \
  if (!name##_blob) GTEST_SKIP() << "dtc is missing";  \
  const Blob& name = *name##_blob

void store_be32(const Blob& blob, std::size_t at, std::uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(&blob[at], &value, sizeof value);
}

std::uint32_t load_be32(const Blob& blob, std::size_t at) {
  std::uint32_t value;
  std::memcpy(&value, &blob[at], sizeof value);
  return __builtin_bswap32(value);
}

// Everything that a reader may ask of a tree that was accepted.
void read_everything(const DeviceTree& tree) {
  std::size_t bytes = 0;
  for (Walk walk(tree); walk.next();) {
    bytes += walk.node().name().size();
    for (const Property property : walk.node().properties()) {
      bytes += property.name().size();
      for (const std::byte byte : property.data()) bytes += std::to_integer<std::size_t>(byte);
      static_cast<void>(property.as_string());
      static_cast<void>(property.has_string("x"));
    }
    for (const Node child : walk.node().children()) bytes += child.name().size();
    static_cast<void>(walk.reg());
    static_cast<void>(walk.reg(1));
    static_cast<void>(walk.is_available());
    static_cast<void>(walk.interrupt_parent());
  }
  for (std::size_t i = 0; i < tree.reservation_count(); ++i) {
    bytes += tree.reservation(i).size & 1;
  }
  static_cast<void>(tree.find("/soc/serial@100"));
  static_cast<void>(tree.find("console"));
  static_cast<void>(tree.find_phandle(1));
  static_cast<void>(bytes);
}

TEST(DeviceTree, ReadsReservationBlock) {
  COMPILE_OR_SKIP(blob, kSource);
  const auto tree = DeviceTree::open(blob.data(), blob.size());
  ASSERT_TRUE(tree.has_value());
  EXPECT_EQ(tree->size(), blob.size());
  ASSERT_EQ(tree->reservation_count(), 2U);
  EXPECT_EQ(tree->reservation(0).address, 0x80000000U);
  EXPECT_EQ(tree->reservation(1).address, 0x123456789aU);
  EXPECT_EQ(tree->reservation(1).size, 0x1000U);
  EXPECT_EQ(tree->reservation(2).size, 0U);
}

TEST(DeviceTree, FindsNodesByPathAliasAndPhandle) {
  COMPILE_OR_SKIP(blob, kSource);
  const auto tree = DeviceTree::open(blob.data(), blob.size());
  ASSERT_TRUE(tree.has_value());
  const auto uart = tree->find("/soc/serial@100");
  ASSERT_TRUE(uart.has_value());
  EXPECT_EQ(tree->find("console"), uart);
  EXPECT_EQ(tree->find("console:115200n8"), uart);
  EXPECT_FALSE(tree->find("/soc/none").has_value());
  EXPECT_FALSE(tree->find("").has_value());
  EXPECT_EQ(uart->base_name(), "serial");
}

TEST(Node, ReadsPropertiesOnlyInTheirOwnSize) {
  COMPILE_OR_SKIP(blob, kSource);
  const auto tree = DeviceTree::open(blob.data(), blob.size());
  const auto uart = tree->find("/soc/serial@100");
  ASSERT_TRUE(uart.has_value());
  EXPECT_TRUE(uart->is_compatible("ns16550a"));
  EXPECT_TRUE(uart->is_compatible("vendor,fast"));
  EXPECT_FALSE(uart->is_compatible("ns16550"));
  EXPECT_TRUE(uart->has("flag"));
  EXPECT_FALSE(uart->u32("flag").has_value());
  EXPECT_FALSE(uart->u32("long").has_value());
  EXPECT_FALSE(uart->u32("wide").has_value());
  EXPECT_EQ(uart->property("long")->as_u64(), 0x100000002U);
  EXPECT_EQ(uart->property("long")->as_number(), 0x100000002U);
  EXPECT_FALSE(uart->property("flag")->as_string().has_value());
  EXPECT_FALSE(uart->has("fla"));
  EXPECT_FALSE(uart->has("flags"));
  EXPECT_TRUE(uart->is_available());
  EXPECT_FALSE(tree->find("/soc/off@200")->is_available());
}

TEST(Cells, TakeSaysWhenANumberDoesNotFit) {
  const std::array<std::byte, 12> bytes{std::byte{1}};
  Cells cells(bytes);
  EXPECT_FALSE(cells.take(3).has_value());
  EXPECT_TRUE(cells.empty());
  EXPECT_FALSE(cells.take(1).has_value());
  EXPECT_EQ(cells.take(0), 0U);
}

TEST(Node, EraseValueClearsTheBytesAndKeepsTheProperty) {
  COMPILE_OR_SKIP(blob, "/dts-v1/; / { chosen { rng-seed = [11 22 33 44 55]; }; };");
  const auto tree = DeviceTree::open(blob.data(), blob.size());
  const auto chosen = tree->find("/chosen");
  ASSERT_TRUE(chosen.has_value());
  EXPECT_TRUE(erase_value(blob.data(), *chosen, "rng-seed"));
  const auto seed = chosen->property("rng-seed");
  ASSERT_TRUE(seed.has_value());
  EXPECT_EQ(seed->data().size(), 5U);
  for (const std::byte byte : seed->data()) EXPECT_EQ(byte, std::byte{0});
  EXPECT_FALSE(erase_value(blob.data(), *chosen, "none"));
}

TEST(DeviceTreeOpen, NamesWhatIsWrongWithAHeader) {
  COMPILE_OR_SKIP(blob, kSource);
  const auto error_after = [&](std::size_t at, std::uint32_t value) {
    const Blob copy = blob.prefix(blob.size());
    store_be32(copy, at, value);
    const auto tree = DeviceTree::open(copy.data(), copy.size());
    return tree ? std::nullopt : std::optional(tree.error());
  };
  EXPECT_EQ(error_after(0, 0), Error::kWrongMagic);
  EXPECT_EQ(error_after(20, 16), Error::kWrongVersion);
  EXPECT_EQ(error_after(24, 99), Error::kWrongVersion);
  EXPECT_EQ(error_after(4, 100), Error::kTruncated);
  EXPECT_EQ(error_after(4, static_cast<std::uint32_t>(blob.size()) + 1), Error::kTruncated);
  EXPECT_EQ(error_after(8, static_cast<std::uint32_t>(blob.size())), Error::kTruncated);
  EXPECT_EQ(error_after(36, 8), Error::kTruncated);
  const Blob shifted("1234" + std::string(static_cast<char*>(blob.data()), blob.size()));
  const auto misaligned = DeviceTree::open(&shifted[4], blob.size());
  ASSERT_FALSE(misaligned.has_value());
  EXPECT_EQ(misaligned.error(), Error::kMisaligned);
}

// A length near 2^32 makes libfdt's own walk come back to where it was, for ever.
TEST(DeviceTreeOpen, RefusesALengthThatWrapsAround) {
  COMPILE_OR_SKIP(blob, kSource);
  const std::size_t structure = load_be32(blob, 8);
  for (std::uint32_t length : {0xFFFFFFF4U, 0xFFFFFFFFU, 0xFFFFFFF0U, 0x80000000U, 0x7FFFFFFFU}) {
    const Blob copy = blob.prefix(blob.size());
    // The root's first property: its begin token and empty name come before it.
    ASSERT_EQ(load_be32(copy, structure + 8), 3U);
    store_be32(copy, structure + 12, length);
    EXPECT_FALSE(DeviceTree::open(copy.data(), copy.size()).has_value());
  }
}

TEST(DeviceTreeOpen, RefusesNodesThatAreNestedTooDeeply) {
  const auto nested = [](unsigned levels) {
    std::string source = "/dts-v1/; / {";
    for (unsigned i = 0; i < levels; ++i) source += " n {";
    for (unsigned i = 0; i < levels; ++i) source += " };";
    return source + " };";
  };
  COMPILE_OR_SKIP(fits, nested(kMaxDepth));
  const auto accepted = DeviceTree::open(fits.data(), fits.size());
  ASSERT_TRUE(accepted.has_value());
  read_everything(*accepted);
  COMPILE_OR_SKIP(deep, nested(kMaxDepth + 1));
  const auto tree = DeviceTree::open(deep.data(), deep.size());
  ASSERT_FALSE(tree.has_value());
  EXPECT_EQ(tree.error(), Error::kTooDeep);
}

TEST(DeviceTreeOpen, RefusesEveryPrefix) {
  COMPILE_OR_SKIP(blob, kSource);
  for (std::size_t size = 40; size < blob.size(); ++size) {
    const Blob prefix = blob.prefix(size);
    EXPECT_FALSE(DeviceTree::open(prefix.data(), size).has_value()) << size;
  }
}

// The header says that all is there, and the end is missing.
TEST(DeviceTreeOpen, SurvivesAnEndOfZeros) {
  COMPILE_OR_SKIP(blob, kSource);
  for (std::size_t size = 40; size < blob.size(); ++size) {
    const Blob cut = blob.prefix(blob.size());
    std::memset(&cut[size], 0, blob.size() - size);
    const auto tree = DeviceTree::open(cut.data(), cut.size());
    if (tree) read_everything(*tree);
  }
}

TEST(DeviceTreeOpen, WhatItAcceptsCanBeReadWhateverBitsFlip) {
  COMPILE_OR_SKIP(blob, kSource);
  for (std::size_t at = 0; at < blob.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const Blob copy = blob.prefix(blob.size());
      copy[at] = static_cast<unsigned char>(copy[at] ^ 1U << bit);
      const auto tree = DeviceTree::open(copy.data(), copy.size());
      if (tree) read_everything(*tree);
    }
  }
}

TEST(DeviceTreeOpen, WhatItAcceptsCanBeReadWhateverWordsChange) {
  COMPILE_OR_SKIP(blob, kSource);
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 20000; ++round) {
    const Blob copy = blob.prefix(blob.size());
    for (int i = 0; i < 3; ++i) {
      const std::size_t at = random() % (copy.size() / 4) * 4;
      const std::uint32_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      4,
                                      9,
                                      0xFFFFFFFF,
                                      0x7FFFFFFF,
                                      static_cast<std::uint32_t>(random() % 64),
                                      static_cast<std::uint32_t>(random())};
      store_be32(copy, at, values[random() % std::size(values)]);
    }
    const auto tree = DeviceTree::open(copy.data(), copy.size());
    if (tree) read_everything(*tree);
  }
}

}  // namespace
}  // namespace quoll::fdt
