// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Divides by zero three calls below `main`, or as many below `deeper` as the argument says.
#include <stdio.h>
#include <stdlib.h>

static volatile int zero = 0;

__attribute__((noinline)) static int divide(int a, int b) {
  return a / b;
}

__attribute__((noinline)) static int middle(int a) {
  return divide(a + 1, zero) + 1;
}

__attribute__((noinline)) static int outer(int a) {
  return middle(a * 3) - a;
}

__attribute__((noinline)) static int deeper(int left) {
  // Not a tail call, and different at each depth.
  return left == 0 ? outer(left) : deeper(left - 1) + (left ^ zero);
}

int main(int argc, char** argv) {
  printf("deep\n");
  fflush(stdout);
  return argc > 1 ? deeper(atoi(argv[1])) : outer(argc);
}
