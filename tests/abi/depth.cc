// depth.cc: every function that is left by return or by an exception has told so; what longjmp leaves is forgotten.
#include <csetjmp>
#include <cstdio>
#include <stdexcept>

extern "C" unsigned long __tsan_testonly_shadow_stack_current_size();
static unsigned long depth() { return __tsan_testonly_shadow_stack_current_size(); }

static volatile int never;
struct Local {
    int *count;
    ~Local() { ++*count; }
};
__attribute__((noinline)) static int thrower(int n, int *count)
{
    Local local{count};
    if (n == 0) throw std::runtime_error("here");
    return thrower(n - 1, count) + never;
}
static std::jmp_buf env;
__attribute__((noinline)) static int jumper(int n)
{
    if (n == 0) std::longjmp(env, 1);
    return jumper(n - 1) + never;
}
static int failed(const char *what, unsigned long got, unsigned long want)
{
    std::printf("failed: %s: depth %lu, not %lu\n", what, got, want);
    return 1;
}
__attribute__((noinline)) static int run()
{
    const unsigned long before = depth();
    if (before < 2) return failed("main and run are two", before, 2);
    int count = 0;
    for (int i = 0; i < 50; i++) {
        try {
            thrower(i, &count);
        } catch (const std::exception &) {
            if (depth() != before) return failed("in the handler", depth(), before);
        }
        if (depth() != before) return failed("after the exception", depth(), before);
        if (setjmp(env) == 0) jumper(i);
        if (depth() != before) return failed("after longjmp", depth(), before);
    }
    return count == 50 * 51 / 2 ? 0 : failed("destructors", static_cast<unsigned long>(count), 50 * 51 / 2);
}
int main()
{
    const int status = run();
    if (status == 0) std::puts("depth: kept");
    return status;
}
