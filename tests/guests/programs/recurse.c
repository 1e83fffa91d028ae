// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Calls itself for ever; the volatile frame keeps the compiler from making a loop of it.
#include <stdio.h>

static int deeper(volatile int* from) {
  if (from[0] < 0) {
    return 0;  // Never: it keeps the compiler from seeing that there is no end.
  }
  volatile int frame[8] = {*from, 1};
  return deeper(frame) + frame[1];
}

int main(void) {
  puts("recursing");
  fflush(stdout);
  volatile int start = 0;
  return deeper(&start);
}
