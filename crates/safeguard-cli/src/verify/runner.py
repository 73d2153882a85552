"""Calls a function as it was and as it is with the same arguments, and tells what differs.

One JSON object is read and one is written. This process has the newer files; another one, which it starts, the older.
"""

import dataclasses
import datetime
import decimal
import enum
import fractions
import importlib
import inspect
import itertools
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
import types
import typing

CALL_SECONDS = 1.0
MEMORY_BYTES = 2 << 30
ITEMS_MAX = 100
TEXT_MAX = 2_000
DEPTH_MAX = 6
LETTERS = "abzABZ019 .,:;-_/\\'\"@%<>{}\n\t\u00e9\u00df\u0130\u2603\U0001f600"
# What arguments are written down with.
WORDS = {
    "datetime": datetime,
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "nan": float("nan"),
    "inf": float("inf"),
}


class TooLong(BaseException):
    pass


def limit(seconds):
    """What the functions of the project may take: memory, time, and no byte of any file."""
    for what, most in [
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, int(seconds) + 10),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def too_long(*_):
        raise TooLong

    signal.signal(signal.SIGALRM, too_long)


def load(root, path, name):
    sys.dont_write_bytecode = True
    os.chdir(root)
    parts = path.removesuffix(".py").split("/")
    begin = 0
    if parts[0] == "src" and not os.path.exists(os.path.join(root, "src", "__init__.py")):
        begin = 1
        sys.path.insert(0, os.path.join(root, "src"))
    sys.path.insert(0, root)
    if parts[-1] == "__init__":
        parts.pop()
    module = importlib.import_module(".".join(parts[begin:]))
    return module, inspect.unwrap(getattr(module, name))


def shown(value, depth=DEPTH_MAX):
    """A value as text that is the same for equal values; without addresses."""
    if depth == 0:
        return "…"
    inner = lambda item: shown(item, depth - 1)
    kind = type(value)
    if value is None or kind in (bool, int, float, complex, str, bytes, decimal.Decimal, fractions.Fraction):
        return repr(value)
    if kind in (list, tuple):
        items = ", ".join(map(inner, value))
        return f"[{items}]" if kind is list else f"({items}{',' * (len(value) == 1)})"
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted(map(inner, value)))})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{inner(key)}: {inner(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (enum.Enum, datetime.date, datetime.time, datetime.timedelta, range, type)):
        return repr(value)
    if isinstance(value, types.GeneratorType) or hasattr(value, "__next__"):
        return f"iterator of {shown(list(itertools.islice(value, ITEMS_MAX)), depth)}"
    fields = getattr(value, "__dict__", None)
    if fields is None:
        return f"a {kind.__qualname__}"
    return f"{kind.__qualname__}({', '.join(f'{name}={inner(item)}' for name, item in fields.items())})"


def called(module, function, arguments):
    """What a call comes to: how it ended, and with what. The arguments are text, so that each version has its own."""
    try:
        names = {**vars(module), **WORDS}
        positional, named = eval(f"(lambda *a, **k: (a, k))({arguments})", names)  # noqa: S307
    except TooLong:
        raise
    except BaseException as error:
        return "unwritten", str(error)
    before = shown(positional) + shown(named)
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        returned = function(*positional, **named)
        kind, text = "returned", shown(returned)
    except TooLong:
        kind, text = "raised", f"no end within {CALL_SECONDS:g} s"
    except BaseException as error:
        kind, text = "raised", f"{type(error).__name__}: {error}".removesuffix(": ")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    after = shown(positional) + shown(named)
    if after != before:
        text += f", and its arguments are then {shown(positional)}"
    return kind, text[:TEXT_MAX]


def serve(request):
    module, function = load(request["root"], request["path"], request["function"])
    limit(request["seconds"])
    print(json.dumps("ready"), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(called(module, function, json.loads(line))), file=out, flush=True)


class Older:
    """The process with the older files."""

    def __init__(self, request):
        self.process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1 : sys.orig_argv.index("drive")], "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tell({**request, "root": request["base"]})
        self.hear()

    def tell(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("the version before the change can not be loaded, or ended")
        return json.loads(line)

    def called(self, arguments):
        self.tell(arguments)
        return tuple(self.hear())


class Found:
    """The smallest call of each way in which the versions differ."""

    def __init__(self, module, function, older):
        self.module, self.function, self.older = module, function, older
        self.smallest = {}
        # Ways whose smallest call was looked for.
        self.settled = set()
        self.seen = {}
        self.unwritten = 0

    def compare(self, arguments):
        if arguments in self.seen:
            return self.seen[arguments]
        now = called(self.module, self.function, arguments)
        before = self.older.called(arguments)
        way = None
        if "unwritten" in (now[0], before[0]):
            self.unwritten += 1
        elif now[0] != before[0]:
            way = "now-fails" if now[0] == "raised" else "no-longer-fails"
        elif now[0] == "raised":
            # What an error says is for people; which one it is, is for the caller.
            way = "fails-otherwise" if now[1].split(":")[0] != before[1].split(":")[0] else None
        elif now[1] != before[1]:
            way = "returns-otherwise"
        if way and way not in self.settled:
            entry = (len(arguments), arguments, before[1], now[1])
            self.smallest[way] = min(entry, self.smallest.get(way, entry))
        self.seen[arguments] = way
        return way


def constants(function):
    """Numbers and texts that the function's code has, and their neighbours: there its ways part."""
    numbers, texts = set(), set()
    codes = [function.__code__]
    while codes:
        for constant in codes.pop().co_consts:
            if isinstance(constant, types.CodeType):
                codes.append(constant)
            elif isinstance(constant, str) and constant != function.__doc__:
                texts.add(constant)
            elif type(constant) in (int, float):
                numbers |= {constant - 1, constant, constant + 1}
    return sorted(numbers), sorted(texts)[:50]


def parameters(function):
    """Name, type and how it is given; a default speaks for what has no type."""
    hints = typing.get_type_hints(function)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        kind = hints.get(name)
        if kind is None and parameter.default not in (parameter.empty, None):
            kind = type(parameter.default)
        if kind is not None:
            found.append((name, kind, parameter.kind != parameter.POSITIONAL_ONLY and has_gap(function, name, hints)))
    return found


def has_gap(function, name, hints):
    """Whether the parameter has to be given by name: it is of that kind, or one before it is left out."""
    for other, parameter in inspect.signature(function).parameters.items():
        if other == name:
            return parameter.kind == parameter.KEYWORD_ONLY
        if parameter.kind == parameter.VAR_POSITIONAL:
            return True
        if other not in hints and parameter.default in (parameter.empty, None):
            return True
    return True


def written(parameters, values):
    """Arguments as code, for both versions to read with names of their own."""
    return ", ".join(
        f"{name}={code(value)}" if named else code(value) for (name, _, named), value in zip(parameters, values)
    )


def code(value):
    kind = type(value)
    if isinstance(value, enum.Enum):
        return f"{kind.__qualname__}.{value.name}"
    if dataclasses.is_dataclass(value):
        fields = [field.name for field in dataclasses.fields(value) if field.init]
        return f"{kind.__qualname__}({', '.join(f'{name}={code(getattr(value, name))}' for name in fields)})"
    if kind is list:
        return f"[{', '.join(map(code, value))}]"
    if kind is tuple:
        return f"({', '.join(map(code, value))}{',' * (len(value) == 1)})"
    if kind in (set, frozenset):
        return f"{kind.__name__}([{', '.join(sorted(map(code, value)))}])"
    if kind is dict:
        return "{" + ", ".join(f"{code(key)}: {code(item)}" for key, item in value.items()) + "}"
    return repr(value)


def by_hypothesis(found, given_parameters, pool, calls, until):
    import hypothesis
    from hypothesis import strategies as st

    numbers, texts = pool
    # The table of all letters takes seconds to make.
    st.register_type_strategy(str, st.lists(st.sampled_from(LETTERS)).map("".join))

    def strategy(kind):
        plain = st.from_type(kind)
        near = {int: [n for n in numbers if type(n) is int], float: [float(n) for n in numbers], str: texts}.get(kind)
        return st.one_of(plain, st.sampled_from(near)) if near else plain

    class Differs(Exception):
        pass

    @hypothesis.seed(0)
    @hypothesis.settings(
        max_examples=calls,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
    )
    @hypothesis.given(st.tuples(*(strategy(kind) for _, kind, _ in given_parameters)))
    def compare(values):
        way = None if time.monotonic() > until else found.compare(written(given_parameters, values))
        if way and (way == wanted[0] or wanted[0] is None and way not in found.settled):
            wanted[0] = way
            raise Differs

    # Each way is made as small as it gets, and the search then goes on for others.
    for _ in range(4):
        wanted = [None]
        try:
            compare()
            break
        except Differs:
            found.settled.add(wanted[0])
        except hypothesis.errors.Flaky:
            break
    return "Hypothesis"


class Small:
    """Values of a type, small ones first; for projects without Hypothesis."""

    def __init__(self, pool):
        self.numbers, self.texts = pool
        self.chance = random.Random(0)

    def values(self, kind, depth=3):
        origin, inner = typing.get_origin(kind), typing.get_args(kind)
        if kind is int:
            whole = [n for n in self.numbers if type(n) is int]
            return [0, 1, -1, 2, 3, 10, *whole, *(self.chance.randint(-1000, 1000) for _ in range(5))]
        if kind is float:
            return [0.0, 1.0, -1.0, 0.5, *map(float, self.numbers), *(round(self.chance.uniform(-1e3, 1e3), 3) for _ in range(5))]
        if kind is bool:
            return [False, True]
        if kind is str:
            return ["", "a", "0", " ", " a ", "A b", "é", *self.texts, "a" * 40]
        if kind is bytes:
            return [b"", b"a", b"\xff"]
        if kind in (None, type(None)):
            return [None]
        if kind is decimal.Decimal:
            return [decimal.Decimal(text) for text in ("0", "1", "-1", "0.01", "10.005")]
        if kind is datetime.date:
            return [datetime.date(2000, 1, 1), datetime.date(2024, 2, 29), datetime.date(2023, 12, 31)]
        if kind is datetime.datetime:
            return [datetime.datetime(2000, 1, 1), datetime.datetime(2024, 2, 29, 23, 59, 59)]
        if kind is datetime.timedelta:
            return [datetime.timedelta(0), datetime.timedelta(days=1), datetime.timedelta(seconds=-1)]
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return list(kind)
        if origin is typing.Literal:
            return list(inner)
        if origin in (typing.Union, types.UnionType):
            return [value for one in inner for value in self.values(one, depth)]
        if depth == 0:
            raise TypeError("types lie too deep in each other")
        if kind in (list, dict, set, tuple):
            kind, inner = origin or kind, inner or (int, int)
        if kind is list or origin in (list, set, frozenset):
            make = origin or kind
            items = self.values(inner[0] if inner else int, depth - 1)
            some = [items[:1], items[:2], items[1:4], [*items[:1], *items[:1]], self.chance.sample(items, min(len(items), 4))]
            return [make(), *map(make, some)]
        if kind is tuple or origin is tuple:
            if len(inner) == 2 and inner[1] is Ellipsis:
                return [tuple(value) for value in self.values(list[inner[0]], depth)]
            return list(itertools.islice(itertools.product(*(self.values(one, depth - 1)[:6] for one in inner)), 40))
        if kind is dict or origin is dict:
            keys, values = self.values(inner[0], depth - 1), self.values(inner[1], depth - 1)
            return [{}, *(dict(zip(keys[:size], values[:size])) for size in (1, 2, 3))]
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            fields = [field for field in dataclasses.fields(kind) if field.init]
            choices = [self.values(hints[field.name], depth - 1)[:4] for field in fields]
            return [kind(**dict(zip((field.name for field in fields), values))) for values in itertools.islice(itertools.product(*choices), 30)]
        raise TypeError(f"there are no values for {getattr(kind, '__name__', kind)}")


def by_small(found, given_parameters, pool, calls, until):
    small = Small(pool)
    columns = [small.values(kind) for _, kind, _ in given_parameters]
    sizes = [len(column) for column in columns]
    for number in range(calls):
        if time.monotonic() > until:
            break
        # First each column from its beginning, then by chance.
        if number < max(sizes, default=1):
            picks = [number % size for size in sizes]
        else:
            picks = [small.chance.randrange(size) for size in sizes]
        values = [column[pick] for column, pick in zip(columns, picks)]
        way = found.compare(written(given_parameters, values))
        if way and way not in found.settled:
            smaller(found, given_parameters, columns, values, way)
            found.settled.add(way)
    return "a small generator"


def smaller(found, given_parameters, columns, values, way):
    """Takes the first value of each column that differs in the same way."""
    for at, column in enumerate(columns):
        for value in column:
            other = [*values[:at], value, *values[at + 1 :]]
            if found.compare(written(given_parameters, other)) == way:
                values = other
                break


def drive(request):
    until = time.monotonic() + request["seconds"]
    module, function = load(request["head"], request["path"], request["function"])
    older = Older(request)
    limit(request["seconds"])
    found = Found(module, function, older)
    given = parameters(function)
    pool = constants(function)
    try:
        by = by_hypothesis(found, given, pool, request["calls"], until)
    except ImportError:
        by = by_small(found, given, pool, request["calls"], until)
    differences = [
        {"way": way, "arguments": arguments, "before": before, "now": now}
        for way, (_, arguments, before, now) in sorted(found.smallest.items())
    ]
    return {"by": by, "calls": len(found.seen) - found.unwritten, "differences": differences}


if __name__ == "__main__":
    # What the project prints is no answer.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.readline())
    if sys.argv[-1] == "serve":
        serve(asked)
    else:
        try:
            answer = drive(asked)
        except (Exception, SystemExit) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=out, flush=True)
        # What the functions left running does not keep this waiting.
        os._exit(0)
