// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Ends with the status that its first argument names, after a line on each stream.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  printf("to stdout\n");
  fprintf(stderr, "to stderr\n");
  fflush(stdout);
  exit(argc > 1 ? atoi(argv[1]) : 0);
}
