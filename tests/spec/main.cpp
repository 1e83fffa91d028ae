// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// spec_runner SET DIRECTORY COUNTS EXCEPTIONS [SCRIPT...]: runs the scripts of a set, which are
// unpacked in DIRECTORY and are those that the table COUNTS has, or the ones named alone.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "runner.hpp"

namespace {

using quoll::spec::Exception;
using quoll::spec::ScriptCounts;
using quoll::spec::Set;
using quoll::spec::Tally;

bool read_file(const std::filesystem::path& path, std::vector<std::uint8_t>& out) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return false;
  out.assign(std::istreambuf_iterator<char>(stream), {});
  return true;
}

bool read_text(const char* path, std::string& out) {
  std::vector<std::uint8_t> bytes;
  if (!read_file(path, bytes)) {
    std::fprintf(stderr, "spec_runner: %s cannot be read\n", path);
    return false;
  }
  out.assign(bytes.begin(), bytes.end());
  return true;
}

class Folder : public quoll::spec::Files {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  bool read(const std::string& name, std::vector<std::uint8_t>& out) const override {
    return read_file(path_ / name, out);
  }

 private:
  std::filesystem::path path_;
};

/// The scripts of the set, or those of them that are named.
std::vector<ScriptCounts> choose(const Set& set, const std::string& counts,
                                 const std::vector<std::string>& names) {
  std::vector<ScriptCounts> scripts = quoll::spec::read_counts(counts);
  std::erase_if(scripts, [&](const ScriptCounts& script) {
    return !contains(set, script.name) ||
           (!names.empty() && std::ranges::find(names, script.name) == names.end());
  });
  return scripts;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: spec_runner SET DIRECTORY COUNTS EXCEPTIONS [SCRIPT...]\n");
    return 2;
  }
  const Set* set = quoll::spec::find_set(argv[1]);
  std::string counts;
  std::string list;
  std::vector<Exception> exceptions;
  if (set == nullptr) {
    std::fprintf(stderr, "spec_runner: there is no set %s\n", argv[1]);
    return 2;
  }
  if (!read_text(argv[3], counts) || !read_text(argv[4], list)) return 2;
  if (!quoll::spec::read_exceptions(list, exceptions)) {
    std::fprintf(stderr, "spec_runner: %s has a row without four cells\n", argv[4]);
    return 2;
  }
  const std::vector<std::string> names(argv + 5, argv + argc);
  const std::vector<ScriptCounts> scripts = choose(*set, counts, names);
  const auto report = [](const std::string& line) { std::printf("%s\n", line.c_str()); };
  Tally total;
  for (const ScriptCounts& script : scripts) {
    const Folder folder(std::filesystem::path(argv[2]) / script.name);
    const Tally tally = run_script(*set, script, exceptions, folder, report);
    report(script.name + ": " + describe(tally));
    total += tally;
  }
  report(std::string(set->name) + ", " + std::to_string(scripts.size()) +
         " scripts: " + describe(total));
  if (!names.empty()) return total.faults == 0 && scripts.size() == names.size() ? 0 : 1;
  if (total.seen.assertions() != set->assertions) {
    report("the set should have " + std::to_string(set->assertions) + " assertions");
    return 1;
  }
  return total.faults == 0 ? 0 : 1;
}
