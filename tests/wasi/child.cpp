// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Streams are temporary files: nothing can fill up, whatever the child writes first.
#include "child.hpp"

#include <cstdio>
#include <memory>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace quoll::wasi::testing {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::string read_all(std::FILE* file) {
  std::string out;
  std::rewind(file);
  char chunk[65536];
  while (const std::size_t count = std::fread(chunk, 1, sizeof(chunk), file)) {
    out.append(chunk, count);
  }
  return out;
}

}  // namespace

Finished run_child(const std::vector<std::string>& words, const std::string& input) {
  const File in(std::tmpfile());
  const File out(std::tmpfile());
  const File errors(std::tmpfile());
  if (!in || !out || !errors) return {};
  std::fwrite(input.data(), 1, input.size(), in.get());
  std::rewind(in.get());

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(in.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(out.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), STDERR_FILENO);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (std::string& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int started = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (started != 0) return {};

  int state = 0;
  waitpid(child, &state, 0);
  const int status = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
  return {status, read_all(out.get()), read_all(errors.get())};
}

}  // namespace quoll::wasi::testing
