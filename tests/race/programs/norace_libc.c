// What the C library allocates for itself in one thread and frees in another, under locks of its own, is its business.
#include "../race.h"
#include <dlfcn.h>
#include <locale.h>

void *lib;
static void both(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
    struct tm tm;
    const time_t now = 0;
    EXPECT(localtime_r(&now, &tm) == &tm);
    EXPECT(setlocale(LC_ALL, "C") != NULL);
}
static void first(void)
{
    both("Ravel1");
    void *handle = dlopen("libm.so.6", RTLD_NOW);
    EXPECT(handle != NULL);
    __atomic_store_n(&lib, handle, __ATOMIC_RELAXED);
}
static void second(void)
{
    both("Tangle2");
    dlclose(__atomic_load_n(&lib, __ATOMIC_RELAXED));
}
