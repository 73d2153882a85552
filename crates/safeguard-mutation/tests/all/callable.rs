//! Which changed functions can be called to compare, and why others can not.

use safeguard_mutation::{Lines, changed_functions, mutants};
use safeguard_scan::language::Language;
use safeguard_scan::scan;

/// A function a line: its parameters, or why it is not called.
fn told(path: &str, base: &str, head: &str) -> String {
    let read = |text: &str| scan::read(path, Language::of(path).expect("a language"), text).expect("a file");
    changed_functions(&read(base), &read(head))
        .into_iter()
        .map(|function| match function {
            Ok(function) => {
                let parameters = function.parameters.iter().map(|one| match &one.shape {
                    Some(shape) => format!("{}: {shape:?}", one.name),
                    None => one.name.clone(),
                });
                let head = &head[function.head];
                format!(
                    "{}({}) at {head:?}\n",
                    function.name,
                    parameters.collect::<Vec<_>>().join(", ")
                )
            }
            Err(other) => format!("{} {}\n", other.name, other.why),
        })
        .collect()
}

/// The same function in both versions, with a body that differs.
fn python(head: &str) -> String {
    told("app/code.py", &head.replace("1\n", "2\n"), head)
}

#[test]
fn only_what_differs_and_was_there_before_is_called() {
    let base = "def a(n: int):\n    return n\n\n\ndef b(n: int):\n    return n + 2\n\n\ndef moved(n: int):\n    return n\n";
    let head = "def moved(n: int):\n    # As it was.\n    return (n)\n\n\ndef a(n: int):\n    return n + 1\n\n\n\
        def b(m: int):\n    return m + 2\n\n\ndef new(n: int):\n    return n\n";
    assert_eq!(
        told("app/code.py", base, head),
        "a(n) at \"def a(n: int):\"\nb takes other arguments than before\n"
    );
    assert_eq!(told("tests/test_code.py", base, head), "");
}

#[test]
fn what_a_function_of_python_uses_decides_whether_it_is_called() {
    for (text, wanted) in [
        (
            "import math\n\ndef f(n: float):\n    return math.sqrt(n) + 1\n",
            "f(n) at \"def f(n: float):\"\n",
        ),
        (
            "def f(n=3, *rest, key='a'):\n    return n + 1\n",
            "f(n, key) at \"def f(n=3, *rest, key='a'):\"\n",
        ),
        (
            "def f(n):\n    return n + 1\n",
            "f has no type that is understood for `n`\n",
        ),
        (
            "from datetime import date\n\ndef f(n: int):\n    return date.today(), 1\n",
            "f calls `date.today`\n",
        ),
        (
            "import os\n\ndef f(n: int):\n    return os.environ['A'] + 1\n",
            "f uses `os`, which is not known to compute only\n",
        ),
        (
            "from shop import Refused\n\ndef f(n: int):\n    if n:\n        raise Refused(n)\n    return 1\n",
            "f(n) at \"def f(n: int):\"\n",
        ),
        (
            "def g(n: int):\n    return open(str(n))\n\n\ndef f(n: int):\n    return g(n), 1\n",
            "f uses `open`\n",
        ),
        (
            "LIMITS = {}\n\ndef f(n: int):\n    LIMITS[n] = 1\n",
            "f writes `LIMITS[n]`\n",
        ),
        (
            "def f(rows: list):\n    rows[0] = 1\n",
            "f(rows) at \"def f(rows: list):\"\n",
        ),
        (
            "import logging\nlog = logging.getLogger('a')\n\ndef f(n: int):\n    log.info('x')\n    return 1\n",
            "f(n) at \"def f(n: int):\"\n",
        ),
        (
            "app = start()\n\ndef f(n: int):\n    return 1\n",
            "f is in a file that calls `start()` when it is loaded\n",
        ),
        (
            "@app.get('/')\ndef f(n: int):\n    return 1\n",
            "f is under `@app.get('/')`\n",
        ),
        (
            "if __name__ == '__main__':\n    main()\n\ndef f(n: int):\n    return 1\n",
            "f(n) at \"def f(n: int):\"\n",
        ),
    ] {
        assert_eq!(python(text), wanted, "{text}");
    }
}

#[test]
fn types_of_typescript_and_comments_say_what_to_call_with() {
    let function = "export function f(kind: 'a' | 'b', rows: { n: number }[], most?: number) {\n  return rows.length + 1\n}\n";
    assert_eq!(
        told("src/code.ts", &function.replace("1\n", "2\n"), function),
        "f(kind: OneOf([Literal(\"'a'\"), Literal(\"'b'\")]), rows: List(Record([(\"n\", Number)])), most: OneOf([Undefined, Number])) \
         at \"export function f(kind: 'a' | 'b', rows: { n: number }[], most?: number)\"\n"
    );
    let arrow = "/** @param {string} name */\nexport const f = (name, sep = '-') => name + sep + 1\n";
    assert_eq!(
        told("src/code.js", &arrow.replace("1\n", "2\n"), arrow),
        "f(name: Text, sep: OneOf([Undefined, Text])) at \"(name, sep = '-') =>\"\n"
    );
}

#[test]
fn a_deep_text_is_answered() {
    let deep = format!(
        "def f(n: int):\n    return {}1{}\n",
        "(".repeat(150),
        ")".repeat(150)
    );
    let sum = format!("def f(n: int):\n    return {}\n", vec!["n"; 300].join(" + "));
    for text in [deep, sum] {
        if let Ok(source) = scan::read("app/a.py", Language::Python, &text) {
            assert!(mutants(&source, &Lines::all(), 5).len() <= 5);
            assert!(changed_functions(&source, &source).is_empty());
        }
    }
}
