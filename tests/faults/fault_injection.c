// Preloaded into lacuna by tests: fails, shortens or kills at the N-th call that changes files.
//
//   LACUNA_FAULT=kill:N | enospc:N | eio:N | short:N   at the N-th counted call (1-based); short writes half the bytes
//   LACUNA_FAULT=enospc-from:N                         at every counted write from the N-th on: a disk that stays full
//   LACUNA_FAULT_COUNT=FILE                            at exit, the number of counted calls is written there
//   LACUNA_FAULT_PREFIX=PATH                           count only calls on files below PATH
//
// Counted: write, pwrite, fsync, fdatasync, rename, mkdir, unlink, rmdir, ftruncate, and open with O_CREAT.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long calls;
static long fault_at = -1;
static enum { NONE, KILL, ENOSPC_ONCE, ENOSPC_FROM, EIO_ONCE, SHORT_WRITE } fault;
static const char* prefix;

__attribute__((constructor)) static void configure(void) {
  const char* text = getenv("LACUNA_FAULT");
  prefix = getenv("LACUNA_FAULT_PREFIX");
  if (text == NULL) return;
  const char* colon = strchr(text, ':');
  if (colon == NULL) return;
  fault_at = atol(colon + 1);
  if (strncmp(text, "kill:", 5) == 0) fault = KILL;
  if (strncmp(text, "enospc:", 7) == 0) fault = ENOSPC_ONCE;
  if (strncmp(text, "enospc-from:", 12) == 0) fault = ENOSPC_FROM;
  if (strncmp(text, "eio:", 4) == 0) fault = EIO_ONCE;
  if (strncmp(text, "short:", 6) == 0) fault = SHORT_WRITE;
}

__attribute__((destructor)) static void report(void) {
  const char* path = getenv("LACUNA_FAULT_COUNT");
  if (path == NULL) return;
  FILE* file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", calls);
  fclose(file);
}

static int below_prefix(const char* path) { return prefix == NULL || strncmp(path, prefix, strlen(prefix)) == 0; }

static int fd_below_prefix(int fd) {
  if (fd <= 2) return 0;
  if (prefix == NULL) return 1;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return below_prefix(path);
}

// Returns the errno to fail with, 0 to go on, -1 to shorten a write.
static int counted(int is_write) {
  const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  if (fault == NONE || (fault == ENOSPC_FROM ? call < fault_at || !is_write : call != fault_at)) return 0;
  if (fault == KILL) raise(SIGKILL);
  if (fault == EIO_ONCE) return EIO;
  if (fault == SHORT_WRITE) return is_write ? -1 : 0;
  return ENOSPC;
}

#define REAL(type, name, ...)                          \
  static type (*real)(__VA_ARGS__) = NULL;             \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define FAIL_IF(condition, is_write)          \
  const int verdict = (condition) ? counted(is_write) : 0; \
  if (verdict > 0) {                          \
    errno = verdict;                          \
    return -1;                                \
  }

ssize_t write(int fd, const void* data, size_t size) {
  REAL(ssize_t, "write", int, const void*, size_t);
  FAIL_IF(fd_below_prefix(fd), 1)
  return real(fd, data, verdict < 0 && size > 1 ? size / 2 : size);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void*, size_t, off_t);
  FAIL_IF(fd_below_prefix(fd), 1)
  return real(fd, data, verdict < 0 && size > 1 ? size / 2 : size, offset);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void*, size_t, off64_t);
  FAIL_IF(fd_below_prefix(fd), 1)
  return real(fd, data, verdict < 0 && size > 1 ? size / 2 : size, offset);
}

int fsync(int fd) {
  REAL(int, "fsync", int);
  FAIL_IF(fd_below_prefix(fd), 0)
  return real(fd);
}

int fdatasync(int fd) {
  REAL(int, "fdatasync", int);
  FAIL_IF(fd_below_prefix(fd), 0)
  return real(fd);
}

int ftruncate(int fd, off_t size) {
  REAL(int, "ftruncate", int, off_t);
  FAIL_IF(fd_below_prefix(fd), 0)
  return real(fd, size);
}

int rename(const char* from, const char* to) {
  REAL(int, "rename", const char*, const char*);
  FAIL_IF(below_prefix(to), 0)
  return real(from, to);
}

int mkdir(const char* path, mode_t mode) {
  REAL(int, "mkdir", const char*, mode_t);
  FAIL_IF(below_prefix(path), 0)
  return real(path, mode);
}

int unlink(const char* path) {
  REAL(int, "unlink", const char*);
  FAIL_IF(below_prefix(path), 0)
  return real(path);
}

int rmdir(const char* path) {
  REAL(int, "rmdir", const char*);
  FAIL_IF(below_prefix(path), 0)
  return real(path);
}

int open(const char* path, int flags, ...) {
  REAL(int, "open", const char*, int, ...);
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  FAIL_IF((flags & O_CREAT) != 0 && below_prefix(path), 0)
  return real(path, flags, mode);
}
