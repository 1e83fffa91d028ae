// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The table of all functions of preview 1. `wasi_unstable` has the same names and types.
#include <algorithm>
#include <array>

#include "calls.hpp"

namespace quoll::wasi {
namespace calls {

Done not_offered(Call&) {
  return base::err(Errno::kNosys);
}

}  // namespace calls
namespace {

constexpr std::array kFunctions = {
    Function{"args_get", "ii", true, calls::args_get},
    Function{"args_sizes_get", "ii", true, calls::args_sizes_get},
    Function{"clock_res_get", "ii", true, calls::clock_res_get},
    Function{"clock_time_get", "iIi", true, calls::clock_time_get},
    Function{"environ_get", "ii", true, calls::environ_get},
    Function{"environ_sizes_get", "ii", true, calls::environ_sizes_get},
    Function{"fd_advise", "iIIi", true, calls::not_offered},
    Function{"fd_allocate", "iII", true, calls::not_offered},
    Function{"fd_close", "i", true, calls::fd_close},
    Function{"fd_datasync", "i", true, calls::not_offered},
    Function{"fd_fdstat_get", "ii", true, calls::fd_fdstat_get},
    Function{"fd_fdstat_set_flags", "ii", true, calls::not_offered},
    Function{"fd_fdstat_set_rights", "iII", true, calls::not_offered},
    Function{"fd_filestat_get", "ii", true, calls::fd_filestat_get},
    Function{"fd_filestat_set_size", "iI", true, calls::not_offered},
    Function{"fd_filestat_set_times", "iIIi", true, calls::not_offered},
    Function{"fd_pread", "iiiIi", true, calls::fd_pread},
    Function{"fd_prestat_dir_name", "iii", true, calls::fd_prestat_dir_name},
    Function{"fd_prestat_get", "ii", true, calls::fd_prestat_get},
    Function{"fd_pwrite", "iiiIi", true, calls::not_offered},
    Function{"fd_read", "iiii", true, calls::fd_read},
    Function{"fd_readdir", "iiiIi", true, calls::fd_readdir},
    Function{"fd_renumber", "ii", true, calls::not_offered},
    Function{"fd_seek", "iIii", true, calls::fd_seek},
    Function{"fd_sync", "i", true, calls::not_offered},
    Function{"fd_tell", "ii", true, calls::fd_tell},
    Function{"fd_write", "iiii", true, calls::fd_write},
    Function{"path_create_directory", "iii", true, calls::not_offered},
    Function{"path_filestat_get", "iiiii", true, calls::path_filestat_get},
    Function{"path_filestat_set_times", "iiiiIIi", true, calls::not_offered},
    Function{"path_link", "iiiiiii", true, calls::not_offered},
    Function{"path_open", "iiiiiIIii", true, calls::path_open},
    Function{"path_readlink", "iiiiii", true, calls::not_offered},
    Function{"path_remove_directory", "iii", true, calls::not_offered},
    Function{"path_rename", "iiiiii", true, calls::not_offered},
    Function{"path_symlink", "iiiii", true, calls::not_offered},
    Function{"path_unlink_file", "iii", true, calls::not_offered},
    Function{"poll_oneoff", "iiii", true, calls::poll_oneoff},
    Function{"proc_exit", "i", false, calls::proc_exit},
    Function{"proc_raise", "i", true, calls::not_offered},
    Function{"random_get", "ii", true, calls::random_get},
    Function{"sched_yield", "", true, calls::sched_yield},
    Function{"sock_accept", "iii", true, calls::not_offered},
    Function{"sock_recv", "iiiiii", true, calls::not_offered},
    Function{"sock_send", "iiiii", true, calls::not_offered},
    Function{"sock_shutdown", "ii", true, calls::not_offered},
};

static_assert(std::ranges::is_sorted(kFunctions, {}, &Function::name));
static_assert(std::ranges::all_of(kFunctions, [](const Function& function) {
  return function.parameters.size() <= kMaxParameters;
}));

}  // namespace

std::span<const Function> functions() {
  return kFunctions;
}

const Function* find_function(std::string_view name) {
  const auto found = std::ranges::lower_bound(kFunctions, name, {}, &Function::name);
  if (found == kFunctions.end() || found->name != name) return nullptr;
  return &*found;
}

std::optional<Dialect> dialect_of(std::string_view module_name) {
  if (module_name == "wasi_snapshot_preview1") return Dialect::kPreview1;
  if (module_name == "wasi_unstable") return Dialect::kUnstable;
  return std::nullopt;
}

Errno invoke(const Function& function, Call& call) {
  QUOLL_ASSERT(call.arguments.size() >= function.parameters.size());
  const auto done = function.body(call);
  return done ? Errno::kSuccess : done.error();
}

}  // namespace quoll::wasi
