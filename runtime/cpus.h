// cpus.h: how many CPUs the process may use. cpus.c has the rules.
#ifndef RUNTIME_CPUS_H
#define RUNTIME_CPUS_H

// How many the control groups grant: the quota rounded up, 0 when there is none. root: "" outside of tests; it stands before
// /proc/self/cgroup and /sys/fs/cgroup.
int rv__cpu_quota(const char *root);

#endif
