s/.*/& base__own_&/
s/^\(malloc\|calloc\|realloc\|free\) .*/\1 det__\1/
