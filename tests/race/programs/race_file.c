// Writing to the same file orders nothing: a log would hide every race.
#include "../race.h"

int data;
static void first(void)
{
    data = 1; // race: data
    EXPECT(write(STDOUT_FILENO, "a", 1) == 1);
}
static void second(void)
{
    EXPECT(write(STDOUT_FILENO, "b", 1) == 1);
    data = 2; // race: data
}
