/* Preloaded into a process: the n-th write, fsync or rename of files in one folder fails, or a signal arrives there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, FSYNC, RENAME };

static char folder[PATH_MAX];
static int armed = -1, number, failure, action;
static long calls;

/* From now on, let call `n` (from 1) of a kind fail with an error, or send the process a signal before it. */
void fault_arm(const char *in, int kind, int n, int error, int signal_number)
{
    strncpy(folder, in, sizeof folder - 1);
    armed = kind, number = n, failure = error, action = signal_number, calls = 0;
}

/* Stop; return how many calls of the kind there were. */
long fault_disarm(void)
{
    armed = -1;
    return calls;
}

static int fails(int kind)
{
    if (kind != armed || ++calls != number)
        return 0;
    if (action)
        kill(getpid(), action);
    errno = failure;
    return failure != 0;
}

static int inside(const char *path)
{
    return path && !strncmp(path, folder, strlen(folder));
}

static int of_folder(int descriptor)
{
    char link[64], path[PATH_MAX];
    if (armed < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0)
        return 0;
    path[size] = 0;
    return inside(path);
}

ssize_t write(int descriptor, const void *data, size_t size)
{
    if (of_folder(descriptor) && fails(WRITE))
        return -1;
    return syscall(SYS_write, descriptor, data, size);
}

int fsync(int descriptor)
{
    if (of_folder(descriptor) && fails(FSYNC))
        return -1;
    return syscall(SYS_fsync, descriptor);
}

int rename(const char *from, const char *to)
{
    if (armed >= 0 && inside(to) && fails(RENAME))
        return -1;
    return syscall(SYS_renameat2, -100, from, -100, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (armed >= 0 && inside(to) && fails(RENAME))
        return -1;
    return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int link(const char *from, const char *to)
{
    if (armed >= 0 && inside(to) && fails(RENAME))
        return -1;
    return syscall(SYS_linkat, -100, from, -100, to, 0);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags)
{
    if (armed >= 0 && inside(to) && fails(RENAME))
        return -1;
    return syscall(SYS_linkat, from_folder, from, to_folder, to, flags);
}
