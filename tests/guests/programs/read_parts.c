// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reads a file by seeking and by position, compares both ways, and shows that a path cannot
// lead out of its directory and that nothing can be written.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 2) {
    return 2;
  }
  int file = open(argv[1], O_RDONLY);
  if (file < 0) {
    printf("open: %s\n", strerror(errno));
    return 1;
  }
  off_t size = lseek(file, 0, SEEK_END);
  printf("size %lld\n", (long long)size);
  char tail[16] = "", again[16] = "";
  off_t from = size > 10 ? size - 10 : 0;
  lseek(file, from, SEEK_SET);
  ssize_t got = read(file, tail, 15);
  printf("tell %lld\n", (long long)lseek(file, 0, SEEK_CUR));
  ssize_t got_again = pread(file, again, 15, from);
  printf("same %d\n", got == got_again && memcmp(tail, again, sizeof tail) == 0);
  printf("end %zd\n", pread(file, again, 15, size));
  errno = 0;
  printf("write %zd %s\n", write(file, "x", 1), errno != 0 ? "refused" : "taken");
  char outside[256];
  snprintf(outside, sizeof outside, "%s/../../../../bin", argv[1]);
  printf("outside %s\n", open(outside, O_RDONLY) < 0 ? "refused" : "open");
  printf("missing %s\n", open("/no/such/file", O_RDONLY) < 0 ? "refused" : "open");
  close(file);
  return 0;
}
