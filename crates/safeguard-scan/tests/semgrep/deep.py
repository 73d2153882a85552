if user.is_admin:
    go()
if ready and (user.is_admin or other):
    go()
if ready:
    go()
if not check(user.is_admin):
    go()
while user.is_admin:
    go()
if ready:
    go()
elif user.is_admin:
    stop()
