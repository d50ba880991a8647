// cli/html.h: what the parts of the HTML page share.
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "cli/report.h"

// printf for %s, %c, %d, %zu, %lu, %ld and %%, without widths. What a %s brings is escaped: no text of a log can be
// written otherwise.
void cli_html(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cli_html_text(FILE *out, const char *text, size_t length);

// Pictures (report_pictures.c), inline SVG.
void cli_html_timeline(FILE *out, const json_object *report, const struct cli_report_options *o);
void cli_html_lock_graph(FILE *out, const json_object *report, const struct cli_report_options *o);

// cli/html/page.css and page.js, and the hash of the latter for the page's content security policy (cli/html/embed.cmake).
extern const char cli_html_css[], cli_html_js[], cli_html_js_hash[];

#endif
