//! What the path of a file says of it.

use std::ops::Range;
use std::path::Path;

use crate::tree::{Kind, NodeId, Role, Tree};

/// Where a file of Rust holds its own tests: modules and functions under `#[cfg(test)]` and `#[test]`.
pub fn tests_within(tree: &Tree) -> Vec<Range<usize>> {
    let is_of_tests = |decorator: NodeId| {
        let Some(value) = tree.child(decorator, Role::Value) else {
            return false;
        };
        let callee = tree.child(value, Role::Callee).unwrap_or(value);
        let is_cfg = tree.name(callee) == "cfg" && !tree.source(value).contains("not(");
        tree.name(callee) == "test"
            || is_cfg
                && tree
                    .subtree(value)
                    .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == "test")
    };
    tree.all()
        .filter(|id| tree.kind(*id) == Kind::Decorator && is_of_tests(*id))
        .filter_map(|decorator| tree.parent(decorator).filter(|parent| *parent != NodeId::ROOT))
        .map(|parent| tree.span(parent))
        .collect()
}

/// Whether a file is a test, an example or a fixture: what it holds does not run in production.
pub fn is_test(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let named = parts.pop().unwrap_or("");
    let file = named.to_ascii_lowercase();
    let of_java = named.strip_suffix(".java").is_some_and(|stem| {
        ["Test", "Tests", "IT", "TestCase"]
            .iter()
            .any(|ending| stem.ends_with(ending))
    });
    // `com/example/shop` is a package, and `src/main` what is delivered.
    let delivered = parts
        .windows(2)
        .position(|pair| pair == ["src", "main"])
        .map(|at| at + 2);
    let in_folder = parts.iter().enumerate().any(|(at, part)| {
        let is_package = delivered.is_some_and(|from| at >= from)
            || part.eq_ignore_ascii_case("example")
                && at > 0
                && matches!(parts.get(at - 1), Some(&("com" | "org" | "net" | "io" | "dev")));
        !is_package && is_folder_of_tests(&part.to_ascii_lowercase())
    });
    let stem = Path::new(&file)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("");
    in_folder
        || of_java
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "conftest" | "tests" | "test")
        || stem.ends_with(".test")
        || stem.ends_with(".spec")
        || stem.ends_with(".e2e-spec")
        || stem.ends_with(".stories")
}

fn is_folder_of_tests(name: &str) -> bool {
    name.starts_with("test_")
        || ["_test", "_tests", "-test", "-tests"]
            .iter()
            .any(|end| name.ends_with(end))
        || matches!(
            name,
            "test"
                | "tests"
                | "testing"
                | "__tests__"
                | "spec"
                | "specs"
                | "fixtures"
                | "testdata"
                | "e2e"
                | "mocks"
                | "__mocks__"
                | "example"
                | "examples"
                | "cypress"
                | "docs_src"
                | "__fixtures__"
                | "selftest"
        )
}

/// Whether a file is what tests read or load, and no program: `tests/data/cases/a.py`.
pub fn is_material(path: &str) -> bool {
    const MATERIAL: &[&str] = &[
        "data",
        "cases",
        "testdata",
        "snapshots",
        "requests",
        "input",
        "inputs",
        "output",
        "expected",
        "golden",
        "samples",
        "corpus",
        "resources",
        "fixtures",
        "__fixtures__",
        "snippets",
    ];
    let Some((folders, file)) = path.rsplit_once('/') else {
        return false;
    };
    let is_one = file.starts_with("test_")
        || file.starts_with("conftest")
        || file.contains("_test.")
        || file.contains(".test.")
        || file.contains(".spec.");
    is_test(path) && !is_one && folders.split('/').any(|part| MATERIAL.contains(&part))
}

/// Whether a file is for the machine of a developer.
pub fn is_local(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    crate::analysis::words::words(&file).iter().any(|word| {
        matches!(
            word.as_str(),
            "dev" | "development" | "local" | "debug" | "test" | "testing" | "ci"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{is_local, is_material, is_test};

    #[test]
    fn tests_are_known_by_their_paths() {
        for path in [
            "tests/a.py",
            "app/test_a.py",
            "a_test.go",
            "src/__tests__/a.js",
            "src/a.spec.ts",
            "conftest.py",
            "examples/a.py",
            "shop/CartTest.java",
            "test_server/data.json",
            "src/test/java/Cart.java",
            "src/test/java/com/example/Carts.java",
            "example/src/main.rs",
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in [
            "app/contest.py",
            "src/latest.ts",
            "attestation.go",
            "case",
            "src/main/java/com/example/Cart.java",
            "app/src/main/java/org/shop/testing/Cart.java",
            "java/com/example/Cart.java",
        ] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn what_tests_read_is_no_program() {
        assert!(is_material("tests/data/cases/comments.py"));
        assert!(!is_material("tests/data/test_cases.py"));
        assert!(!is_material("app/data/cases.py"));
    }

    #[test]
    fn settings_of_developers_are_known() {
        assert!(is_local("config/settings/dev.py"));
        assert!(is_local("settings_local.py"));
        assert!(!is_local("config/settings.py"));
        assert!(!is_local("device.py"));
    }
}
