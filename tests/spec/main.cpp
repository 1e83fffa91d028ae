// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// spec_runner SET DIRECTORY COUNTS LISTS [SCRIPT...]: runs the scripts of a set, which are unpacked
// in DIRECTORY and are those that the table COUNTS has, or the ones named alone, on the
// workstation. LISTS is the folder with sets.tsv and exceptions.tsv.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "numbers.hpp"
#include "plan.hpp"
#include "runner.hpp"

namespace {

using quoll::spec::Plan;
using quoll::spec::Tally;

bool read_file(const std::filesystem::path& path, std::vector<std::uint8_t>& out) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return false;
  out.assign(std::istreambuf_iterator<char>(stream), {});
  return true;
}

bool read_text(const std::filesystem::path& path, std::string& out) {
  std::vector<std::uint8_t> bytes;
  if (!read_file(path, bytes)) {
    std::fprintf(stderr, "spec_runner: %s cannot be read\n", path.c_str());
    return false;
  }
  out.assign(bytes.begin(), bytes.end());
  return true;
}

class Folder : public quoll::spec::Files {
 public:
  explicit Folder(std::filesystem::path path) : path_(std::move(path)) {}
  bool read(const std::string& path, std::vector<std::uint8_t>& out) const override {
    return read_file(path_ / path, out);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: spec_runner SET DIRECTORY COUNTS LISTS [SCRIPT...]\n");
    return 2;
  }
  const std::filesystem::path lists(argv[4]);
  const std::vector<std::string> only(argv + 5, argv + argc);
  std::string counts;
  std::string sets;
  std::string exceptions;
  if (!read_text(argv[3], counts) || !read_text(lists / "sets.tsv", sets) ||
      !read_text(lists / "exceptions.tsv", exceptions)) {
    return 2;
  }
  Plan plan;
  const std::string why_not =
      make_plan({.counts = counts, .sets = sets, .exceptions = exceptions}, argv[1], only, plan);
  if (!why_not.empty()) {
    std::fprintf(stderr, "spec_runner: %s\n", why_not.c_str());
    return 2;
  }
  quoll::wasm::EngineConfig engine;
  engine.memory = quoll::wasm::host_memory_provider();
  const Folder files(argv[2]);
  const quoll::spec::Report report = [](const std::string& line) {
    std::printf("%s\n", line.c_str());
  };
  const Tally total = run_scripts({.set = plan.set,
                                   .exceptions = plan.exceptions,
                                   .engine = engine,
                                   .files = files,
                                   .report = report},
                                  plan.scripts);
  if (only.empty() && total.seen.assertions() != plan.set.assertions) {
    report("the set should have " + quoll::spec::decimal(plan.set.assertions) + " assertions");
    return 1;
  }
  return total.faults == 0 ? 0 : 1;
}
