// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Shows what a program was started with: arguments, environment, directories.
#include <stdio.h>
#include <wasi/api.h>

extern char** environ;

int main(int argc, char** argv) {
  for (int i = 0; i < argc; i++) {
    printf("argument %d: %s\n", i, argv[i]);
  }
  for (char** variable = environ; variable != NULL && *variable != NULL; variable++) {
    printf("environment: %s\n", *variable);
  }
  for (__wasi_fd_t fd = 3;; fd++) {
    __wasi_prestat_t prestat;
    if (__wasi_fd_prestat_get(fd, &prestat) != 0) {
      break;
    }
    char name[256] = "";
    if (prestat.u.dir.pr_name_len < sizeof name &&
        __wasi_fd_prestat_dir_name(fd, (uint8_t*)name, prestat.u.dir.pr_name_len) == 0) {
      printf("directory %u: %s\n", (unsigned)fd, name);
    }
  }
  return 0;
}
