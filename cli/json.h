// cli/json.h: reading JSON that somebody else wrote: a member that is missing or of the wrong type is not known.
// Every function takes NULL for an object, and then nothing in it is known either.
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

json_object *cli_json_object(const json_object *o, const char *name); // a member that is an object, else NULL
const char *cli_json_text(const json_object *o, const char *name);    // NULL: no such text
int64_t cli_json_int(const json_object *o, const char *name, int64_t otherwise);
uint64_t cli_json_count(const json_object *o, const char *name); // 0: not known, or negative
bool cli_json_bool(const json_object *o, const char *name);
size_t cli_json_length(const json_object *o, const char *name);             // of a member that is an array, else 0
json_object *cli_json_at(const json_object *o, const char *name, size_t i); // of an array: an object in it, else NULL
// Of an array of objects with a member "id": the one that has this id.
json_object *cli_json_by_id(const json_object *o, const char *name, int64_t id);

// Parses the object that text begins with. used: how many bytes of it that were. NULL: it is not (all of) an object.
// Bytes that are not UTF-8 become '?', in place, so that whatever is made of the texts is UTF-8, too.
json_object *cli_json_parse(char *text, size_t length, size_t *used);
void cli_utf8_repair(char *text, size_t length);

#endif
