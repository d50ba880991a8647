// C++'s threads, locks, waits and thread-local objects stand on the same calls; exceptions pass through them.
#include <pthread.h>

#include <condition_variable>
#include <cstdlib>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

static void expect(bool c)
{
    if (!c) _Exit(3);
}
int from_destructor, once_value, runs;
struct late {
    bool used = false;
    ~late()
    {
        if (used) from_destructor = 5;
    }
};
static thread_local late local;
static std::once_flag flag;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void throws_once()
{
    if (++runs == 1) throw std::string("first");
}
static void locks_and_waits()
{
    std::mutex m;
    std::shared_mutex shared;
    std::timed_mutex timed;
    std::recursive_mutex recursive;
    std::condition_variable cv;
    std::vector<std::string> names;
    bool go = false;
    const auto work = [&](int i) {
        std::unique_lock<std::mutex> lock(m);
        cv.wait(lock, [&] { return go; });
        names.push_back(std::to_string(i));
        lock.unlock();
        std::call_once(flag, [] { once_value = 1; });
        expect(once_value == 1);
        std::shared_lock<std::shared_mutex> read(shared);
        if (timed.try_lock_for(std::chrono::hours(1))) timed.unlock();
        std::lock_guard<std::recursive_mutex> outer(recursive), inner(recursive);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back(work, i);
    {
        std::lock_guard<std::mutex> lock(m);
        go = true;
        cv.notify_all();
    }
    for (auto &t : threads) t.join();
    expect(names.size() == 4);
}
int main()
{
    locks_and_waits();
    std::thread([] { local.used = true; }).join();
    expect(from_destructor == 5);
    expect(std::async(std::launch::async, [] { return std::string("x"); }).get() == "x");
    try {
        pthread_once(&once, throws_once);
        expect(false);
    } catch (const std::string &) {
    }
    pthread_once(&once, throws_once);
    expect(runs == 2);
}
