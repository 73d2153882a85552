import fakeredis

from statements.lock import HostLock


def test_second_host_is_refused():
    client = fakeredis.FakeRedis()
    assert HostLock(client, "k").acquire()
    assert not HostLock(client, "k").acquire()


def test_free_after_release():
    client = fakeredis.FakeRedis()
    lock = HostLock(client, "k")
    lock.acquire()
    lock.release()
    assert HostLock(client, "k").acquire()
