// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Says that it runs, then waits for an input that never comes.
#include <stdio.h>
#include <unistd.h>

int main(void) {
  puts("waiting");
  fflush(stdout);
  char byte;
  return read(0, &byte, 1) == 0 ? 0 : 1;
}
