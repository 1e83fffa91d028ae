// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Hands WASI pointers that lead out of memory; each call must answer EFAULT (21), and
// nobody else may notice. Ends with the number of calls that did not.
#include <stdint.h>
#include <stdio.h>
#include <wasi/api.h>

#define RAW(name, ...)                                    \
  __attribute__((import_module("wasi_snapshot_preview1"), \
                 import_name(#name))) uint32_t raw_##name(__VA_ARGS__)
RAW(fd_write, uint32_t, uint32_t, uint32_t, uint32_t);
RAW(fd_read, uint32_t, uint32_t, uint32_t, uint32_t);
RAW(args_get, uint32_t, uint32_t);
RAW(args_sizes_get, uint32_t, uint32_t);
RAW(environ_sizes_get, uint32_t, uint32_t);
RAW(clock_time_get, uint32_t, uint64_t, uint32_t);
RAW(random_get, uint32_t, uint32_t);
RAW(fd_prestat_dir_name, uint32_t, uint32_t, uint32_t);
RAW(poll_oneoff, uint32_t, uint32_t, uint32_t, uint32_t);
RAW(path_open, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint64_t, uint64_t, uint32_t,
    uint32_t);

static int failures;
static void expect_fault(const char* what, uint32_t answer) {
  printf("%s: %s\n", what, answer == __WASI_ERRNO_FAULT ? "EFAULT" : "other");
  failures += answer != __WASI_ERRNO_FAULT;
}

int main(void) {
  static struct {
    uint32_t base, size;
  } vector;
  static uint32_t count;
  uint32_t memory = (uint32_t)__builtin_wasm_memory_size(0) * 65536;
  uint32_t wild[] = {memory, memory - 3, 0x7ffffffc, 0x80000000, 0xfffffffc, 0xffffffff};
  for (unsigned i = 0; i < sizeof wild / sizeof *wild; i++) {
    uint32_t p = wild[i];
    expect_fault("fd_write vectors", raw_fd_write(1, p, 1, (uint32_t)(uintptr_t)&count));
    expect_fault("args_sizes_get", raw_args_sizes_get(p, (uint32_t)(uintptr_t)&count));
    expect_fault("environ_sizes_get", raw_environ_sizes_get((uint32_t)(uintptr_t)&count, p));
    expect_fault("clock_time_get", raw_clock_time_get(0, 1, p));
    expect_fault("random_get", raw_random_get(p, 64));
    expect_fault("poll_oneoff", raw_poll_oneoff(p, p, 1, (uint32_t)(uintptr_t)&count));
    vector.base = p;
    vector.size = 64;
    expect_fault("fd_write data",
                 raw_fd_write(1, (uint32_t)(uintptr_t)&vector, 1, (uint32_t)(uintptr_t)&count));
  }
  expect_fault("random_get length", raw_random_get(memory - 16, 0xfffffff0));
  // So many vectors that their size wraps round to eight bytes.
  uint32_t wrapped = raw_fd_write(1, 16, 0x20000001, (uint32_t)(uintptr_t)&count);
  printf("fd_write count: %s\n", wrapped != 0 ? "refused" : "taken");
  failures += wrapped == 0;
  return failures;
}
