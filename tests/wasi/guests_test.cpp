// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Programs that nobody here wrote, on the workstation: their output byte for byte.
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "child.hpp"

namespace quoll::wasi::testing {
namespace {

const std::filesystem::path kGuests = std::filesystem::path(QUOLL_SHARED_DIR) / "guests";

struct Guest {
  const char* program;
  std::vector<std::string> arguments;
  const char* expected;
  const char* directory = nullptr;  ///< as what the folder of data is preopened
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// CoreMark's own sums: the recorded lines among others that depend on time.
bool has_lines(const std::string& output, const std::string& lines) {
  for (std::size_t from = 0; from < lines.size();) {
    const std::size_t to = std::min(lines.find('\n', from), lines.size() - 1) + 1;
    if (("\n" + output).find("\n" + lines.substr(from, to - from)) == std::string::npos)
      return false;
    from = to;
  }
  return true;
}

class GuestTest : public ::testing::TestWithParam<Guest> {};

TEST_P(GuestTest, PrintsWhatWasRecorded) {
  const Guest& guest = GetParam();
  const auto program = kGuests / "bin" / guest.program;
  const auto expected = kGuests / "expected" / guest.expected;
  for (const auto& path : {program, expected}) {
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "missing: " << path;
  }
  std::vector<std::string> words{QUOLL_HOST_RUN};
  if (guest.directory != nullptr) {
    words.push_back("--dir");
    words.push_back((kGuests / "dir").string() + "::" + guest.directory);
  }
  words.push_back(program.string());
  words.insert(words.end(), guest.arguments.begin(), guest.arguments.end());

  const Finished finished = run_child(words);
  EXPECT_EQ(finished.status, 0) << finished.errors;
  const std::string recorded = read_file(expected);
  if (expected.extension() == ".crc") {
    EXPECT_TRUE(has_lines(finished.output, recorded)) << finished.output;
  } else {
    EXPECT_TRUE(finished.output == recorded) << finished.output;
  }
}

const Guest kAllGuests[] = {
    {"mandel.wasm", {"32", "1e3"}, "mandel.out"},
    {"smallpt.wasm", {"1", "8"}, "smallpt.out"},
    {"binary_trees.wasm", {"8"}, "binary_trees.out"},
    {"fannkuch_redux.wasm", {"7"}, "fannkuch.out"},
    {"fasta.wasm", {"1000"}, "fasta.out"},
    {"nbody.wasm", {"2000"}, "nbody.out"},
    {"coremark.wasm", {"0x0", "0x0", "0x66", "200", "7", "1", "2000"}, "coremark.crc"},
    {"cat-zig.wasm", {"data.txt"}, "cat-zig.out", "/"},
    {"cat-rust.wasm", {"/d/data.txt"}, "cat-rust.out", "/d"},
    {"cat-tinygo.wasm", {"/d/data.txt"}, "cat-tinygo.out", "/d"},
};

INSTANTIATE_TEST_SUITE_P(Programs, GuestTest, ::testing::ValuesIn(kAllGuests),
                         [](const ::testing::TestParamInfo<Guest>& info) {
                           std::string name = info.param.program;
                           name = name.substr(0, name.find('.'));
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

TEST(HostRun, HasItsOwnStatusForEachKindOfFailure) {
  EXPECT_EQ(run_child({QUOLL_HOST_RUN, "/nonexistent.wasm"}).status, 127);
  EXPECT_EQ(run_child({QUOLL_HOST_RUN, "/dev/null"}).status, 126);
  EXPECT_EQ(run_child({QUOLL_HOST_RUN}).status, 2);
  EXPECT_EQ(run_child({QUOLL_HOST_RUN, "--what", "x"}).status, 2);
  EXPECT_EQ(run_child({QUOLL_HOST_RUN, "--dir", "/nonexistent", "x.wasm"}).status, 2);
}

}  // namespace
}  // namespace quoll::wasi::testing
