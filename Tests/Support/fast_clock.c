/* SPDX-License-Identifier: Apache-2.0
 * For LD_PRELOAD: CLOCK_BOOTTIME runs FAST_CLOCK_FACTOR times as fast as it is from here on, FAST_CLOCK_AHEAD seconds ahead.
 * Every other clock stays as it is. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const long long second = 1000000000;

static long long kernel(clockid_t clock)
{
	struct timespec now;
	syscall(SYS_clock_gettime, clock, &now);
	return now.tv_sec * second + now.tv_nsec;
}

static long long start, factor = 1, ahead;

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAST_CLOCK_FACTOR");
	if (text)
		factor = atoll(text);
	text = getenv("FAST_CLOCK_AHEAD");
	if (text)
		ahead = atoll(text) * second;
	start = kernel(CLOCK_BOOTTIME);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME)
		return (int)syscall(SYS_clock_gettime, clock, now);
	long long time = start + (kernel(clock) - start) * factor + ahead;
	now->tv_sec = time / second;
	now->tv_nsec = time % second;
	return 0;
}
