// test_chan.c: channels against a naive model, and what the header promises of their ends.
#include <errno.h>
#include <pthread.h>

#include "tests/runtime/rig.h"

enum { MOST_BYTES = 300, EDGE = 16 };
static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 64, 100, 255, 256, 257, 300};
enum { SIZES = sizeof sizes / sizeof *sizes };

// ---- elements that tell who they are ---------------------------------------------------------------------------------

struct elem {
    unsigned char before[EDGE], bytes[MOST_BYTES], after[EDGE];
};
static unsigned char byte_of(uint64_t value, size_t i)
{
    return i < 8 ? (unsigned char)(value >> 8 * i) : (unsigned char)(value * 31 + i * 7);
}
static void elem_make(struct elem *e, uint64_t value)
{
    memset(e->before, 0xee, EDGE);
    memset(e->after, 0xee, EDGE);
    for (size_t i = 0; i < MOST_BYTES; i++) e->bytes[i] = byte_of(value, i);
}
static void elem_clear(struct elem *e) { memset(e, 0xee, sizeof *e); }
// The first `size` bytes are value's, and nothing else of a cleared e was touched.
static void elem_check(const struct elem *e, size_t size, uint64_t value)
{
    for (size_t i = 0; i < size; i++) cr_assert_eq(e->bytes[i], byte_of(value, i), "byte %zu of %zu", i, size);
    for (size_t i = size; i < MOST_BYTES; i++) cr_assert_eq(e->bytes[i], 0xee, "byte %zu behind %zu", i, size);
    for (size_t i = 0; i < EDGE; i++) cr_assert(e->before[i] == 0xee && e->after[i] == 0xee);
}
static void elem_check_zero(const struct elem *e, size_t size)
{
    for (size_t i = 0; i < size; i++) cr_assert_eq(e->bytes[i], 0);
    for (size_t i = size; i < MOST_BYTES; i++) cr_assert_eq(e->bytes[i], 0xee);
}

// ---- one goroutine, try operations, every size -----------------------------------------------------------------------

static void try_model(size_t size, size_t capacity, uint64_t *random)
{
    rv_chan *const ch = rv_chan_make(size, capacity);
    uint64_t sent = 0, received = 0;
    bool closed = false;
    struct elem e;
    for (int step = 0; step < 300; step++) {
        const size_t held = sent - received;
        cr_assert_eq(rv_chan_len(ch), held);
        if (rig_random(random) % 2 && !closed) {
            elem_make(&e, sent);
            const int err = rv_chan_try_send(ch, e.bytes);
            cr_assert_eq(err, held < capacity ? 0 : -EAGAIN);
            if (!err) sent++;
        } else {
            elem_clear(&e);
            const int err = rv_chan_try_recv(ch, e.bytes);
            cr_assert_eq(err, held ? 0 : closed ? -EPIPE : -EAGAIN);
            if (!err) elem_check(&e, size, received++);
            if (err == -EPIPE) elem_check_zero(&e, size);
        }
        if (step == 250) rv_chan_close(ch), closed = true;
    }
    cr_assert_eq(rv_chan_cap(ch), capacity);
    rv_chan_free(ch);
}
static void every_size(void *random)
{
    for (int i = 0; i < SIZES; i++)
        for (size_t capacity = 0; capacity < 9; capacity++) try_model(sizes[i], capacity, random);
}
Test(chan, try_operations_of_every_size)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(every_size, &random), 0);
}
static void a_wanted_element_only(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 2);
    int v = 5;
    rv_chan_send(ch, &v);
    rv_chan_send(ch, &v);
    cr_assert(rv_chan_recv(ch, NULL));
    cr_assert_eq(rv_chan_try_recv(ch, NULL), 0);
    rv_chan_close(ch);
    cr_assert_not(rv_chan_recv(ch, NULL));
    rv_chan_free(ch);
}
Test(chan, received_without_a_place) { cr_assert_eq(rv_run(a_wanted_element_only, NULL), 0); }

static void extents(void *arg)
{
    (void)arg;
    cr_assert_null(rv_chan_make(SIZE_MAX, 2));
    cr_assert_null(rv_chan_make(8, SIZE_MAX / 8));
    cr_assert_null(rv_chan_make(1, SIZE_MAX - 10));
    cr_assert_null(rv_chan_make(1, (size_t)1 << 60));
    rv_chan *const events = rv_chan_make(0, SIZE_MAX); // needs no memory
    cr_assert_eq(rv_chan_try_send(events, NULL), 0);
    cr_assert_eq(rv_chan_len(events), 1u);
    rv_chan_free(events);
    for (size_t n = 1; n < 100000; n += n / 3 + 1) { // each class of memory, and mappings: written to the last byte
        rv_chan *const ch = rv_chan_make(1, n);
        for (size_t i = 0; i < n; i++) cr_assert_eq(rv_chan_try_send(ch, &(char){(char)i}), 0);
        for (size_t i = 0; i < n; i++) {
            char c;
            cr_assert_eq(rv_chan_try_recv(ch, &c), 0);
            cr_assert_eq(c, (char)i);
        }
        rv_chan_free(ch);
    }
}
Test(chan, extents) { cr_assert_eq(rv_run(extents, NULL), 0); }

// ---- several goroutines, one operation at a time, against a model that knows who waits --------------------------------

enum { WORKERS = 6, CHANS = 3, MOST_CAPACITY = 4 };
enum op { SEND, RECV };
struct worker {
    uint32_t state; // atomic: 0 idle, 1 told to work, 2 done, 3 told to end, 4 ended
    enum op op;
    rv_chan *ch;
    struct elem e;
    bool ok;
    // The model's.
    bool waits;
    uint64_t value; // that it sends
};
struct model_chan {
    rv_chan *ch;
    size_t size, capacity, n;
    uint64_t held[MOST_CAPACITY];  // oldest first
    struct worker *queue[WORKERS]; // who waits, longest first; all of one side
    size_t waiting;
    bool closed;
};
struct model {
    struct worker w[WORKERS];
    struct model_chan c[CHANS];
    uint64_t random, value;
};
static uint32_t state_of(struct worker *w)
{
    return base_load_acquire(&w->state);
} // acquire: what the other wrote before

static void work(void *p)
{
    struct worker *const w = p;
    for (;;) {
        RIG_UNTIL(state_of(w) == 1 || state_of(w) == 3);
        if (state_of(w) == 3) break;
        if (w->op == SEND) rv_chan_send(w->ch, w->e.bytes);
        w->ok = w->op == SEND || rv_chan_recv(w->ch, w->e.bytes);
        base_store_release(&w->state, 2u); // release: the result
    }
    base_store_release(&w->state, 4u); // release: the end of its use of *w
}
static struct worker *leave_queue(struct model_chan *c)
{
    struct worker *const w = c->queue[0];
    memmove(c->queue, c->queue + 1, --c->waiting * sizeof *c->queue);
    w->waits = false;
    return w;
}
// w's operation must be over: a receive with `value`, or with false and zero.
static void finished(struct model_chan *c, struct worker *w, bool ok, uint64_t value)
{
    RIG_UNTIL(state_of(w) == 2);
    cr_assert_eq(w->ok, w->op == SEND || ok);
    if (w->op == RECV && ok) elem_check(&w->e, c->size, value);
    if (w->op == RECV && !ok) elem_check_zero(&w->e, c->size);
    base_store_relaxed(&w->state, 0u);
}
static void begin(struct model_chan *c, struct worker *w, enum op op, uint64_t value)
{
    w->op = op;
    w->ch = c->ch;
    w->value = value;
    if (op == SEND)
        elem_make(&w->e, value);
    else
        elem_clear(&w->e);
    base_store_release(&w->state, 1u); // release: what it shall do
}
static void enqueue(struct model_chan *c, struct worker *w)
{
    w->waits = true;
    c->queue[c->waiting++] = w;
    RIG_UNTIL(rig_waiters(c->ch, w->op == SEND) == c->waiting);
}
static bool side_waits(const struct model_chan *c, enum op op) { return c->waiting && c->queue[0]->op == op; }
static void model_send(struct model *m, struct model_chan *c, struct worker *w)
{
    const uint64_t value = m->value++;
    begin(c, w, SEND, value);
    if (side_waits(c, RECV)) {
        finished(c, leave_queue(c), true, value);
        finished(c, w, true, 0);
    } else if (c->n < c->capacity) {
        c->held[c->n++] = value;
        finished(c, w, true, 0);
    } else {
        enqueue(c, w);
    }
}
static void model_recv(struct model_chan *c, struct worker *w)
{
    begin(c, w, RECV, 0);
    if (c->n) {
        const uint64_t value = c->held[0];
        memmove(c->held, c->held + 1, --c->n * sizeof *c->held);
        if (side_waits(c, SEND)) {
            struct worker *const s = leave_queue(c);
            c->held[c->n++] = s->value;
            finished(c, s, true, 0);
        }
        finished(c, w, true, value);
    } else if (side_waits(c, SEND)) {
        struct worker *const s = leave_queue(c);
        finished(c, s, true, 0);
        finished(c, w, true, s->value);
    } else if (c->closed) {
        finished(c, w, false, 0);
    } else {
        enqueue(c, w);
    }
}
static void model_close(struct model_chan *c)
{
    if (c->closed || side_waits(c, SEND)) return;
    rv_chan_close(c->ch);
    c->closed = true;
    while (c->waiting) finished(c, leave_queue(c), false, 0);
}
static void renew(struct model *m, struct model_chan *c)
{
    if (c->ch) rv_chan_free(c->ch);
    *c = (struct model_chan){.size = sizes[rig_random(&m->random) % SIZES],
                             .capacity = rig_random(&m->random) % (MOST_CAPACITY + 1)};
    c->ch = rv_chan_make(c->size, c->capacity);
}
static struct worker *idle_worker(struct model *m)
{
    const size_t from = rig_random(&m->random) % WORKERS;
    for (size_t i = 0; i < WORKERS; i++)
        if (!m->w[(from + i) % WORKERS].waits) return &m->w[(from + i) % WORKERS];
    return NULL;
}
// The waiting half of the workers is set free by the driver itself, with try operations.
static void relieve(struct model *m, struct model_chan *c)
{
    struct elem e;
    if (side_waits(c, RECV)) {
        const uint64_t value = m->value++;
        elem_make(&e, value);
        cr_assert_eq(rv_chan_try_send(c->ch, e.bytes), 0);
        finished(c, leave_queue(c), true, value);
    } else if (side_waits(c, SEND)) {
        struct worker *const s = leave_queue(c);
        const uint64_t value = c->n ? c->held[0] : s->value;
        if (c->n) {
            memmove(c->held, c->held + 1, (c->n - 1) * sizeof *c->held);
            c->held[c->n - 1] = s->value;
        }
        elem_clear(&e);
        cr_assert_eq(rv_chan_try_recv(c->ch, e.bytes), 0);
        elem_check(&e, c->size, value);
        finished(c, s, true, 0);
    }
}
static void check(struct model *m)
{
    for (int i = 0; i < WORKERS; i++) cr_assert_eq(state_of(&m->w[i]), m->w[i].waits ? 1u : 0u);
    for (int i = 0; i < CHANS; i++) cr_assert_eq(rv_chan_len(m->c[i].ch), m->c[i].n);
}
static void step(struct model *m)
{
    struct model_chan *const c = &m->c[rig_random(&m->random) % CHANS];
    struct worker *const w = idle_worker(m);
    const unsigned what = rig_random(&m->random) % 32;
    if (!w || what < 3)
        relieve(m, c);
    else if (what == 3)
        model_close(c);
    else if (c->closed && !c->n && what < 8)
        renew(m, c);
    else if (what % 2 && !c->closed)
        model_send(m, c, w);
    else
        model_recv(c, w);
    check(m);
}
static void model(void *p)
{
    struct model *const m = p;
    for (int i = 0; i < CHANS; i++) renew(m, &m->c[i]);
    for (int i = 0; i < WORKERS; i++) rv_go(work, &m->w[i]);
    for (int i = 0; i < 5000; i++) step(m);
    for (int i = 0; i < CHANS; i++) {
        while (m->c[i].waiting) relieve(m, &m->c[i]);
        rv_chan_free(m->c[i].ch);
    }
    for (int i = 0; i < WORKERS; i++) {
        base_store_release(&m->w[i].state, 3u); // release: nothing more to do
        RIG_UNTIL(state_of(&m->w[i]) == 4);
    }
}
Test(chan, who_waits_and_who_is_served)
{
    static struct model m;
    m.random = rig_seed();
    cr_assert_eq(rv_run(model, &m), 0);
}

// ---- many at once ----------------------------------------------------------------------------------------------------

enum { MOST_SIDES = 8 };
struct crowd {
    rv_chan *ch;
    size_t size;
    int senders, receivers, each;
    uint32_t senders_left, receivers_left; // atomic
    unsigned char *seen;                   // atomic bytes: [sender * each + k], how often it arrived
    uint32_t next_sender;
};
struct message {
    uint32_t sender, k;
    char more[48];
};
static void crowd_send(void *p)
{
    struct crowd *const c = p;
    struct message m = {.sender = __atomic_fetch_add(&c->next_sender, 1, __ATOMIC_RELAXED)};
    for (m.k = 0; m.k < (uint32_t)c->each; m.k++) {
        memset(m.more, (int)(m.sender * 7 + m.k), sizeof m.more);
        if (m.k % 3 || rv_chan_try_send(c->ch, &m)) rv_chan_send(c->ch, &m);
    }
    if (base_sub_acq_rel(&c->senders_left, 1u) == 1) rv_chan_close(c->ch); // acq_rel: the last after all others
}
static void crowd_recv(void *p)
{
    struct crowd *const c = p;
    int64_t last[MOST_SIDES];
    for (int i = 0; i < MOST_SIDES; i++) last[i] = -1;
    struct message m;
    while (rv_chan_recv(c->ch, &m)) {
        cr_assert_gt((int64_t)m.k, last[m.sender], "one sender's elements arrive in their order");
        last[m.sender] = m.k;
        for (size_t i = 0; i + 8 < c->size && i < sizeof m.more; i++)
            cr_assert_eq((unsigned char)m.more[i], (unsigned char)(m.sender * 7 + m.k));
        __atomic_fetch_add(&c->seen[m.sender * (uint32_t)c->each + m.k], 1, __ATOMIC_RELAXED);
    }
    base_sub_acq_rel(&c->receivers_left, 1u); // acq_rel: what it saw, to the driver
}
static void *crowd_recv_thread(void *p)
{
    crowd_recv(p);
    return NULL;
}
static void *crowd_send_thread(void *p)
{
    crowd_send(p);
    return NULL;
}
static void start(bool thread, void *(*in_thread)(void *), rv_fn *fn, void *p)
{
    pthread_t t;
    if (!thread)
        rv_go(fn, p);
    else if (pthread_create(&t, NULL, in_thread, p) == 0)
        pthread_detach(t);
}
static void crowd(uint64_t *random, bool threads)
{
    struct crowd c = {.size = rig_random(random) % 2 ? 8 : sizeof(struct message),
                      .senders = 1 + (int)(rig_random(random) % 4),
                      .receivers = 1 + (int)(rig_random(random) % 4),
                      .each = threads ? 300 : 3000};
    c.ch = rv_chan_make(c.size, rig_random(random) % 5);
    c.senders_left = (uint32_t)c.senders;
    c.receivers_left = (uint32_t)c.receivers;
    c.seen = calloc((size_t)(c.senders * c.each), 1);
    for (int i = 0; i < c.receivers; i++) start(threads && rig_random(random) % 2, crowd_recv_thread, crowd_recv, &c);
    for (int i = 0; i < c.senders; i++) start(threads && rig_random(random) % 2, crowd_send_thread, crowd_send, &c);
    RIG_UNTIL(base_load_acquire(&c.receivers_left) == 0); // acquire: pairs with their last operation
    for (int i = 0; i < c.senders * c.each; i++) cr_assert_eq(c.seen[i], 1);
    rv_chan_free(c.ch);
    free(c.seen);
}
static void crowds(void *random)
{
    for (int i = 0; i < 20; i++) {
        rv_gomaxprocs(1 + i % 2);
        crowd(random, false);
    }
}
static void mixed_crowds(void *random)
{
    rv_gomaxprocs(2);
    for (int i = 0; i < 10; i++) crowd(random, true);
}
Test(chan, everything_arrives_once)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(crowds, &random), 0);
}
Test(chan, plain_threads_at_either_end)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(mixed_crowds, &random), 0);
}

// ---- freed at once ---------------------------------------------------------------------------------------------------

// A channel whose memory is a mapping is gone when it is freed: who touches it then, dies. Small ones are looked
// at for late writes, in deep builds, when their memory is handed out again.
struct last {
    rv_chan *ch;
    uint32_t ended; // atomic
    bool close;
};
static void send_last(void *p)
{
    struct last *const l = p;
    if (l->close)
        rv_chan_close(l->ch);
    else
        rv_chan_send(l->ch, &(int){7});
    base_store_release(&l->ended, 1u); // release: the end of its use of *l
}
static void recv_last(void *p)
{
    struct last *const l = p;
    int v = 0;
    cr_assert(rv_chan_recv(l->ch, &v) && v == 7);
    base_store_release(&l->ended, 1u); // release: as above
}
static void free_one(bool large, bool receiver_frees, bool close, size_t capacity)
{
    struct last l = {.ch = rv_chan_make(sizeof(int), large ? 40000 : capacity), .close = close};
    int v = 7;
    rv_go(receiver_frees ? send_last : recv_last, &l);
    if (receiver_frees)
        cr_assert_eq(rv_chan_recv(l.ch, &v), !close);
    else
        rv_chan_send(l.ch, &v);
    if (!receiver_frees && rv_chan_cap(l.ch)) RIG_UNTIL(base_load_acquire(&l.ended)); // its receive is still to come
    rv_chan_free(l.ch);
    RIG_UNTIL(base_load_acquire(&l.ended)); // acquire: its use of l is over
}
static void free_at_once(void *random)
{
    rv_gomaxprocs(2);
    for (int i = 0; i < 4000; i++) {
        const uint64_t r = rig_random(random);
        const bool receiver_frees = r % 4 != 0;
        free_one(r / 4 % 2, receiver_frees, receiver_frees && r / 8 % 4 == 0, r / 32 % 2);
    }
}
Test(chan, freed_after_the_last_operation)
{
    uint64_t random = rig_seed();
    cr_assert_eq(rv_run(free_at_once, &random), 0);
}

static void references(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(long, 3);
    cr_assert_eq(rv_chan_ref(ch), ch);
    rv_chan_unref(ch);
    cr_assert_eq(rv_chan_try_send(ch, &(long){1}), 0);
    rv_chan_unref(ch);
    rv_chan_unref(NULL);
    rv_chan_free(NULL);
    cr_assert_null(rv_chan_ref(NULL));
}
Test(chan, references) { cr_assert_eq(rv_run(references, NULL), 0); }

// ---- nil, and what is fatal --------------------------------------------------------------------------------------------

static void nil_tries(void *arg)
{
    (void)arg;
    cr_assert_eq(rv_chan_try_send(NULL, NULL), -EAGAIN);
    cr_assert_eq(rv_chan_try_recv(NULL, NULL), -EAGAIN);
    cr_assert_eq(rv_chan_len(NULL), 0u);
    cr_assert_eq(rv_chan_cap(NULL), 0u);
}
Test(chan, nil_never_has_anything) { cr_assert_eq(rv_run(nil_tries, NULL), 0); }

static void close_nil(void *arg)
{
    (void)arg;
    rv_chan_close(NULL);
}
static void close_twice(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 0);
    rv_chan_close(ch);
    rv_chan_close(ch);
}
static void send_closed(void *try)
{
    rv_chan *const ch = RV_CHAN(int, 1);
    rv_chan_close(ch);
    if (try)
        rv_chan_try_send(ch, &(int){1});
    else
        rv_chan_send(ch, &(int){1});
}
static void send_nothing(void *arg)
{
    (void)arg;
    rv_chan_send(RV_CHAN(int, 1), NULL);
}
static void free_shared(void *arg)
{
    (void)arg;
    rv_chan_free(rv_chan_ref(RV_CHAN(int, 1)));
}
static void wait_to_send(void *ch) { rv_chan_send(ch, &(int){1}); }
static void wait_to_receive(void *ch) { rv_chan_recv(ch, NULL); }
static void closed_under_a_sender(void *arg)
{
    (void)arg;
    rv_chan *const ch = RV_CHAN(int, 0);
    rv_go(wait_to_send, ch);
    RIG_UNTIL(rig_waiters(ch, true) == 1);
    rv_chan_close(ch);
    for (;;) rv_gosched();
}
static void freed_under(void *fn)
{
    rv_chan *const ch = RV_CHAN(int, 0);
    for (int i = 0; i < 2; i++) rv_go(fn ? wait_to_send : wait_to_receive, ch);
    RIG_UNTIL(rig_waiters(ch, fn != NULL) == 2);
    rv_chan_unref(ch);
}
Test(chan, fatal)
{
    rig_dies(close_nil, NULL, "fatal error: close of nil channel\n");
    rig_dies(close_twice, NULL, "fatal error: close of closed channel\n");
    rig_dies(send_closed, NULL, "fatal error: send on closed channel\n");
    rig_dies(send_closed, "try", "fatal error: send on closed channel\n");
    rig_dies(send_nothing, NULL, "fatal error: send of a NULL element on a channel of elements of 4 bytes\n");
    rig_dies(free_shared, NULL, "fatal error: free of a channel with 2 references\n");
    rig_dies(closed_under_a_sender, NULL, "fatal error: send on closed channel\n");
    rig_dies(freed_under, "send", "fatal error: free of a channel at which 2 goroutines wait to send\n");
    rig_dies(freed_under, NULL, "fatal error: free of a channel at which 2 goroutines wait to receive\n");
}

// ---- typed -------------------------------------------------------------------------------------------------------------

struct nothing {
};
static void typed(void *arg)
{
    struct {
        char text[300];
    } in = {"a long one"}, out;
    struct nothing event;
    int64_t number = 0;
    rv_chan *const longs = rv_chan_make(sizeof in, 1), *const events = RV_CHAN(struct nothing, 3);
    rv_chan *const numbers = RV_CHAN(int64_t, 1);
    (void)arg;
    rv_send(longs, &in);
    cr_assert(rv_recv(longs, &out) && !memcmp(&in, &out, sizeof in));
    for (int i = 0; i < 3; i++) rv_send(events, &event);
    cr_assert(rv_chan_len(events) == 3 && rv_recv(events, &event));
    rv_send(numbers, &(int64_t){1 << 20});
    cr_assert(rv_recv(numbers, &number) && number == 1 << 20);
    rv_chan_close(numbers);
    cr_assert_not(rv_recv(numbers, &number));
    rv_chan_free(longs);
    rv_chan_free(events);
    rv_chan_free(numbers);
}
static void send_an_int(void *arg)
{
    (void)arg;
    rv_send(RV_CHAN(int64_t, 1), &(int){1});
}
static void receive_an_int(void *arg)
{
    int i;
    (void)arg;
    rv_recv(RV_CHAN(struct nothing, 1), &i);
}
Test(chan, typed)
{
    cr_assert_eq(rv_run(typed, NULL), 0);
    rig_dies(send_an_int, NULL, "an element of 4 bytes, and a channel of elements of 8 bytes");
    rig_dies(receive_an_int, NULL, "an element of 4 bytes, and a channel of elements of 0 bytes");
}
