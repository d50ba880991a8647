// json.c: reading JSON that somebody else wrote.
#include "cli/json.h"

#include "cli/cli.h"

#include <limits.h>

enum { SEARCHED = 5000 }; // objects by id: no report has more locks, and a line made up to be slow should not be
enum { DEEPEST = 32 };    // a report is 6 deep; json-c frees what it parsed recursively, so there has to be an end

static json_object *member(const json_object *o, const char *name, enum json_type type)
{
    json_object *x;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &x)) return NULL;
    return json_object_is_type(x, type) ? x : NULL;
}
json_object *cli_json_object(const json_object *o, const char *name) { return member(o, name, json_type_object); }
const char *cli_json_text(const json_object *o, const char *name)
{
    json_object *const x = member(o, name, json_type_string);
    return x ? json_object_get_string(x) : NULL;
}
int64_t cli_json_int(const json_object *o, const char *name, int64_t otherwise)
{
    json_object *const x = member(o, name, json_type_int);
    return x ? json_object_get_int64(x) : otherwise;
}
uint64_t cli_json_count(const json_object *o, const char *name)
{
    json_object *const x = member(o, name, json_type_int);
    return x ? json_object_get_uint64(x) : 0;
}
bool cli_json_bool(const json_object *o, const char *name)
{
    json_object *const x = member(o, name, json_type_boolean);
    return x && json_object_get_boolean(x);
}
size_t cli_json_length(const json_object *o, const char *name)
{
    json_object *const x = member(o, name, json_type_array);
    return x ? json_object_array_length(x) : 0;
}
json_object *cli_json_at(const json_object *o, const char *name, size_t i)
{
    json_object *const x = member(o, name, json_type_array);
    json_object *const y = x && i < json_object_array_length(x) ? json_object_array_get_idx(x, i) : NULL;
    return json_object_is_type(y, json_type_object) ? y : NULL;
}
json_object *cli_json_by_id(const json_object *o, const char *name, int64_t id)
{
    const size_t n = cli_json_length(o, name);
    for (size_t i = 0; i < n && i < SEARCHED; i++) {
        json_object *const x = cli_json_at(o, name, i);
        if (x && cli_json_int(x, "id", -1) == id) return x;
    }
    return NULL;
}

// How many bytes the character at p has; 0 if it is none: cut, overlong, a surrogate, or beyond U+10FFFF.
static size_t utf8_length(const unsigned char *p, size_t left)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    const size_t n = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
    if (n <= 1 || n > left) return n == 1;
    unsigned c = *p & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (p[i] >> 6 != 2) return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    return c < least[n] || c > 0x10ffff || c >> 11 == 0x1b ? 0 : n;
}
void cli_utf8_repair(char *text, size_t length)
{
    for (size_t i = 0; i < length;) {
        if ((signed char)text[i] >= 0) { // ASCII, as nearly everything is
            i++;
            continue;
        }
        const size_t n = utf8_length((unsigned char *)text + i, length - i);
        if (n == 0) text[i] = '?';
        i += n ? n : 1;
    }
}

json_object *cli_json_parse(char *text, size_t length, size_t *used)
{
    static json_tokener *tokener; // kept: a log has millions of lines
    *used = 0;
    if (length == 0 || *text != '{' || length > INT_MAX) return NULL;
    if (!tokener && !(tokener = json_tokener_new_ex(DEEPEST))) cli_die("", "out of memory");
    json_tokener_reset(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
    cli_utf8_repair(text, length);
    json_object *const o = json_tokener_parse_ex(tokener, text, (int)length);
    *used = json_tokener_get_parse_end(tokener);
    if (json_tokener_get_error(tokener) == json_tokener_success && json_object_is_type(o, json_type_object)) return o;
    json_object_put(o);
    json_tokener_reset(tokener);
    return NULL;
}
