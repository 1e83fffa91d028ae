// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Says that it runs, then computes for ever without a call.
#include <stdio.h>

int main(void) {
  puts("looping");
  fflush(stdout);
  for (volatile unsigned i = 0;; i++) {
  }
}
