// cpus.c: how many CPUs the process may use: those of its affinity mask, and no more than its control group's quota.
//
// The quota is time per period, so that half a CPU and two and a half are possible; both are rounded up, at least to 1. Every
// group from the process's own up to the root may set one, and the least counts. Version 2 tells it in cpu.max
// ("max 100000", "250000 100000"), version 1 in cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us. In a container
// /proc/self/cgroup may name a group that is not to be seen from inside; what can be seen of its parents is then looked at.
#include "runtime/cpus.h"

#include <errno.h>
#include <fcntl.h>

#include "base/print.h"
#include "base/sys.h"
#include "include/ravel.h"

enum { MOST_CPUS = 8192, PATH = 1024, TEXT = 4096 };

static size_t read_file(const char *path, char *text, size_t room)
{
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    size_t n = 0;
    if (fd >= 0) {
        for (long k; n < room - 1 && (k = sys_read((int)fd, text + n, room - 1 - n)) > 0;) n += (size_t)k;
        sys_call1(SYS_close, fd);
    }
    text[n] = 0;
    return n;
}
// Takes a number off *s, with what separates it from the next. False: there is none ("max", "-1").
static bool take_number(const char **s, uint64_t *out)
{
    const char *p = *s;
    uint64_t v = 0;
    while (*p >= '0' && *p <= '9' && v < UINT64_MAX / 16) v = v * 10 + (uint64_t)(*p++ - '0');
    if (p == *s) return false;
    while (*p == ' ' || *p == '\n') p++;
    *out = v;
    *s = p;
    return true;
}
static int cpus_of(uint64_t quota, uint64_t period)
{
    if (period == 0 || quota == 0) return 0;
    const uint64_t n = quota / period + (quota % period != 0);
    return n > MOST_CPUS ? MOST_CPUS : (int)n;
}
static int least(int a, int b) { return a == 0 ? b : b == 0 || a < b ? a : b; } // of two quotas; 0: none

static int quota_v2(const char *dir)
{
    char text[64];
    BASE_BUF(path, PATH);
    base_putf(&path, "%s/cpu.max", dir);
    const char *s = text;
    uint64_t quota = 0, period = 0;
    read_file(path.p, text, sizeof text);
    return take_number(&s, &quota) && take_number(&s, &period) ? cpus_of(quota, period) : 0;
}
static int quota_v1(const char *dir)
{
    char quota_text[32], period_text[32];
    BASE_BUF(path, PATH);
    base_putf(&path, "%s/cpu.cfs_quota_us", dir);
    read_file(path.p, quota_text, sizeof quota_text);
    path.n = 0;
    base_putf(&path, "%s/cpu.cfs_period_us", dir);
    read_file(path.p, period_text, sizeof period_text);
    const char *q = quota_text, *p = period_text;
    uint64_t quota = 0, period = 0;
    return take_number(&q, &quota) && take_number(&p, &period) ? cpus_of(quota, period) : 0;
}
// The least of a group and its parents: `mount` and the first n bytes of `group`, then always one name less.
static int quota_upwards(const char *mount, const char *group, size_t n, int (*quota)(const char *dir))
{
    int found = 0;
    for (;;) {
        while (n && group[n - 1] == '/') n--;
        BASE_BUF(dir, PATH);
        base_putf(&dir, "%s%.*s", mount, (int)n, group);
        if (!dir.truncated) found = least(found, quota(dir.p));
        if (n == 0) return found;
        while (n && group[n - 1] != '/') n--;
    }
}

// A line of /proc/self/cgroup, "4:cpu,cpuacct:/a/b" or "0::/a/b": its three parts.
struct line {
    const char *controllers, *group;
    size_t n_controllers, n_group;
};
static bool take_line(const char **s, struct line *out)
{
    const char *p = *s;
    while (*p && *p != ':' && *p != '\n') p++;
    if (*p != ':') return false;
    out->controllers = ++p;
    while (*p && *p != ':' && *p != '\n') p++;
    if (*p != ':') return false;
    out->n_controllers = (size_t)(p - out->controllers);
    out->group = ++p;
    while (*p && *p != '\n') p++;
    out->n_group = (size_t)(p - out->group);
    *s = *p ? p + 1 : p;
    return true;
}
static bool has_cpu(const struct line *l)
{
    for (size_t from = 0, i = 0; i <= l->n_controllers; i++) {
        if (i < l->n_controllers && l->controllers[i] != ',') continue;
        if (i - from == 3 && base_strncmp(l->controllers + from, "cpu", 3) == 0) return true;
        from = i + 1;
    }
    return false;
}
int rv__cpu_quota(const char *root)
{
    char text[TEXT];
    BASE_BUF(path, PATH);
    base_putf(&path, "%s/proc/self/cgroup", root);
    read_file(path.p, text, sizeof text);
    int found = 0;
    struct line l;
    for (const char *s = text; take_line(&s, &l);) {
        path.n = 0;
        if (l.n_controllers == 0) {
            base_putf(&path, "%s/sys/fs/cgroup", root);
            found = least(found, quota_upwards(path.p, l.group, l.n_group, quota_v2));
        } else if (has_cpu(&l)) {
            base_putf(&path, "%s/sys/fs/cgroup/%.*s", root, (int)l.n_controllers, l.controllers);
            found = least(found, quota_upwards(path.p, l.group, l.n_group, quota_v1));
        }
    }
    return found;
}

static int in_affinity_mask(void)
{
    uint64_t mask[MOST_CPUS / 64];
    const long bytes = sys_call3(SYS_sched_getaffinity, 0, sizeof mask, mask);
    int n = 0;
    for (long i = 0; i < bytes / 8; i++) n += __builtin_popcountll(mask[i]);
    return n ? n : 1;
}
int rv_num_cpu(void) { return least(in_affinity_mask(), rv__cpu_quota("")); }
