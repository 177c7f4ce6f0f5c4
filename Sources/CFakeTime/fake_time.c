// Stands between a process and its C library (LD_PRELOAD), and makes its wall clock wrong from its start on.
//
// Clocks that measure spans are left alone. libfaketime would be the tool for this; but whatever it is told, its release 0.9.10
// shifts absolute timers of all clocks, and Dispatch, whose timers are such, then wakes sleepers hours too late or never.

#ifdef __linux__

#include "fake_time.h"

#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset;

__attribute__((constructor)) static void read_offset(void) {
    const char *text = getenv(FAKE_TIME_OFFSET);
    if (text) offset = strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    // Not the C library's own function, which is hidden behind this one.
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += offset;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result) {
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME_COARSE, &precise) != 0) return (time_t)-1;
    if (result) *result = precise.tv_sec;
    return precise.tv_sec;
}

#endif
