// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The model tests: random sequences, injected failures, and kept sequences.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "child.hpp"
#include "injection.hpp"
#include "sequence_file.hpp"
#include "shrink.hpp"

namespace quoll::model {
namespace {

constexpr const char* kUsage =
    "usage: model_test [--steps N] [--seed S] [--harts 1..4] [--mode 39|48|57] [--system NAME]\n"
    "                  [--verbose]\n"
    "       model_test --inject [--all] [--seed S] [--harts N] [--mode M] [--system NAME]\n"
    "       model_test --replay FILE...      (folders: all *.seq in them)\n";
constexpr std::size_t kMostShrinkRuns = 3000;

struct Options {
  std::uint64_t steps = 200'000;
  std::optional<std::uint64_t> seed;
  unsigned harts = 0;  // 0: one to four, in turn
  unsigned mode = 0;   // 0: all
  std::string system;
  bool injects = false;
  bool all_sites = false;
  bool verbose = false;
  std::vector<std::string> replays;
};

bool selects(const Options& options, const SystemInfo& system, unsigned mode) {
  if (system.kinds.empty()) return false;
  if (!options.system.empty() && options.system != system.name) return false;
  return options.mode == 0 || mode == 0 || options.mode == mode;
}

/// Shrinks a failing sequence, keeps it, and tells how to see it again.
void tell_failure(const SystemInfo& system, Sequence sequence, const Verdict& verdict) {
  std::printf("FAILED: %s, mode %u, %u harts, seed %llu, at step %llu:\n%s\n",
              sequence.setting.system.c_str(), sequence.setting.mode, sequence.setting.harts,
              static_cast<unsigned long long>(sequence.setting.seed),
              static_cast<unsigned long long>(verdict.progress.step), verdict.what.c_str());
  const Shrunk shrunk = shrink(system, std::move(sequence), verdict, kMostShrinkRuns);
  std::filesystem::create_directories("model-failures");
  const std::string path = "model-failures/" + shrunk.sequence.setting.system + "-" +
                           std::to_string(shrunk.sequence.setting.mode) + "-" +
                           std::to_string(shrunk.sequence.setting.seed) + ".seq";
  write_file(path, to_text(shrunk.sequence, shrunk.verdict.what));
  std::printf("shrunk in %zu runs to %zu operations:\n%s\nkept; again: model_test --replay %s\n",
              shrunk.runs, shrunk.sequence.operations.size(),
              to_text(shrunk.sequence, shrunk.verdict.what).c_str(),
              std::filesystem::absolute(path).c_str());
}

/// The setting of an episode; the number of harts goes round.
Setting episode(const SystemInfo& system, unsigned mode, const Options& options, std::uint64_t seed,
                std::uint64_t number) {
  const unsigned harts = options.harts != 0 ? options.harts : static_cast<unsigned>(1 + number % 4);
  return {std::string(system.name), mode, harts,
          mix(mix(mix(seed, mode), number), system.name.size())};
}

/// All episodes of one system in one mode. False when one failed.
bool run_episodes(const SystemInfo& system, unsigned mode, const Options& options,
                  std::uint64_t seed, std::uint64_t steps, Guide& guide) {
  const std::uint64_t episodes = (steps + system.episode - 1) / system.episode;
  constexpr std::uint64_t kBatch = 64;  // a child's share
  for (std::uint64_t first = 0; first < episodes; first += kBatch) {
    const Verdict verdict = in_child(3600, Leaks::kChecked, [&](Progress& progress) {
      for (std::uint64_t n = first; n < std::min(first + kBatch, episodes); ++n) {
        progress.episode = n;
        const std::uint64_t rest = steps - n * system.episode;
        run_guided(system, episode(system, mode, options, seed, n),
                   static_cast<std::size_t>(std::min<std::uint64_t>(system.episode, rest)), guide,
                   progress);
      }
    });
    if (verdict.passed) continue;
    tell_failure(system,
                 {episode(system, mode, options, seed, verdict.progress.episode),
                  {guide.drawn().begin(), guide.drawn().end()}},
                 verdict);
    return false;
  }
  return true;
}

bool run_random(const Options& options, std::uint64_t seed) {
  std::printf("seed %llu, %llu steps\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(options.steps));
  unsigned shares = 0;
  for (const SystemInfo* system : all_systems()) {
    for (const unsigned mode : system->modes) {
      if (selects(options, *system, mode)) {
        shares += system->share * 6 / static_cast<unsigned>(system->modes.size());
      }
    }
  }
  if (shares == 0) {
    std::printf("nothing is selected\n");
    return false;
  }
  bool passed = true;
  std::vector<Ran> ran;
  for (const SystemInfo* system : all_systems()) {
    Ran of_system{system, 0, {}};
    for (std::size_t m = 0; m < system->modes.size(); ++m) {
      if (selects(options, *system, system->modes[m])) of_system.modes |= 1U << m;
    }
    for (std::size_t m = 0; m < system->modes.size(); ++m) {
      if ((of_system.modes >> m & 1) == 0) continue;
      const unsigned share = system->share * 6 / static_cast<unsigned>(system->modes.size());
      const std::uint64_t steps = (options.steps * share + shares - 1) / shares;
      auto* guide = shared_memory<Guide>();
      guide->begin_run(steps, steps * static_cast<unsigned>(std::popcount(of_system.modes)));
      passed &= run_episodes(*system, system->modes[m], options, seed, steps, *guide);
      of_system.counters[m] = guide->counters();
    }
    if (of_system.modes != 0) ran.push_back(of_system);
  }
  return report(ran, options.verbose || options.steps >= 1'000'000) && passed;
}

bool run_injection(const Options& options, std::uint64_t seed) {
  std::printf("seed %llu, failing allocations\n", static_cast<unsigned long long>(seed));
  bool passed = true;
  Injection injection;
  if (options.all_sites) injection.stride = 1;
  for (const SystemInfo* system : all_systems()) {
    for (const unsigned mode : system->modes) {
      if (!selects(options, *system, mode)) continue;
      const std::uint64_t own = mix(mix(seed, mode), system->name.size());
      const unsigned harts =
          options.harts != 0 ? options.harts : 1 + static_cast<unsigned>(own % 4);
      const Injected done =
          inject(*system, {std::string(system->name), mode, harts, own}, injection);
      std::printf("%.*s, mode %u: %zu allocations failed in turn, the sequence went on after %zu\n",
                  static_cast<int>(system->name.size()), system->name.data(), mode, done.sites,
                  done.went_on);
      if (done.passed && done.sites > 0) continue;
      passed = false;
      if (done.passed) std::printf("FAILED: there was no allocation to fail\n");
      if (!done.passed) tell_failure(*system, done.sequence, done.verdict);
    }
  }
  return passed;
}

bool replay_file(const std::string& path) {
  const auto text = read_file(path);
  std::string error = "cannot be read";
  const auto sequence = text ? from_text(*text, error) : std::nullopt;
  if (!sequence) {
    std::printf("%s: %s\n", path.c_str(), error.c_str());
    return false;
  }
  const SystemInfo& system = *find_system(sequence->setting.system);
  const Verdict verdict =
      in_child(60, Leaks::kChecked, [&](Progress& progress) { run(system, *sequence, progress); });
  if (verdict.passed) {
    std::printf("%s: %zu operations passed\n", path.c_str(), sequence->operations.size());
  } else {
    std::printf("%s: FAILED at operation %llu: %s\n", path.c_str(),
                static_cast<unsigned long long>(verdict.progress.step), verdict.what.c_str());
  }
  return verdict.passed;
}

bool run_replays(const Options& options) {
  bool passed = true;
  for (const std::string& path : options.replays) {
    if (!std::filesystem::is_directory(path)) {
      passed &= replay_file(path);
      continue;
    }
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".seq") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
      std::printf("%s: no sequence in it\n", path.c_str());
      passed = false;
    }
    for (const std::string& file : files) passed &= replay_file(file);
  }
  return passed;
}

bool take_number(const std::string& word, const std::string& value, Options& options) {
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(value.c_str(), &end, 0);
  if (value.empty() || *end != 0) return false;
  if (word == "--seed") options.seed = number;
  if (word == "--steps") options.steps = number;
  if (word == "--harts") options.harts = static_cast<unsigned>(number);
  if (word == "--mode") options.mode = static_cast<unsigned>(number);
  return word == "--seed" || word == "--steps" || word == "--harts" || word == "--mode";
}

/// Takes an option and its values. False when it is none.
bool take_option(const std::vector<std::string>& words, std::size_t& i, Options& options) {
  const std::string& word = words[i];
  if (word == "--inject") return options.injects = true;
  if (word == "--all") return options.all_sites = true;
  if (word == "--verbose") return options.verbose = true;
  if (i + 1 >= words.size()) return false;
  if (word == "--replay") {
    while (i + 1 < words.size() && !words[i + 1].starts_with("--")) {
      options.replays.push_back(words[++i]);
    }
    return true;
  }
  const std::string& value = words[++i];
  if (word != "--system") return take_number(word, value, options);
  options.system = value;
  return find_system(value) != nullptr;
}

std::optional<Options> parse(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!take_option(words, i, options)) return std::nullopt;
  }
  const bool mode_known =
      options.mode == 0 || options.mode == 39 || options.mode == 48 || options.mode == 57;
  if (options.harts > 4 || options.steps == 0 || !mode_known) return std::nullopt;
  return options;
}

int run_with(const std::vector<std::string>& words) {
  const auto options = parse(words);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  if (!options->replays.empty()) return run_replays(*options) ? 0 : 1;
  const std::uint64_t seed = options->seed ? *options->seed : std::random_device()();
  const bool passed = options->injects ? run_injection(*options, seed) : run_random(*options, seed);
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace quoll::model

int main(int count, char** words) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  return quoll::model::run_with({words + 1, words + count});
}
