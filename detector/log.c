// detector/log.c: the file that reports go to. stderr or stdout, or log_path.pid, opened to append.
// A file of our own is checked before each use: a program may close every descriptor it sees (a daemon does), or get
// our number for a file of its own. Then it is opened again.
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/flags.h"
#include "base/sys.h"
#include "detector/print.h"
#include "detector/symbolize_process.h"

static int std = 2;                     // 1 or 2 when there is no path
static char path[4096];                 // "" when reports go to stdout or stderr
static struct det_fd file = {.fd = -1}; // once it was needed

const char *det_log_process_name(void)
{
    static char exe[4096];
    if (!exe[0]) sys_call4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", exe, sizeof exe - 1);
    const char *name = exe;
    for (const char *p = exe; *p; p++)
        if (*p == '/') name = p + 1;
    return name;
}
static void set_path(void)
{
    struct base_buf b = {path, 0, sizeof path, false};
    base_puts(&b, base_flags.log_path);
    if (base_flags.log_exe_name) base_putf(&b, ".%s", det_log_process_name());
    base_putf(&b, ".%d%s", sys_getpid(), base_flags.log_suffix);
    if (!b.truncated) return;
    base_flags_complain("log_path is too long; reports go to stderr");
    path[0] = 0;
}
static void use_stderr(long error)
{
    base_flags_complain("cannot write log_path %s (error %d); reports go to stderr", path, (int)-error);
    path[0] = 0;
}
static void open_file(void)
{
    const long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd >= 0)
        file = det_fd_keep((int)fd);
    else
        use_stderr(fd);
}
// Could the file be made? Text reports leave no file when there is nothing to report, which scripts rely on.
static void try_directory(void)
{
    char directory[sizeof path] = ".";
    size_t slash = 0;
    for (size_t i = 0; path[i]; i++) {
        if (path[i] == '/') slash = i + 1;
    }
    for (size_t i = 0; i < slash; i++) directory[i] = path[i], directory[i + 1] = 0;
    const long error = sys_call3(SYS_faccessat, AT_FDCWD, directory, W_OK | X_OK);
    if (error < 0) use_stderr(error);
}
void det_log_start(void)
{
    std = base_strcmp(base_flags.log_path, "stdout") == 0 ? 1 : 2;
    if (std == 1 || base_strcmp(base_flags.log_path, "stderr") == 0) return;
    set_path();
    if (!path[0]) return;
    if (base_flags.report_format == BASE_FORMAT_JSON)
        open_file();
    else
        try_directory();
}
void det_log_write(const struct base_buf *b)
{
    if (path[0] && !det_fd_good(&file)) open_file();
    sys_write_all(path[0] ? file.fd : std, b->p, b->n);
}
bool det_log_is_terminal(void)
{
    struct termios t;
    return !path[0] && sys_call3(SYS_ioctl, std, TCGETS, &t) == 0;
}
void det_log_forked(void)
{
    det_fd_close(&file);
    path[0] = 0;
    det_log_start();
}
