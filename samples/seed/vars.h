// vars.h: what stands for the profiler's server in 3.1, 3.2 and 3.3: it answers every request with the published variables.
// As the originals do it, a goroutine of its own listens: what it cannot do is found out after it was announced, and nobody ends it. With a
// context (mended) the caller listens, and ends it.
#ifndef VARS_H
#define VARS_H
#include "seed.h"

struct vars {
    int port, listener;
    rv_ctx *ctx; // NULL: for ever
    rv_waitgroup running;
};

static void vars_answer(struct vars *v, int fd)
{
    char request[1024];
    rv_buf body = {0}, answer = {0};
    rv_set_deadline(fd, RV_READ | RV_WRITE, rv_now() + SECOND);
    if (rv_read_ctx(v->ctx, fd, request, sizeof request) > 0) {
        rv_vars_write(&body);
        rv_buf_printf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", body.n,
                      body.text);
        rv_write_ctx(v->ctx, fd, answer.text, answer.n);
    }
    rv_buf_free(&body);
    rv_buf_free(&answer);
    rv_close(fd);
}

static void vars_serve(void *vars)
{
    struct vars *v = vars;
    for (int fd; (fd = rv_accept_ctx(v->ctx, v->listener, NULL, NULL)) >= 0;) vars_answer(v, fd);
    rv_close(v->listener);
}

static bool vars_listen(struct vars *v)
{
    v->listener = rv_listen_tcp("127.0.0.1", v->port, 0);
    if (v->listener < 0) printf("the server failed to start: %s\n", strerror(-v->listener));
    return v->listener >= 0;
}

static void vars_listen_and_serve(void *vars)
{
    if (vars_listen(vars)) vars_serve(vars);
}

static void vars_start(struct vars *v)
{
    const char *const says = "the server is at http://localhost:%d/debug/vars\n";
    if (!mended) {
        printf(says, v->port);
        rv_go(vars_listen_and_serve, v);
    } else if (vars_listen(v)) {
        printf(says, rv_local_port(v->listener));
        v->ctx = rv_ctx_with_cancel(NULL);
        rv_wg_go(&v->running, vars_serve, v);
    }
}

static void vars_stop(struct vars *v)
{
    if (!v->ctx) return;
    rv_ctx_cancel(v->ctx, 0);
    rv_wg_wait(&v->running);
    rv_ctx_release(v->ctx);
}
#endif
