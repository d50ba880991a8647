// module.c: ELF files and their debug information, in the file or beside it (/usr/lib/debug, by build id or link).
#include "symbolize.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *debug_path; // NULL: libdwfl's default, ":.debug:/usr/lib/debug"
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
    .debuginfo_path = &debug_path,
};
static struct module *modules;

static bool same_build_id(Dwfl_Module *mod, const char *wanted)
{
    const unsigned char *bits;
    GElf_Addr at;
    const int n = dwfl_module_build_id(mod, &bits, &at);
    if (strcmp(wanted, "-") == 0) return true;
    if (n <= 0 || strlen(wanted) != 2 * (size_t)n) return false;
    for (int i = 0; i < n; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", bits[i]);
        if (memcmp(hex, wanted + 2 * i, 2) != 0) return false;
    }
    return true;
}
static void load(struct module *m)
{
    m->dwfl = dwfl_begin(&callbacks);
    const int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    if (!m->dwfl || fd < 0) return;
    Dwfl_Module *mod = dwfl_report_offline(m->dwfl, m->path, m->path, fd); // takes fd over when it succeeds
    if (!mod) {
        close(fd);
        return;
    }
    dwfl_report_end(m->dwfl, NULL, NULL);
    if (!dwfl_module_getelf(mod, &m->bias) || !same_build_id(mod, m->build_id)) return;
    m->mod = mod;
}
struct module *module_open(const char *path, const char *build_id)
{
    for (struct module *m = modules; m; m = m->next)
        if (strcmp(m->path, path) == 0 && strcmp(m->build_id, build_id) == 0) return m;
    struct module *m = calloc(1, sizeof *m);
    if (!m || !(m->path = strdup(path))) abort();
    snprintf(m->build_id, sizeof m->build_id, "%s", build_id);
    m->next = modules;
    modules = m;
    load(m);
    return m;
}
