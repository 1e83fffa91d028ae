// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Names from the custom section `name`, which may hold anything at all: it never makes a module
// invalid, and nothing beyond it is read.
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::ModuleBuilder;
using test::unsigned_leb;

Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
Bytes text(std::string_view words) {
  return join({unsigned_leb(words.size()), Bytes(words.begin(), words.end())});
}
Bytes subsection(std::uint8_t id, const Bytes& content) {
  return join({{id}, unsigned_leb(content.size()), content});
}
Bytes function_names() {
  return join({{4}, {0}, text("first"), {1}, text("größe"), {2}, text(""), {3}, text("x\x1b[0m")});
}

/// Four functions, and behind them a custom section `name` of that content.
Bytes with_names(const Bytes& content) {
  ModuleBuilder m;
  const auto type = m.type({}, {});
  for (int i = 0; i < 4; ++i) m.function(type, {});
  const Bytes section = join({text("name"), content});
  return join({m.build(), {0}, unsigned_leb(section.size()), section});
}

/// Decodes, which must succeed, and asks for every name. The bytes are exactly as long as they
/// say, so that a sanitizer sees every read beyond them.
std::vector<std::string> names_of(const Bytes& bytes) {
  const std::unique_ptr<std::uint8_t[]> exact(new std::uint8_t[bytes.size()]);
  std::ranges::copy(bytes, exact.get());
  const auto module = Module::decode({exact.get(), bytes.size()});
  EXPECT_TRUE(module.has_value());
  std::vector<std::string> names;
  for (std::uint32_t i = 0; module && i < 6; ++i) names.emplace_back((*module)->function_name(i));
  return names;
}

TEST(FunctionNames, AreFoundBetweenOtherSubsections) {
  const Bytes content = join({subsection(0, text("module")), subsection(1, function_names()),
                              subsection(2, {1, 2, 3}), subsection(77, {})});
  EXPECT_EQ(names_of(with_names(content)),
            (std::vector<std::string>{"first", "größe", "", "x\x1b[0m", "", ""}));
}

TEST(FunctionNames, AreBytesAndNotNecessarilyUtf8) {
  const Bytes content = subsection(1, join({{1}, {0}, text("\xff\x80")}));
  EXPECT_EQ(names_of(with_names(content))[0], "\xff\x80");
}

TEST(FunctionNames, OfATruncatedSectionAreThoseInFront) {
  const Bytes content = subsection(1, function_names());
  const Bytes whole = with_names(content);
  const std::vector<std::string> all = names_of(whole);
  for (std::size_t length = 0; length < content.size(); ++length) {
    const Bytes cut(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(length));
    const std::vector<std::string> names = names_of(with_names(cut));
    for (std::size_t i = 0; i < names.size(); ++i) {
      EXPECT_TRUE(names[i].empty() || names[i] == all[i]) << length;
    }
  }
  // The same with the subsection's length in order.
  const Bytes inner = function_names();
  for (std::size_t length = 0; length < inner.size(); ++length) {
    const Bytes cut(inner.begin(), inner.begin() + static_cast<std::ptrdiff_t>(length));
    const std::vector<std::string> names = names_of(with_names(subsection(1, cut)));
    EXPECT_EQ(names[0], length >= 7 + 1 ? "first" : "") << length;
  }
}

TEST(FunctionNames, OfAFlippedSectionDoNoHarm) {
  const Bytes content = join({subsection(0, text("m")), subsection(1, function_names())});
  for (std::size_t at = 0; at < content.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes flipped = content;
      flipped[at] = static_cast<std::uint8_t>(flipped[at] ^ (1u << bit));
      EXPECT_EQ(names_of(with_names(flipped)).size(), 6u);
    }
  }
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    Bytes wild = content;
    for (unsigned i = random() % 6; i > 0; --i) {
      wild[random() % wild.size()] = static_cast<std::uint8_t>(random());
    }
    EXPECT_EQ(names_of(with_names(wild)).size(), 6u) << "seed " << seed;
  }
}

TEST(FunctionNames, WithHugeNumbersEndWhereTheBytesDo) {
  const Bytes huge = {0xff, 0xff, 0xff, 0xff, 0x0f};
  EXPECT_EQ(names_of(with_names(subsection(1, join({huge, {0}, text("a")}))))[0], "a");
  EXPECT_EQ(names_of(with_names(subsection(1, join({{1}, {0}, huge, {'a'}}))))[0], "");
  EXPECT_EQ(names_of(with_names(subsection(1, join({{1}, huge, text("a")}))))[0], "");
  EXPECT_EQ(names_of(with_names(join({{1}, huge, {1, 0}, text("a")})))[0], "");
  EXPECT_EQ(names_of(with_names({1}))[0], "");
}

TEST(FunctionNames, AnExportStandsInForANameThatIsMissing) {
  ModuleBuilder m;
  const auto type = m.type({}, {});
  m.import_function("env", "first", type);
  m.import_function("env", "second", type);
  const auto f = m.function(type, {});
  m.memory(1);
  m.export_as("memory", ExternKind::kMemory, 0);
  m.export_as("run", ExternKind::kFunction, f);
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  EXPECT_EQ((*module)->function_export(f), "run");
  EXPECT_EQ((*module)->function_export(0), "");
  EXPECT_EQ((*module)->function_import(1).name, "second");
}

}  // namespace
}  // namespace quoll::wasm
