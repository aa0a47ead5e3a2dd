/* The wall clock, so many seconds ahead (behind, if negative) as BROKER_CLOCK_AHEAD says. How fast time passes,
   and what is timed with other clocks, is as ever. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

typedef int (*reader)(clockid_t, struct timespec *);

static reader real;
static long ahead;

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("BROKER_CLOCK_AHEAD");
    ahead = text ? atol(text) : 0;
    real = (reader)dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    /* Somebody may ask before this library is ready. */
    int failed = real ? real(clock, now) : (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += ahead;
    }
    return failed;
}

int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec time;
    int failed = clock_gettime(CLOCK_REALTIME, &time);
    if (!failed) {
        now->tv_sec = time.tv_sec;
        now->tv_usec = time.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *now) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    if (now) {
        *now = time.tv_sec;
    }
    return time.tv_sec;
}
