// A gtest program: two tests; the second races, and prints while it does.
#include <gtest/gtest.h>
#include <thread>

int total;
TEST(Numbers, Nothing) { EXPECT_EQ(1, 1); }
TEST(Numbers, Add)
{
    printf("some output\n");
    std::thread a([] { total++; }), b([] { total++; });
    a.join();
    b.join();
}
int after;
int main(int argc, char **argv)
{
    ::testing::InitGoogleTest(&argc, argv);
    const int code = RUN_ALL_TESTS();
    std::thread a([] { after++; }), b([] { after++; });
    a.join();
    b.join();
    return code;
}
