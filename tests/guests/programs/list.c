// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walks a directory, given by name, and prints each path in order with its kind and size.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const void* a, const void* b) {
  return strcmp(*(char* const*)a, *(char* const*)b);
}

static int walk(const char* path) {
  DIR* directory = opendir(path);
  if (directory == NULL) {
    fprintf(stderr, "list: %s: %s\n", path, strerror(errno));
    return 1;
  }
  char* names[1024];
  int count = 0;
  for (struct dirent* entry; (entry = readdir(directory)) != NULL;) {
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && count < 1024) {
      names[count++] = strdup(entry->d_name);
    }
  }
  closedir(directory);
  qsort(names, (size_t)count, sizeof *names, by_name);
  int status = 0;
  for (int i = 0; i < count; i++) {
    char inner[1024];
    struct stat facts;
    snprintf(inner, sizeof inner, "%s/%s", path, names[i]);
    if (stat(inner, &facts) != 0) {
      fprintf(stderr, "list: %s: %s\n", inner, strerror(errno));
      status = 1;
    } else if (S_ISDIR(facts.st_mode)) {
      printf("%s/\n", inner);
      status |= walk(inner);
    } else {
      printf("%s %lld\n", inner, (long long)facts.st_size);
    }
    free(names[i]);
  }
  return status;
}

int main(int argc, char** argv) {
  return walk(argc > 1 ? argv[1] : "/");
}
