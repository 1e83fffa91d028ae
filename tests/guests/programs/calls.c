// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// calls KIND COUNT: makes that many system calls of one kind, for measuring what a call costs.
//   yield   sched_yield: the call that does least, and gives the hart away and back
//   random  eight bytes from random_get: a call that returns at once, with a result in memory
//   stat    fd_filestat_get of standard input: one that looks at a handle
//   write   one byte to standard output: one that a device takes part in
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int call_once(const char* kind) {
  char bytes[8];
  struct stat status;
  switch (kind[0]) {
    case 'y':
      return sched_yield();
    case 'r':
      return getentropy(bytes, sizeof bytes);
    case 's':
      return fstat(0, &status);
    case 'w':
      return write(1, "x", 1) == 1 ? 0 : -1;
    default:
      return -1;
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long count = strtol(argv[2], NULL, 10);
  for (long i = 0; i < count; ++i) {
    if (call_once(argv[1]) != 0) return 1;
  }
  return 0;
}
