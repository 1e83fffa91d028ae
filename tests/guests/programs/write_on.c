// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Writes lines until a write fails, then says on stderr which error it was.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void) {
  const char line[] = "the same line again\n";
  while (write(1, line, sizeof line - 1) > 0) {
  }
  fprintf(stderr, "%s\n", errno == EPIPE ? "broken pipe" : strerror(errno));
  return 5;
}
