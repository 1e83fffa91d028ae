// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Prints arguments and environment, each between brackets, NUL bytes never.
#include <stdio.h>

extern char** environ;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; i++) {
    printf("[%s]\n", argv[i]);
  }
  for (char** variable = environ; variable != NULL && *variable != NULL; variable++) {
    printf("{%s}\n", *variable);
  }
  return argc;
}
