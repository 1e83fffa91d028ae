// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Copies the files that it is given, or its standard input, to its standard output, byte for byte.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char buffer[1 << 16];

static int copy(int from, const char* name) {
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got == 0) {
      return 0;
    }
    if (got < 0) {
      fprintf(stderr, "cat: %s: %s\n", name, strerror(errno));
      return 1;
    }
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(1, buffer + done, (size_t)(got - done));
      if (put < 0) {
        fprintf(stderr, "cat: standard output: %s\n", strerror(errno));
        return 2;
      }
      done += put;
    }
  }
}

int main(int argc, char** argv) {
  if (argc < 2) {
    return copy(0, "standard input");
  }
  int status = 0;
  for (int i = 1; i < argc && status < 2; i++) {
    int file = open(argv[i], O_RDONLY);
    if (file < 0) {
      fprintf(stderr, "cat: %s: %s\n", argv[i], strerror(errno));
      status = 1;
      continue;
    }
    int copied = copy(file, argv[i]);
    status = copied > status ? copied : status;
    close(file);
  }
  return status;
}
