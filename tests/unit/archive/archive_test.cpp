// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdio>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <quoll/archive/archive.hpp>

namespace quoll::archive {
namespace {

// A packer of our own for tests; `align` pads the name so that data is aligned.
class Packer {
 public:
  Packer& file(const std::string& path, const std::string& data, std::size_t align = 4,
               unsigned modified = 7) {
    return add(path, 0100644, data, align, modified);
  }
  Packer& directory(const std::string& path) { return add(path, 040755, "", 4, 9); }
  Packer& add(const std::string& path, unsigned mode, const std::string& data,
              std::size_t align = 4, unsigned modified = 7) {
    std::string name = path + '\0';
    while ((bytes_.size() + 110 + name.size()) % align != 0) name += '\0';
    char header[111];
    std::snprintf(header, sizeof header,
                  "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", ++inode_, mode,
                  0u, 0u, 1u, modified, data.size(), 0u, 0u, 0u, 0u, name.size(), 0u);
    bytes_.append(header, 110);
    bytes_ += name;
    pad();
    bytes_ += data;
    pad();
    return *this;
  }
  std::vector<std::byte> done() {
    add("TRAILER!!!", 0, "");
    return raw();
  }
  std::vector<std::byte> raw() const {
    std::vector<std::byte> out;
    for (const char c : bytes_) out.push_back(static_cast<std::byte>(c));
    return out;
  }

 private:
  void pad() {
    while (bytes_.size() % 4 != 0) bytes_ += '\0';
  }
  std::string bytes_;
  unsigned inode_ = 0;
};

std::string text(std::span<const std::byte> data) {
  std::string out;
  for (const std::byte b : data) out += static_cast<char>(b);
  return out;
}

std::vector<std::string> list(const Archive& archive, NodeId directory) {
  std::vector<std::string> out;
  for (std::uint64_t i = 0; const auto child = archive.child(directory, i); ++i) {
    out.emplace_back(archive.node(*child).name);
  }
  return out;
}

Error error_of(const std::vector<std::byte>& image) {
  const auto opened = Archive::open(image);
  EXPECT_FALSE(opened.has_value());
  return opened ? Error::kNoMemory : opened.error().error;
}

TEST(Archive, FindsFilesByComponents) {
  const auto image = Packer()
                         .directory(".")
                         .directory("bin")
                         .file("bin/hello.wasm", "abc")
                         .file("bin/a", "")
                         .file("readme", "text")
                         .done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(list(*archive, Archive::kRoot), (std::vector<std::string>{"bin", "readme"}));
  const auto bin = archive->lookup(Archive::kRoot, "bin");
  ASSERT_TRUE(bin);
  EXPECT_EQ(archive->node(*bin).kind, NodeKind::kDirectory);
  EXPECT_EQ(list(*archive, *bin), (std::vector<std::string>{"a", "hello.wasm"}));
  const auto hello = archive->lookup(*bin, "hello.wasm");
  ASSERT_TRUE(hello);
  EXPECT_EQ(text(archive->node(*hello).data), "abc");
  EXPECT_EQ(archive->node(*hello).mode, 0100644u);
  EXPECT_EQ(archive->node(*hello).modified_s, 7u);
  EXPECT_EQ(archive->resolve("/bin//./hello.wasm"), hello);
  EXPECT_FALSE(archive->lookup(*bin, "hello"));
  EXPECT_FALSE(archive->lookup(*bin, ""));
  EXPECT_FALSE(archive->lookup(*hello, "x"));
  EXPECT_FALSE(archive->resolve("bin/../readme"));
}

TEST(Archive, SynthesisesMissingParentsInAnyOrder) {
  const auto image =
      Packer().file("x/y/z", "1").file("a/b", "2").directory("x/y").file("x/k", "3").done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(list(*archive, Archive::kRoot), (std::vector<std::string>{"a", "x"}));
  EXPECT_EQ(list(*archive, *archive->resolve("x")), (std::vector<std::string>{"k", "y"}));
  EXPECT_EQ(text(archive->node(*archive->resolve("x/y/z")).data), "1");
  EXPECT_EQ(archive->node(*archive->resolve("x/y")).modified_s, 9u);
  EXPECT_EQ(archive->node(*archive->resolve("a")).mode, 0u);
}

TEST(Archive, SiblingsThatSortBeforeTheSlashStayApart) {
  // '-' and '.' are below '/', so a plain string order would tear x/ apart.
  const auto image =
      Packer().file("x/a", "1").file("x-", "2").file("x.b", "3").file("x/c", "4").done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(list(*archive, Archive::kRoot), (std::vector<std::string>{"x", "x-", "x.b"}));
  EXPECT_EQ(list(*archive, *archive->resolve("x")), (std::vector<std::string>{"a", "c"}));
}

TEST(Archive, TheLaterRecordOfAFileWins) {
  const auto image = Packer().file("f", "old").file("f", "new").done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(archive->size(), 2u);
  EXPECT_EQ(text(archive->node(*archive->resolve("f")).data), "new");
}

TEST(Archive, KeepsPaddedNamesAndAlignedData) {
  const auto image = Packer().file("one", "1", 4096).file("two", "22", 4096).done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  for (const char* name : {"one", "two"}) {
    const auto& data = archive->node(*archive->resolve(name)).data;
    EXPECT_EQ(static_cast<std::size_t>(data.data() - image.data()) % 4096, 0u);
  }
}

TEST(Archive, AnEmptyImageHasOnlyARoot) {
  const auto archive = Archive::open({});
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(archive->size(), 1u);
  EXPECT_FALSE(archive->child(Archive::kRoot, 0));
  EXPECT_EQ(archive->resolve("/"), Archive::kRoot);
}

TEST(Archive, RefusesWhatContradictsItself) {
  EXPECT_EQ(error_of(Packer().file("a", "").file("a/b", "").done()), Error::kConflict);
  EXPECT_EQ(error_of(Packer().file("a/b", "").file("a", "").done()), Error::kConflict);
  EXPECT_EQ(error_of(Packer().file("a", "").directory("a").done()), Error::kConflict);
  EXPECT_EQ(error_of(Packer().file("a/../b", "").done()), Error::kBadName);
  EXPECT_EQ(error_of(Packer().file("/", "").done()), Error::kBadName);
  EXPECT_EQ(error_of(Packer().file(std::string(256, 'n'), "").done()), Error::kBadName);
  EXPECT_EQ(error_of(Packer().file(std::string(5000, '/'), "").done()), Error::kBadName);
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "d/";
  EXPECT_EQ(error_of(Packer().file(deep, "").done()), Error::kTooDeep);
  EXPECT_EQ(error_of(Packer().file("a", "x").raw()), Error::kTruncated);
}

TEST(Archive, SkipsLinksAndDevices) {
  const auto image =
      Packer().add("link", 0120777, "target").add("tty", 020600, "").file("f", "").done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  EXPECT_EQ(list(*archive, Archive::kRoot), (std::vector<std::string>{"f"}));
}

TEST(Archive, RefusesEveryTruncation) {
  const auto image = Packer().directory("d").file("d/f", "content").file("g", "x").done();
  const std::size_t trailer_record = image.size() - 124;
  for (std::size_t length = 1; length < image.size(); ++length) {
    // A copy of the exact size, so that a read past the end is caught.
    const std::vector<std::byte> cut(image.begin(), image.begin() + static_cast<long>(length));
    const auto opened = Archive::open(cut);
    if (length <= trailer_record + 110) EXPECT_FALSE(opened.has_value()) << length;
  }
}

TEST(Archive, SurvivesRandomDamage) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto image = Packer()
                         .directory("d")
                         .file("d/f", "content")
                         .file("g/h/i", "x", 256)
                         .file("g/h/j", "y")
                         .done();
  for (int round = 0; round < 20000; ++round) {
    auto damaged = image;
    for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] =
          static_cast<std::byte>("0123456789ABCDEF/\0.x"[random() % 20]);
    }
    const auto opened = Archive::open(damaged);
    if (!opened) continue;
    for (std::size_t i = 0; i < opened->size(); ++i) {
      const Node& node = opened->node(NodeId(static_cast<std::uint32_t>(i)));
      if (!node.data.empty()) {
        EXPECT_GE(node.data.data(), damaged.data());
        EXPECT_LE(node.data.data() + node.data.size(), damaged.data() + damaged.size());
      }
      for (std::uint64_t c = 0;
           const auto child = opened->child(NodeId(static_cast<std::uint32_t>(i)), c); ++c) {
        EXPECT_EQ(opened->node(*child).parent, i);
        EXPECT_EQ(opened->lookup(NodeId(static_cast<std::uint32_t>(i)), opened->node(*child).name),
                  child);
      }
    }
  }
}

TEST(Archive, AgreesWithAModelOnRandomTrees) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Packer packer;
  std::map<std::string, std::string> model;
  for (int i = 0; i < 3000; ++i) {
    std::string path;
    for (unsigned depth = random() % 4; depth > 0; --depth)
      path += "d" + std::to_string(random() % 6) + "/";
    path += "f" + std::to_string(random() % 1000);
    model[path] = std::to_string(i);
    packer.file(path, model[path]);
  }
  const auto image = packer.done();
  const auto archive = Archive::open(image);
  ASSERT_TRUE(archive.has_value());
  std::size_t files = 0;
  for (std::size_t i = 0; i < archive->size(); ++i) {
    if (archive->node(NodeId(static_cast<std::uint32_t>(i))).kind == NodeKind::kFile) ++files;
  }
  EXPECT_EQ(files, model.size());
  for (const auto& [path, content] : model) {
    const auto found = archive->resolve(path);
    ASSERT_TRUE(found) << path;
    EXPECT_EQ(text(archive->node(*found).data), content);
  }
}

}  // namespace
}  // namespace quoll::archive
