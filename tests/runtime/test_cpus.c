// test_cpus.c: the CPUs that a process may use, by its affinity mask and by made-up control groups.
#include <errno.h>
#include <sched.h>
#include <sys/stat.h>

#include "runtime/cpus.h"
#include "tests/runtime/rig.h"

static char root[] = "/tmp/ravel-cpus-XXXXXX";

static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s%s", root, path);
    for (char *p = whole + sizeof root; (p = strchr(p, '/')) != NULL; p++) {
        *p = 0;
        cr_assert(mkdir(whole, 0700) == 0 || errno == EEXIST);
        *p = '/';
    }
    FILE *const f = fopen(whole, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}
static void begin(void) { cr_assert(mkdtemp(root)); }
static void end(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}
TestSuite(cpus, .init = begin, .fini = end);

Test(cpus, no_groups) { cr_assert_eq(rv__cpu_quota(root), 0); }
Test(cpus, version_2)
{
    put("/proc/self/cgroup", "0::/a/b\n");
    cr_assert_eq(rv__cpu_quota(root), 0);
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 0);
    put("/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 3, "rounded up");
    put("/sys/fs/cgroup/a/b/cpu.max", "200000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 2);
    put("/sys/fs/cgroup/a/b/cpu.max", "1000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 1, "never 0");
}
Test(cpus, the_least_of_all_parents)
{
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n");
    put("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "400000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 4);
    put("/sys/fs/cgroup/cpu.max", "20000 10000\n");
    cr_assert_eq(rv__cpu_quota(root), 2, "the root of a container's name space has one, too");
}
Test(cpus, a_group_that_is_not_to_be_seen)
{
    put("/proc/self/cgroup", "0::/system.slice/docker-1234.scope\n");
    put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 2);
}
Test(cpus, version_1)
{
    put("/proc/self/cgroup", "12:cpuset:/other\n4:cpu,cpuacct:/x/y\n1:name=systemd:/z\n0::/z\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(rv__cpu_quota(root), 0);
    put("/sys/fs/cgroup/cpu,cpuacct/x/y/cpu.cfs_quota_us", "450000\n");
    cr_assert_eq(rv__cpu_quota(root), 5);
    put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "300000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n");
    cr_assert_eq(rv__cpu_quota(root), 3);
    put("/proc/self/cgroup", "12:cpuset:/x/y\n3:cpuacct:/x/y\n");
    cr_assert_eq(rv__cpu_quota(root), 0, "another controller's group");
}
Test(cpus, nonsense)
{
    put("/proc/self/cgroup", "0:\n\n:::\n0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "100000 100000\n");
    cr_assert_eq(rv__cpu_quota(root), 0, "lines that are none end it");
    put("/proc/self/cgroup", "0::/a\n");
    put("/sys/fs/cgroup/a/cpu.max", "99999999999999999999999 1\n");
    cr_assert_geq(rv__cpu_quota(root), 0);
    put("/sys/fs/cgroup/a/cpu.max", "100000 0\n");
    cr_assert_eq(rv__cpu_quota(root), 0);
    put("/sys/fs/cgroup/a/cpu.max", "");
    cr_assert_eq(rv__cpu_quota(root), 0);
}
Test(cpus, affinity)
{
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    const int quota = rv__cpu_quota("");
    cr_assert_eq(rv_num_cpu(), quota && quota < CPU_COUNT(&all) ? quota : CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_assert_eq(rv_num_cpu(), 1);
}
