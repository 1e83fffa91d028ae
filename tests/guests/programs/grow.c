// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Takes memory until there is no more, touching all of it, then shows that it still runs.
#include <stdint.h>
#include <stdio.h>

enum { kWasmPageSize = 65536 };

int main(void) {
  unsigned long pages = 0;
  for (;;) {
    size_t previous = __builtin_wasm_memory_grow(0, 16);
    if (previous == SIZE_MAX) {
      break;
    }
    for (size_t page = previous; page < previous + 16; page++) {
      *(volatile char*)(page * kWasmPageSize) = 1;
      pages++;
    }
  }
  printf("refused after %s\n", pages > 16 ? "a while" : "nothing");
  return 0;
}
