// alarm.c: channels that time sends on: rv_after and tickers.
//
// Such a channel has room for one element, the time at which it was due, and a timer behind that. The timer's fire hands the time to who
// waits, or leaves it in the buffer, or, if one is there already, drops it. It waits for nobody.
//   (1) `due` counts the fires to come: one at most is in a heap, the others are between being taken out and fire (time.c has the same).
//   (2) Who frees the channel stops its timer; a fire that is on its way then finds `left`, and gives the memory back.
//   (3) The reference of one that sends once goes with its element: who takes that from the buffer drops it; fire does, on behalf of
//       one who waited. So it is free for anybody who does not wait for it to drop the reference himself.
// A fire tells the detectors nothing: it is nobody's.
// Locks, outermost first: channel, heap.
#include "runtime/chan.h"
#include "runtime/feed.h"
#include "runtime/sched.h"
#include "runtime/time.h"

static void stop_locked(struct rv__alarm *a)
{
    if (a->due == 0) return;
    if (rv__timer_del(&a->timer))
        a->due--;
    else if (rv__timer_forgotten(&a->timer))
        a->due = 0;
}
bool rv__alarm_end(rv_chan *ch)
{
    struct rv__alarm *const a = rv__alarm_of(ch);
    rv__lock(&ch->lock);
    stop_locked(a);
    const bool left = a->left = a->due != 0;
    rv__unlock(&ch->lock); // from here on the fire may have freed it
    return !left;
}
// Who waited, and has it now; NULL: it is in the buffer.
static struct rv__waiter *send_locked(rv_chan *ch, int64_t now)
{
    struct rv__waiter *const w = rv__waitq_pop(&ch->receivers);
    if (w) {
        rv__copy(w->elem, &now, sizeof now);
        w->ok = true;
    } else if (ch->n == 0) {
        rv__copy(ch->buffer, &now, sizeof now);
        base_store_relaxed(&ch->n, (uint64_t)1); // relaxed: who looks without the lock wants a hint
    }
    return w;
}
static void fire(struct rv__timer *t, int64_t now)
{
    rv_chan *const ch = t->arg;
    struct rv__alarm *const a = rv__alarm_of(ch);
    const bool once = ch->alarm == RV__ONCE;
    rv__lock(&ch->lock);
    struct rv__waiter *const w = a->left ? NULL : send_locked(ch, now);
    if (once || !rv__timer_again(rv__timers_here(), t, now)) a->due--;
    const bool ours = a->left && a->due == 0;
    rv__unlock(&ch->lock); // unless it is ours, it may be gone
    if (ours) rv__chan_give_memory_back(ch);
    if (!w) return;
    if (once) rv__chan_unref(ch);
    struct rv__glist woken = {0};
    rv__glist_push(&woken, rv__waiter_done(w));
    rv__ready_list(&woken);
}
static void start_locked(rv_chan *ch, int64_t ns, int64_t period)
{
    struct rv__alarm *const a = rv__alarm_of(ch);
    a->timer.when = rv__after(ns);
    a->timer.period = period;
    a->timer.fire = fire;
    a->timer.arg = ch;
    a->due++;
    rv__timer_begin(&a->timer);
}
static rv_chan *make(enum rv__alarm_kind kind, int64_t ns)
{
    rv__begin();
    rv_chan *const ch = rv__chan_make_alarm(kind);
    rv__lock(&ch->lock);
    start_locked(ch, ns, kind == RV__ONCE ? 0 : ns);
    rv__unlock(&ch->lock);
    rv__end();
    return ch;
}
rv_chan *rv_after(int64_t ns) { return make(RV__ONCE, ns); }

static void check_period(int64_t ns)
{
    if (unlikely(ns <= 0)) rv__fatal("ticker: the interval %ld is not positive", (long)ns);
}
static void check_ticker(const rv_chan *ch)
{
    if (unlikely(!ch || ch->alarm != RV__TICKS)) rv__fatal("ticker: not a channel that rv_ticker_start has made");
}
rv_chan *rv_ticker_start(int64_t ns)
{
    check_period(ns);
    return make(RV__TICKS, ns);
}
void rv_ticker_stop(rv_chan *ticker)
{
    check_ticker(ticker);
    rv__begin();
    rv__lock(&ticker->lock);
    stop_locked(rv__alarm_of(ticker));
    rv__unlock(&ticker->lock);
    rv__end();
}
void rv_ticker_reset(rv_chan *ticker, int64_t ns)
{
    check_ticker(ticker);
    check_period(ns);
    rv__begin();
    rv__lock(&ticker->lock);
    stop_locked(rv__alarm_of(ticker));
    start_locked(ticker, ns, ns);
    rv__unlock(&ticker->lock);
    rv__end();
}
