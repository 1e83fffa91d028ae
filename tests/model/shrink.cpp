// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "shrink.hpp"

#include <algorithm>
#include <utility>

namespace quoll::model {
namespace {

class Shrinker {
 public:
  Shrinker(const SystemInfo& system, Sequence sequence, Verdict verdict, std::size_t most_runs)
      : system_(system), most_runs_(most_runs), defect_(verdict.defect()) {
    best_.sequence = std::move(sequence);
    best_.verdict = std::move(verdict);
  }

  Shrunk shrink() {
    cut_behind_failure();
    for (bool again = true; again && has_runs();) {
      again = drop_operations();
      again |= simplify();
    }
    return std::move(best_);
  }

 private:
  bool has_runs() const { return best_.runs < most_runs_; }

  /// Keeps a candidate that fails in the same way.
  bool try_out(Sequence candidate) {
    if (!has_runs()) return false;
    ++best_.runs;
    Verdict verdict = in_child(10, Leaks::kIgnored,
                               [&](Progress& progress) { run(system_, candidate, progress); });
    if (verdict.passed || verdict.defect() != defect_) return false;
    best_.sequence = std::move(candidate);
    best_.verdict = std::move(verdict);
    return true;
  }

  void cut_behind_failure() {
    Sequence candidate = best_.sequence;
    const std::size_t needed = best_.verdict.progress.step + 1;
    if (needed >= candidate.operations.size()) return;
    candidate.operations.resize(needed);
    try_out(std::move(candidate));
  }

  bool drop_operations() {
    bool any = false;
    for (std::size_t size = std::max<std::size_t>(best_.sequence.operations.size() / 2, 1);;) {
      bool dropped = false;
      // From the end: what comes late depends on what came early.
      for (std::size_t end = best_.sequence.operations.size(); end > 0 && has_runs();) {
        const std::size_t first = end > size ? end - size : 0;
        Sequence candidate = best_.sequence;
        candidate.operations.erase(
            candidate.operations.begin() + static_cast<std::ptrdiff_t>(first),
            candidate.operations.begin() + static_cast<std::ptrdiff_t>(end));
        if (try_out(std::move(candidate))) dropped = true;
        end = std::min(first, best_.sequence.operations.size());
      }
      any |= dropped;
      if (size == 1 && !dropped) return any;
      if (!dropped) size /= 2;
      if (!has_runs()) return any;
    }
  }

  bool simplify() {
    bool any = false;
    const auto with = [&](std::size_t i, auto&& change) {
      Sequence candidate = best_.sequence;
      change(candidate.operations[i]);
      if (candidate.operations[i] == best_.sequence.operations[i]) return false;
      const bool kept = try_out(std::move(candidate));
      any |= kept;
      return kept;
    };
    for (std::size_t i = 0; i < best_.sequence.operations.size() && has_runs(); ++i) {
      with(i, [](Operation& o) { o.frames = kPlenty; });
      with(i, [](Operation& o) { o.objects = kPlenty; });
      with(i, [](Operation& o) { o.hart = 0; });
      for (std::size_t k = 0; k < 4; ++k) {
        if (with(i, [k](Operation& o) { o.operands[k] = 0; })) continue;
        while (with(i, [k](Operation& o) { o.operands[k] >>= 16; })) {
        }
        while (with(i, [k](Operation& o) { o.operands[k] >>= 1; })) {
        }
        for (std::uint64_t bit = std::uint64_t{1} << 32; bit != 0; bit >>= 1) {
          with(i, [&](Operation& o) { o.operands[k] &= ~bit; });
        }
      }
    }
    Sequence fewer = best_.sequence;
    while (fewer.setting.harts > 1) {
      --fewer.setting.harts;
      if (!try_out(fewer)) break;
      any = true;
    }
    return any;
  }

  const SystemInfo& system_;
  const std::size_t most_runs_;
  const std::string defect_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(const SystemInfo& system, Sequence sequence, Verdict verdict, std::size_t most_runs) {
  return Shrinker(system, std::move(sequence), std::move(verdict), most_runs).shrink();
}

}  // namespace quoll::model
