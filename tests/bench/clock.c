/* A wall clock that the test sets, preloaded into the supervisor and handed on to its children.
 *
 *   BENCH_CLOCK=FILE      seconds (int64, this machine's byte order) that are added to the wall clock; looked at
 *                         at every call, so that the clock jumps when the file is written
 *   BENCH_TIMESYNC=FOLDER stands for /run/systemd/timesync, where systemd-timesyncd says that the clock is set
 *
 * The monotonic clock and the times of files are the kernel's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char TIMESYNC[] = "/run/systemd/timesync";
/* What a child needs of the environment that it is not given. */
static const char *const HANDED_ON[] = {"LD_PRELOAD", "BENCH_CLOCK", "BENCH_TIMESYNC"};
enum { HANDED_ON_COUNT = 3, ENTRIES_MAX = 1024, PATH_BYTES = 4096 };

static const volatile int64_t *offset_secs;
static const char *timesync;
static char handed_on[HANDED_ON_COUNT][PATH_BYTES + 32];
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void set_up(void) {
  real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  timesync = getenv("BENCH_TIMESYNC");
  for (int i = 0; i < HANDED_ON_COUNT; i++) {
    const char *value = getenv(HANDED_ON[i]);
    snprintf(handed_on[i], sizeof handed_on[i], "%s=%s", HANDED_ON[i], value ? value : "");
  }
  const char *file = getenv("BENCH_CLOCK");
  int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *page = mmap(NULL, sizeof *offset_secs, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (page != MAP_FAILED) offset_secs = page;
}

static int is_wall_clock(clockid_t id) { return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE; }

int clock_gettime(clockid_t id, struct timespec *now) {
  if (!real_gettime) set_up();
  int result = real_gettime(id, now);
  if (!result && offset_secs && is_wall_clock(id)) now->tv_sec += *offset_secs;
  return result;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where) *where = now.tv_sec;
  return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  struct timespec fine;
  clock_gettime(CLOCK_REALTIME, &fine);
  now->tv_sec = fine.tv_sec;
  now->tv_usec = fine.tv_nsec / 1000;
  return 0;
}

int statx(int folder, const char *path, int flags, unsigned mask, struct statx *about) {
  int (*real)(int, const char *, int, unsigned, struct statx *) =
      (int (*)(int, const char *, int, unsigned, struct statx *))dlsym(RTLD_NEXT, "statx");
  char other[PATH_BYTES];
  if (timesync && !strncmp(path, TIMESYNC, sizeof TIMESYNC - 1)) {
    snprintf(other, sizeof other, "%s%s", timesync, path + sizeof TIMESYNC - 1);
    path = other;
  }
  return real(folder, path, flags, mask, about);
}

int posix_spawnp(pid_t *id, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *with,
                 char *const arguments[], char *const environment[]) {
  typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                    char *const[]);
  spawn *real = (spawn *)dlsym(RTLD_NEXT, "posix_spawnp");
  char *all[ENTRIES_MAX];
  int count = 0;
  while (environment && environment[count] && count < ENTRIES_MAX - HANDED_ON_COUNT - 1) {
    all[count] = environment[count];
    count++;
  }
  for (int i = 0; i < HANDED_ON_COUNT; i++) all[count++] = handed_on[i];
  all[count] = NULL;
  return real(id, file, actions, with, arguments, all);
}
