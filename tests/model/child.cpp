// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "child.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define QUOLL_MODEL_HAS_LEAK_CHECK 1
#endif
#endif

namespace quoll::model {
namespace {

struct Report {
  Progress progress;
  std::array<char, 4096> what{};
};

/// What a child said on stderr: its last lines, without a sanitizer's long tail.
std::string said(std::FILE* file) {
  std::rewind(file);
  std::string text;
  std::array<char, 1024> line{};
  for (int lines = 0; lines < 40 && std::fgets(line.data(), line.size(), file) != nullptr;
       ++lines) {
    text += line.data();
  }
  return text;
}

}  // namespace

void* shared_bytes(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  return memory;
}

std::string Verdict::defect() const {
  std::string text;
  bool hex = false;
  for (const char c : what.substr(0, what.find('\n'))) {
    const bool digit = c >= '0' && c <= '9';
    hex = digit || (hex && ((c >= 'a' && c <= 'f') || c == 'x'));
    if (!hex) text += c;
  }
  return text;
}

Verdict in_child(unsigned seconds, Leaks leaks, const std::function<void(Progress&)>& body) {
  static Report* const report = shared_memory<Report>();
  *report = Report();
  std::FILE* const errors = std::tmpfile();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child < 0 || errors == nullptr) {
    std::perror("model");
    std::exit(2);
  }
  if (child == 0) {
    ::dup2(::fileno(errors), 2);
    const rlimit time{seconds, seconds + 1};
    ::setrlimit(RLIMIT_CPU, &time);
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    int status = 0;
    try {
      body(report->progress);
    } catch (const Mismatch& found) {
      std::snprintf(report->what.data(), report->what.size(), "%s", found.what().c_str());
      status = 1;
    }
#ifdef QUOLL_MODEL_HAS_LEAK_CHECK
    if (leaks == Leaks::kChecked && status == 0 && __lsan_do_recoverable_leak_check() != 0) {
      std::snprintf(report->what.data(), report->what.size(), "objects were leaked");
      status = 1;
    }
#else
    (void)leaks;
#endif
    std::fflush(stdout);
    ::_exit(status);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  Verdict verdict;
  verdict.passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  verdict.progress.episode = report->progress.episode;
  verdict.progress.step = report->progress.step;
  if (!verdict.passed) {
    verdict.what = report->what.data();
    const std::string text = said(errors);
    if (verdict.what.empty() && WIFSIGNALED(status)) {
      const int signal = WTERMSIG(status);
      if (signal == SIGXCPU || signal == SIGKILL) {
        verdict.what = "it does not end";
      } else if (text.empty()) {
        verdict.what = std::string("died: ") + ::strsignal(signal);
      }
    }
    if (!text.empty()) verdict.what += (verdict.what.empty() ? "" : "\n") + text;
    if (verdict.what.empty()) verdict.what = "exit status " + std::to_string(WEXITSTATUS(status));
  }
  std::fclose(errors);
  return verdict;
}

}  // namespace quoll::model
