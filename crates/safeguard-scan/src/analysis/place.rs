//! What the path of a file says of it.

use std::path::Path;

/// Whether a file is a test, an example or a fixture: what it holds does not run in production.
pub fn is_test(path: &str) -> bool {
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let file = parts.pop().unwrap_or("").to_ascii_lowercase();
    let in_folder = parts.iter().any(|part| {
        matches!(
            part.to_ascii_lowercase().as_str(),
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
    });
    let stem = Path::new(&file)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or("");
    in_folder
        || stem.starts_with("test_")
        || stem.ends_with("_test")
        || stem.ends_with("_tests")
        || matches!(stem, "conftest" | "tests" | "test")
        || stem.ends_with(".test")
        || stem.ends_with(".spec")
        || stem.ends_with(".e2e-spec")
        || stem.ends_with(".stories")
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
    use super::{is_local, is_test};

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
        ] {
            assert!(is_test(path), "{path}");
        }
        for path in ["app/contest.py", "src/latest.ts", "attestation.go", "case"] {
            assert!(!is_test(path), "{path}");
        }
    }

    #[test]
    fn settings_of_developers_are_known() {
        assert!(is_local("config/settings/dev.py"));
        assert!(is_local("settings_local.py"));
        assert!(!is_local("config/settings.py"));
        assert!(!is_local("device.py"));
    }
}
