// 2.3: ten parts are joined to one text: by a new text for each part, in a buffer, and in a buffer that comes from a pool.
//
// The mistake: what goes back to the pool gives up its memory first (so does a strings.Builder that is reset), and the pool saves nothing. The
// mend empties the buffer and lets it keep its room.
#include "seed.h"

enum { PARTS = 10 };
static int operations;

static void *make(void *none)
{
    (void)none;
    return calloc(1, sizeof(rv_buf));
}

static void drop(void *buf, void *none)
{
    (void)none;
    rv_buf_free(buf);
    free(buf);
}

static rv_pool pool = RV_POOL_OF_SIZE(sizeof(rv_buf), make, drop, NULL);

static char *joined(char *s, int part)
{
    char text[16];
    snprintf(text, sizeof text, "part%d", part);
    char *both = malloc(strlen(s) + strlen(text) + 1);
    strcat(strcpy(both, s), text);
    free(s);
    return both;
}

static void by_new_texts(void)
{
    char *s = calloc(1, 1);
    for (int j = 0; j < PARTS; j++) s = joined(s, j);
    USE(s);
    free(s);
}

static void in_a_buffer(void)
{
    rv_buf b = {0};
    for (int j = 0; j < PARTS; j++) rv_buf_printf(&b, "part%d", j);
    USE(b.text);
    rv_buf_free(&b);
}

static void in_one_from_the_pool(void)
{
    rv_buf *b = rv_pool_get(&pool);
    for (int j = 0; j < PARTS; j++) rv_buf_printf(b, "part%d", j);
    USE(b->text);
    if (mended)
        rv_buf_reset(b);
    else
        rv_buf_free(b);
    rv_pool_put(&pool, b);
}

static double time_of(void (*fn)(void))
{
    const int64_t start = rv_now();
    for (int i = 0; i < operations; i++) fn();
    return ms_since(start);
}

static int demo(int argc, char **argv)
{
    operations = how_many(argc, argv, 100000);
    printf("=== allocation ===\n");
    const double plain = time_of(by_new_texts), buffer = time_of(in_a_buffer), pooled = time_of(in_one_from_the_pool);
    printf("new texts: %.3fms\nbuffer: %.3fms\nbuffer from a pool: %.3fms\n", plain, buffer, pooled);
    printf("the buffer is %.2fx as fast\nthe pool is %.2fx as fast\n", plain / buffer, plain / pooled);
    rv_pool_drain(&pool);
    return 0;
}

SEED_MAIN(demo)
