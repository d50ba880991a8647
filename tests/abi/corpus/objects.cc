// Virtual tables, exceptions, std::atomic, thread-local objects, lambdas. Only compiled.
#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

struct Base {
    virtual ~Base();
    virtual int value() const { return 1; }
    int field = 0;
};
struct Left : virtual Base {
    int value() const override { return 2 + field; }
};
struct Right : virtual Base {
    ~Right() override { field++; }
};
struct Both : Left, Right {
    int value() const override { return Left::value() + 3; }
    std::string name = "both";
};
Base::~Base() { field = value(); }

int call(const Base *b) { return b->value(); }
Base *make(int kind)
{
    if (kind == 0) return new Base;
    if (kind == 1) return new Left;
    return new Both;
}

struct Guard {
    int &depth;
    explicit Guard(int &d) : depth(d) { depth++; }
    ~Guard() { depth--; }
};
int throws(int n, int &depth)
{
    Guard guard(depth);
    if (n == 0) throw std::runtime_error("deep");
    return throws(n - 1, depth) + 1;
}
int catches(int n)
{
    int depth = 0;
    try {
        return throws(n, depth);
    } catch (const std::runtime_error &e) {
        return depth + static_cast<int>(std::string(e.what()).size());
    }
}

thread_local std::vector<int> per_thread;
int once()
{
    static const std::string text("initialised once");
    per_thread.push_back(static_cast<int>(text.size()));
    return per_thread.back();
}

struct alignas(16) Pair {
    void *first, *second;
};
template <class T> T atomics(std::atomic<T> &a, T v)
{
    T seen = a.load(std::memory_order_acquire);
    a.store(v, std::memory_order_release);
    while (!a.compare_exchange_weak(seen, v, std::memory_order_acq_rel, std::memory_order_acquire)) {
    }
    a.compare_exchange_strong(seen, v);
    return a.exchange(v);
}
template <class T> T arithmetic(std::atomic<T> &a, T v) { return a.fetch_add(v) - a.fetch_sub(v) + a++ + (a |= v) + (a ^= v); }
int all(std::atomic<bool> &b, std::atomic<short> &s, std::atomic<int> &i, std::atomic<long> &l, std::atomic<Base *> &p)
{
    atomics(b, true);
    atomics(p, static_cast<Base *>(nullptr));
    atomics(i, 1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    auto later = [&i] { return i.load(std::memory_order_relaxed); };
    return arithmetic(s, short(1)) + arithmetic(i, 1) + static_cast<int>(arithmetic(l, 1L)) + later();
}
