/* Faults between a process and its files, preloaded into the supervisor alone: its children are started
 * with an empty environment.
 *
 * Only calls on paths below BENCH_ROOTS (separated by ':') count. What is done to them:
 *
 *   BENCH_TRACE=FILE                 a line "KIND PATH" a call
 *   BENCH_KILL=KIND:PART:N:WHEN      SIGKILL `before` or `after` the N-th call of KIND on a path that holds
 *                                    PART; KIND `sync` is every fsync and fdatasync, `any` every call
 *   BENCH_FAIL=ERRNO:N:LAST:FLAG     calls that can fail so do, from the N-th to the LAST (0: for good), as long
 *                                    as the file FLAG is there
 *   BENCH_SHADOW=FOLDER              what was made durable is copied there: of a file its content at its last
 *                                    fsync, as INODE-BIRTH; of a folder its names, as dir-INODE-BIRTH
 *
 * Calls that go past libc (rustix: flock, the renames of tempfile) are not seen. The shadow does not need
 * them: it compares what is on disk with what was made durable.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *roots, *trace, *shadow;
static char kill_kind[32], kill_part[256], kill_when[16], fail_flag[PATH_BYTES];
static long kill_at, killed, fail_from, fail_last, failed;
static int fail_with, is_set_up;
/* Calls of our own, made with the lock held, are not looked at. */
static __thread int inside;

#define REAL(type, name) ((type)dlsym(RTLD_NEXT, name))

static void set_up(void) {
  if (is_set_up) return;
  is_set_up = 1;
  roots = getenv("BENCH_ROOTS");
  trace = getenv("BENCH_TRACE");
  shadow = getenv("BENCH_SHADOW");
  const char *text = getenv("BENCH_KILL");
  if (text && sscanf(text, "%31[^:]:%255[^:]:%ld:%15s", kill_kind, kill_part, &kill_at, kill_when) != 4) abort();
  char name[16];
  text = getenv("BENCH_FAIL");
  if (text) {
    if (sscanf(text, "%15[^:]:%ld:%ld:%4095s", name, &fail_from, &fail_last, fail_flag) != 4) abort();
    fail_with = !strcmp(name, "ENOSPC") ? ENOSPC : !strcmp(name, "EIO") ? EIO : !strcmp(name, "EROFS") ? EROFS : 0;
    if (!fail_with) abort();
  }
}

static int is_below(const char *path) {
  for (const char *root = roots; root && *root;) {
    size_t length = strcspn(root, ":");
    if (!strncmp(path, root, length) && (path[length] == '/' || !path[length])) return 1;
    root += length + (root[length] == ':');
  }
  return 0;
}

static int path_of(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_BYTES - 1);
  path[length > 0 ? length : 0] = 0;
  return length > 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static int is_killed_by(const char *kind, const char *path) {
  int is_sync = !strcmp(kill_kind, "sync") && (!strcmp(kind, "fsync") || !strcmp(kind, "fdatasync"));
  if (!kill_at || !(is_sync || !strcmp(kill_kind, "any") || !strcmp(kill_kind, kind))) return 0;
  return (!strcmp(kill_part, "*") || strstr(path, kill_part)) && ++killed == kill_at;
}

/* Full disks refuse what needs room, broken ones what needs the medium, read-only ones every change. */
static int can_fail(const char *kind) {
  int grows = !strcmp(kind, "write") || !strcmp(kind, "create") || !strcmp(kind, "fallocate") || !strcmp(kind, "mkdir");
  int syncs = !strcmp(kind, "fsync") || !strcmp(kind, "fdatasync");
  if (fail_with == ENOSPC) return grows;
  if (fail_with == EIO) return syncs || !strcmp(kind, "write");
  return !syncs;
}

/* Before a call: 0 to go on, 1 to go on and die after it, -1 to fail with errno set. */
static int before(const char *kind, const char *path) {
  if (inside || !path || !*path) return 0;
  int saved = errno, verdict = 0;
  pthread_mutex_lock(&lock);
  inside = 1;
  set_up();
  if (roots && is_below(path)) {
    if (trace) {
      char line[PATH_BYTES + 32];
      int length = snprintf(line, sizeof line, "%s %s\n", kind, path);
      int fd = syscall(SYS_openat, AT_FDCWD, trace, O_WRONLY | O_CREAT | O_APPEND, 0600);
      syscall(SYS_write, fd, line, length);
      syscall(SYS_close, fd);
    }
    if (is_killed_by(kind, path)) {
      if (!strcmp(kill_when, "before")) die();
      verdict = 1;
    }
    if (fail_with && can_fail(kind) && access(fail_flag, F_OK) == 0) {
      failed++;
      if (failed >= fail_from && (!fail_last || failed <= fail_last)) verdict = -1;
    }
  }
  inside = 0;
  pthread_mutex_unlock(&lock);
  errno = verdict < 0 ? fail_with : saved;
  return verdict;
}

static int before_fd(const char *kind, int fd) {
  char path[PATH_BYTES];
  if (inside) return 0;
  int saved = errno;
  int known = path_of(fd, path);
  errno = saved;
  return known ? before(kind, path) : 0;
}

static void key_of(const struct statx *about, char *key, const char *prefix) {
  snprintf(key, PATH_BYTES, "%s/%s%llu-%lld%09u", shadow, prefix, (unsigned long long)about->stx_ino,
           (long long)about->stx_btime.tv_sec, about->stx_btime.tv_nsec);
}

static void keep_file(int fd, const char *to) {
  static char bytes[1 << 16];
  int out = REAL(int (*)(const char *, int, ...), "open64")(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  off_t at = 0;
  /* A handle that was opened for writing alone can't be read: another is opened through /proc. */
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int in = REAL(int (*)(const char *, int, ...), "open64")(link, O_RDONLY);
  for (ssize_t n; (n = pread(in, bytes, sizeof bytes, at)) > 0; at += n)
    if (syscall(SYS_write, out, bytes, n) != n) abort();
  syscall(SYS_close, in);
  syscall(SYS_close, out);
}

static void keep_folder(int fd, const char *to) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  DIR *listing = opendir(link);
  FILE *out = fopen(to, "w");
  for (struct dirent *entry; listing && out && (entry = readdir(listing));) {
    struct statx about;
    if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
    if (statx(dirfd(listing), entry->d_name, AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &about)) continue;
    fprintf(out, "%llu-%lld%09u %s\n", (unsigned long long)about.stx_ino, (long long)about.stx_btime.tv_sec,
            about.stx_btime.tv_nsec, entry->d_name);
  }
  if (out) fclose(out);
  if (listing) closedir(listing);
}

/* What `fd` is of is durable now: copied beside the copy of before, then put into its place. */
static void keep(int fd) {
  char path[PATH_BYTES], to[PATH_BYTES], part[PATH_BYTES + 8];
  struct statx about;
  int saved = errno;
  pthread_mutex_lock(&lock);
  inside = 1;
  if (shadow && path_of(fd, path) && is_below(path) && !statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &about)) {
    int is_folder = S_ISDIR(about.stx_mode);
    key_of(&about, to, is_folder ? "dir-" : "");
    snprintf(part, sizeof part, "%s.part", to);
    is_folder ? keep_folder(fd, part) : keep_file(fd, part);
    syscall(SYS_renameat, AT_FDCWD, part, AT_FDCWD, to);
  }
  inside = 0;
  pthread_mutex_unlock(&lock);
  errno = saved;
}

#define AROUND(kind, look, call)            \
  int verdict = look(kind, subject);        \
  if (verdict < 0) return -1;               \
  __typeof__(call) result = call;           \
  if (verdict > 0) die();                   \
  return result;

#define ON_FD(result_type, name, kind, parameters, arguments)                          \
  result_type name parameters {                                                        \
    int subject = fd;                                                                  \
    AROUND(kind, before_fd, REAL(result_type(*) parameters, #name) arguments)          \
  }

ON_FD(ssize_t, write, "write", (int fd, const void *from, size_t n), (fd, from, n))
ON_FD(ssize_t, pwrite, "write", (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
ON_FD(ssize_t, pwrite64, "write", (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
ON_FD(ssize_t, writev, "write", (int fd, const struct iovec *from, int n), (fd, from, n))
ON_FD(int, ftruncate, "truncate", (int fd, off_t length), (fd, length))
ON_FD(int, ftruncate64, "truncate", (int fd, off64_t length), (fd, length))
ON_FD(int, fallocate, "fallocate", (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
ON_FD(int, fallocate64, "fallocate", (int fd, int mode, off64_t at, off64_t n), (fd, mode, at, n))

#define ON_PATH(name, kind, parameters, arguments)                                     \
  int name parameters {                                                                \
    const char *subject = path;                                                        \
    AROUND(kind, before, REAL(int (*) parameters, #name) arguments)                    \
  }

ON_PATH(unlink, "unlink", (const char *path), (path))
ON_PATH(rename, "rename", (const char *path, const char *to), (path, to))
ON_PATH(mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))

#define SYNC(name)                                   \
  int name(int fd) {                                 \
    int verdict = before_fd(#name, fd);              \
    if (verdict < 0) return -1;                      \
    int result = REAL(int (*)(int), #name)(fd);      \
    if (!result && !inside) keep(fd);                \
    if (verdict > 0) die();                          \
    return result;                                   \
  }

SYNC(fsync)
SYNC(fdatasync)

#define OPEN(name)                                                                     \
  int name(const char *path, int flags, ...) {                                         \
    va_list rest;                                                                      \
    va_start(rest, flags);                                                             \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;            \
    va_end(rest);                                                                      \
    int changes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;    \
    int is_new = (flags & O_CREAT) && !inside && access(path, F_OK);                   \
    int verdict = changes ? before(is_new ? "create" : "open", path) : 0;              \
    if (verdict < 0) return -1;                                                        \
    int fd = REAL(int (*)(const char *, int, ...), #name)(path, flags, mode);          \
    if (verdict > 0) die();                                                            \
    return fd;                                                                         \
  }

OPEN(open)
OPEN(open64)
