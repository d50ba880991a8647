// states.c: writes a format with findings in every state, as a gate would decide them.
//
// usage: report_states LOG[,LOG]... FORMAT SOURCE_ROOT [FINGERPRINT=new|known|suppressed|fixed[:REASON]]...
// Each LOG is a run of its own. A fixed finding is one that the logs do not have: only a baseline knows it.
#include "cli/report.h"

#include <string.h>

static void set_state(struct cli_findings *f, char *text)
{
    char *const fingerprint = strsep(&text, "="), *const state = strsep(&text, ":");
    struct cli_finding *const x = cli_findings_add(f, fingerprint);
    if (!x->kind) {
        x->kind = cli_printf("data-race");
        x->title = cli_printf("data race");
        x->place[0] = (struct cli_place){cli_printf("src/gone.c"), cli_printf("gone"), 7, 3};
    }
    for (int s = CLI_NEW; s <= CLI_SUPPRESSED; s++)
        if (state && strcmp(state, cli_state_name((enum cli_state)s)) == 0) x->state = (enum cli_state)s;
    x->reason = text;
}

int main(int argc, char **argv)
{
    struct cli_findings f = {0};
    struct cli_report_options o = {0};
    if (argc < 4)
        cli_die("states", "usage: report_states LOG[,LOG]... FORMAT SOURCE_ROOT [FINGERPRINT=STATE[:REASON]]...");
    for (char *logs = argv[1], *log; (log = strsep(&logs, ","));) {
        cli_findings_next_run(&f);
        cli_findings_read(&f, "states", log);
    }
    for (int i = 4; i < argc; i++) set_state(&f, argv[i]);
    cli_findings_sort(&f);
    cli_report_options_init(&o, "states", argv[3]);
    cli_writer_find("states", argv[2])->write(stdout, &f, &o);
    return fflush(stdout) != 0;
}
