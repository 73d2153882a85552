set_limit(10)
set_limit(1001)
set_limit(2000)
set_limit(0x1000)
set_limit(2_000)
LIMIT = 4000
set_limit(LIMIT)
set_limit(limit)
set_limit(-2000)
