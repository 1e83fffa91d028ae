// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// spec_runner COUNTS DIRECTORY [FILE...]: runs the files of an unpacked suite, all but the vector
// ones unless some are named, and compares how many assertions it saw with the table COUNTS.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "runner.hpp"

namespace {

/// Reads how many assertions each file has: all columns of the table that are named so.
std::map<std::string, unsigned> read_counts(const char* path) {
  std::map<std::string, unsigned> counts;
  std::ifstream stream(path);
  std::string line;
  std::vector<bool> is_assertion;
  while (std::getline(stream, line)) {
    std::istringstream row(line);
    std::string cell;
    std::string file;
    for (std::size_t column = 0; std::getline(row, cell, '\t'); ++column) {
      if (column == 0) file = cell;
      if (file == "file") {
        is_assertion.push_back(cell.starts_with("assert_"));
      } else if (column < is_assertion.size() && is_assertion[column]) {
        counts[file] += static_cast<unsigned>(std::strtoul(cell.c_str(), nullptr, 10));
      }
    }
  }
  return counts;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: spec_runner COUNTS DIRECTORY [FILE...]\n");
    return 2;
  }
  const std::map<std::string, unsigned> counts = read_counts(argv[1]);
  std::vector<std::filesystem::path> files;
  for (int i = 3; i < argc; ++i) files.push_back(std::filesystem::path(argv[2]) / argv[i]);
  if (files.empty()) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
      if (!entry.path().filename().string().starts_with("simd")) files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  quoll::spec::Score total;
  unsigned seen_wrongly = 0;
  for (const auto& file : files) {
    const std::string name = file.filename().string();
    const quoll::spec::Score score = quoll::spec::Runner(file).run();
    total.passed += score.passed;
    total.failed += score.failed;
    total.text += score.text;
    const auto expected = counts.find(name);
    if (score.failed == 0 &&
        (expected == counts.end() || expected->second != score.passed + score.text)) {
      std::printf("%s: saw %u assertions, the table says otherwise\n", name.c_str(),
                  score.passed + score.text);
      ++seen_wrongly;
    }
  }
  std::printf("%zu files: %u assertions passed, %u failed, %u are for text parsers\n", files.size(),
              total.passed, total.failed, total.text);
  return total.failed == 0 && seen_wrongly == 0 && !files.empty() ? 0 : 1;
}
